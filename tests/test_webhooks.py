"""Webhooks: what is posted, where to, how often, and what becomes of those that are not."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import pytest

from tests.api_kit import signed
from tests.live_kit import Hooks, Live, answer_with, eventually, fate, hook_of, hooks, live
from tests.process_kit import PATIENCE
from wiro_mock import webhook_sending, webhooks
from wiro_mock.api import find_profile, switch
from wiro_mock.deliveries import AT_ONCE
from wiro_mock.kernel.rules import Limits

Answer: TypeAlias = Callable[[Any], None]
CURRENT = find_profile("current")


class Guards:
    """The guards on targets' time (10 s): here they run out when the test says so, and not before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert webhooks.TIMEOUT_SECONDS == 10
        self._set: list[tuple[asyncio.AbstractEventLoop, asyncio.Timeout]] = []
        self._real = asyncio.timeout
        monkeypatch.setattr(asyncio, "timeout", self._timeout)

    def _timeout(self, delay: float | None) -> asyncio.Timeout:
        if delay != webhooks.TIMEOUT_SECONDS:
            return self._real(delay)
        guard = self._real(None)
        self._set.append((asyncio.get_running_loop(), guard))
        return guard

    def run_out(self) -> None:
        """Let the time of the first attempt be over."""
        loop, guard = self._set.pop(0)
        loop.call_soon_threadsafe(guard.reschedule, 0)


@pytest.mark.parametrize("scenario", ["caption", "failure", "cancelled-in-queue", "setup-error-fail"])
def test_the_final_detail_is_posted_once_however_the_task_ends(scenario: str) -> None:
    """As JSON, without anybody following the task; the body is byte for byte what Detail answers (rest.md §6)."""
    with hooks() as target, live(poll=0) as running:
        running.world.use(scenario)
        task_id, _ = running.run(callbackUrl=f"{target.url}?a=b%20c&d")
        hook = hook_of(running, task_id)
        assert (hook["state"], hook["status"], hook["attempts"], hook["reason"]) == ("posted", 200, 1, None)
        ((headers, body, path),) = target.posts
        assert path == "/hook?a=b%20c&d"
        assert headers["content-type"] == "application/json"
        assert headers["host"] == f"127.0.0.1:{target.port}"
        assert "authorization" not in headers
        assert body == _detail_bytes(running, task_id)
        assert json.loads(body)["tasklist"][0]["status"] in ("task_postprocess_end", "task_cancel")


def _detail_bytes(running: Live, task_id: str) -> bytes:
    return running.http.post("/v1/Task/Detail", json={"taskid": task_id}, headers=signed()).content


def test_a_running_server_posts_in_real_time_too() -> None:
    """And urls in the body have the origin of the Run."""
    with hooks() as target, live(time="100x") as running:
        task_id, _ = running.run(callbackUrl=target.url)
        assert hook_of(running, task_id)["state"] == "posted"
        (file,) = json.loads(target.posts[0][1])["tasklist"][0]["outputs"]
        assert file["url"].startswith(running.thread.url)


def test_switches_choose_the_body_and_whether_a_cancel_is_told() -> None:
    """`callback_shape=task` is the bare task; `callback_on_cancel=false` is silent on a cancel."""
    profile = switch(switch(CURRENT, "callback_shape=task"), "callback_on_cancel=false")
    with hooks() as target, live(poll=0, profile=profile) as running:
        running.world.use("cancelled-in-queue", times=1)
        cancelled, token = running.run(callbackUrl=target.url)
        assert running.frames_of(token)[-1]["type"] == "task_cancel"
        task_id, _ = running.run(callbackUrl=target.url)
        assert hook_of(running, task_id)["state"] == "posted"
        assert json.loads(target.posts[0][1])["id"] == task_id
        assert [hook["task"] for hook in running.admin("/webhooks")["webhooks"]] == [task_id] != [cancelled]


def test_a_failing_target_is_tried_as_often_as_the_switch_says() -> None:
    """Once by default; with three attempts, the second of which goes well, twice."""

    def second_time_lucky(handler: Any) -> None:
        answer_with(200 if len(target.posts) == 2 else 500)(handler)

    with hooks(second_time_lucky) as target, live() as running:
        hook = fate(running, target.url)
        assert (hook["state"], hook["status"], hook["attempts"]) == ("failed", 500, 1)
        assert hook["reason"] == "answered with HTTP 500"
    with hooks(second_time_lucky) as target, live(profile=switch(CURRENT, "callback_attempts=3")) as running:
        task_id, _ = running.run(callbackUrl=target.url)
        eventually(lambda: hook_of(running, task_id)["state"] == "posted")
        hook = hook_of(running, task_id)
        assert hook["attempts"] == 2
        first, second = hook["tries"]
        assert second["at"] - first["at"] == 2  # on the world's clock (rest.md §6)
        assert (first["response"]["status"], first["error"]) == (500, "answered with HTTP 500")
        assert (second["response"]["status"], second["error"]) == (200, None)
        assert second["response"]["body"] == '{"ok":true}'
        assert first["request"] == second["request"]
        assert first["seconds"] > 0


@pytest.mark.parametrize("seconds", ["0", "0.5", "3600"])
def test_the_next_attempt_is_due_when_the_switch_says(seconds: str) -> None:
    """On the world's clock: three times in an hour and more, in no time."""
    profile = switch(switch(CURRENT, "callback_attempts=3"), f"callback_backoff={seconds}")
    with hooks(answer_with(500)) as target, live(profile=profile) as running:
        hook = fate(running, target.url)
        first, second, third = (one["at"] for one in hook["tries"])
        assert (second - first, third - second) == (float(seconds), float(seconds))
        assert any(f"the next is due after {float(seconds):g} s" in line for line in running.told)


def garbage(data: bytes) -> Answer:
    def answer(handler: Any) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return answer


def endless(handler: Any) -> None:
    answer_with(200, b"", **{"content-length": "99999999999"})(handler)
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (
            answer_with(302, b"", location="http://127.0.0.1:1/"),
            "failed",
            "answered with HTTP 302; redirects are not followed",
        ),
        (answer_with(204, b""), "failed", "answered with HTTP 204"),
        (answer_with(200, b"x" * 10_000_000), "posted", None),
        (endless, "posted", None),
        (garbage(b"hello\r\n\r\n"), "failed", "the answer is no HTTP"),
        (garbage(b""), "failed", "the answer is no HTTP"),
        (garbage(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000), "failed", "the answer is no HTTP"),
        (garbage(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), "posted", None),
    ],
    ids=["redirect", "204", "10 MB", "endless", "garbage", "nothing", "headers without end", "100 first"],
)
def test_whatever_a_target_answers_has_a_clear_end(answer: Answer, state: str, reason: str | None) -> None:
    """At most 64 KiB are read, a redirect is not followed, and what is no HTTP is said to be none."""
    with hooks(answer) as target, live() as running:
        hook = fate(running, target.url)
        assert (hook["state"], hook["attempts"]) == (state, 1)
        assert (hook["reason"] or "").startswith(reason or "")
        assert len(target.posts) == 1


def without_end(status: int, cut: threading.Event) -> Answer:
    """An answer of which nothing but the headers comes, until the connection is cut."""

    def answer(handler: Any) -> None:
        answer_with(status, b"", **{"content-length": "9"})(handler)
        cut.wait(PATIENCE)
        handler.close_connection = True

    return answer


@pytest.mark.parametrize(("status", "state"), [(200, "posted"), (503, "failed")])
@pytest.mark.parametrize("soon", [True, False])
def test_an_answer_is_judged_by_its_status_even_when_its_body_does_not_end(
    monkeypatch: pytest.MonkeyPatch, status: int, state: str, soon: bool
) -> None:
    """The status counts from when the headers are there; the reason tells of the rest."""
    guards, cut = Guards(monkeypatch), threading.Event()
    if soon:
        cut.set()
    with hooks(without_end(status, cut)) as target, live() as running:
        task_id, _ = running.run(callbackUrl=target.url)
        if not soon:
            eventually(lambda: running.world.webhooks and running.world.webhooks[0].status == status)
            guards.run_out()
        hook = hook_of(running, task_id)
        cut.set()
        assert (hook["state"], hook["status"], hook["attempts"]) == (state, status, 1)
        expected = "the body of the answer did not end" if status == 200 else "answered with HTTP 503"
        assert hook["reason"].startswith(expected)


def held(gate: threading.Event) -> Answer:
    """A good answer, once the gate is open."""

    def answer(handler: Any) -> None:
        gate.wait(PATIENCE)
        answer_with()(handler)

    return answer


def test_the_body_is_the_task_as_it_ended_whenever_it_is_posted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of a task that got its id after a reset, nor one whose files were deleted or that was forgotten."""
    Guards(monkeypatch)
    gate = threading.Event()
    with hooks(held(gate)) as target, live(poll=0, limits=Limits(finished=20)) as running:
        for n in range(AT_ONCE):
            running.run(callbackUrl=target.url, prompt=f"old {n}")
        eventually(lambda: len(target.posts) == AT_ONCE)
        waiting = [running.run(callbackUrl=target.url, prompt=f"next {n}")[0] for n in range(22)]
        eventually(lambda: len(running.world.webhooks) == AT_ONCE + 22)
        assert running.world.sim.task(waiting[0]) is None
        running.post("/v1/Task/InputOutputDelete", {"taskid": waiting[-1]})
        gate.set()
        eventually(lambda: all(hook.state == "posted" for hook in running.world.webhooks))
        tasks = [json.loads(body)["tasklist"][0] for _, body, _ in target.posts[AT_ONCE:]]
        assert sorted(task["id"] for task in tasks) == sorted(waiting)
        assert all(len(task["outputs"]) == 1 for task in tasks)
        assert all(hook.task is None for hook in running.world.webhooks)


def test_after_a_reset_no_old_target_hears_of_new_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed draws the same ids again."""
    Guards(monkeypatch)
    gate = threading.Event()
    with hooks(held(gate)) as target, live(poll=0) as running:
        for _ in range(AT_ONCE + 5):
            running.run(callbackUrl=f"{target.url}/old", prompt="old")
        eventually(lambda: len(target.posts) == AT_ONCE)
        running.world.reset()
        for _ in range(AT_ONCE + 5):
            running.run(callbackUrl=f"{target.url}/new", prompt="new")
        gate.set()
        eventually(lambda: len(running.world.webhooks) == AT_ONCE + 5)
        eventually(lambda: all(hook.state == "posted" for hook in running.world.webhooks))
        told = [(path, json.loads(body)["tasklist"][0]["parameters"]["prompt"]) for _, body, path in target.posts]
        assert sorted(told) == [("/hook/new", "new")] * (AT_ONCE + 5) + [("/hook/old", "old")] * AT_ONCE


def test_a_slow_target_and_one_that_is_down_have_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 s for the whole attempt, however much of an answer has come by then; others are not held up meanwhile."""
    guards, cut = Guards(monkeypatch), threading.Event()

    def drip(handler: Any) -> None:
        with suppress(OSError):
            while not cut.wait(0.01):
                handler.wfile.write(b"H")

    with hooks(drip) as slow, hooks() as quick, live() as running:
        task_id, _ = running.run(callbackUrl=slow.url)
        eventually(lambda: slow.posts)
        assert fate(running, quick.url)["state"] == "posted"
        assert running.world.webhooks[0].state == "waiting"
        guards.run_out()
        assert hook_of(running, task_id)["reason"] == "no answer within 10 s"
        cut.set()
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            monkeypatch.setattr(webhook_sending, "CONTAINER_MARKS", ())
            down = fate(running, f"http://127.0.0.1:{port}/")
            monkeypatch.setattr(webhook_sending, "CONTAINER_MARKS", (__file__,))
            inside = fate(running, f"http://127.0.0.1:{port}/")
        told = f"could not connect to 127.0.0.1 port {port} from where the mock runs: nothing listens there"
        assert (down["state"], down["reason"], down["tries"][0]["error"]) == ("failed", told, told)
        assert inside["reason"].startswith(
            f"{told} (it runs in a container, {socket.gethostname()}, whose localhost is"
        )
        assert "host.docker.internal" in inside["reason"]
        assert any("nothing listens there" in line for line in running.told)
        running.check_healthy()


def test_a_receiver_that_resets_is_told_of() -> None:
    """Neither a crash nor a wait."""
    with socket.create_server(("127.0.0.1", 0)) as server, live() as running:

        def take() -> None:
            there, _ = server.accept()
            there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            there.recv(1)
            there.close()

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        hook = fate(running, f"http://127.0.0.1:{server.getsockname()[1]}/")
        thread.join(PATIENCE)
        assert (hook["state"], hook["reason"]) == ("failed", "the receiver has reset the connection")


def test_slow_receivers_of_all_their_places_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each target has a line of its own: more webhooks than it has places wait there, and only there."""
    Guards(monkeypatch)
    gate = threading.Event()
    with hooks(held(gate)) as slow, hooks() as quick, live(poll=0) as running:
        for _ in range(AT_ONCE + 10):
            running.run(callbackUrl=slow.url)
        eventually(lambda: len(slow.posts) == AT_ONCE)
        assert fate(running, quick.url)["state"] == "posted"
        assert len(running.world.deliveries.unposted) == 10
        gate.set()
        eventually(lambda: all(hook.state == "posted" for hook in running.world.webhooks))


def test_an_https_target_whose_certificate_nobody_vouches_for_has_a_reason(tmp_path: Any) -> None:
    """It is neither posted to nor a crash."""
    with hooks() as target, live() as running:
        hook = fate(running, target.url.replace("http:", "https:"))
        assert hook["state"] == "failed"
        assert "SSL" in hook["reason"]
        assert not target.posts


def test_proxies_from_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook is posted from here to there."""
    with hooks() as target, hooks() as proxy, live() as running:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert fate(running, target.url)["state"] == "posted"
        assert not proxy.posts


def test_a_test_that_patches_httpx_in_this_process_does_not_catch_webhooks() -> None:
    """respx and the server may run in one process: what the mock itself sends is not the client's."""  # noqa: D403
    import respx

    with hooks() as target, live() as running, respx.mock(assert_all_mocked=True) as router:
        router.route(host="127.0.0.1", port=running.thread.port).pass_through()
        assert fate(running, target.url)["state"] == "posted"


def test_a_webhook_of_a_forgotten_task_is_posted_all_the_same() -> None:
    """It remembers the task itself."""
    with hooks() as target, live(limits=Limits(finished=0)) as running:
        hook = fate(running, target.url)
        assert hook["state"] == "posted"


def test_stopping_waits_for_no_target_and_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that hangs, a resolver that hangs: the server stops before them, and says what was not posted."""
    Guards(monkeypatch)
    hanging, ended = threading.Event(), list[str]()

    def hang(handler: Any) -> None:
        hanging.wait(PATIENCE)
        ended.append("receiver")

    def never(host: str, *more: Any, **named: Any) -> Any:
        if not str(host).endswith(".test"):
            return real(host, *more, **named)
        hanging.wait(PATIENCE)
        ended.append("resolver")
        return []

    real = socket.getaddrinfo
    with hooks(hang) as target, live() as running:
        monkeypatch.setattr(socket, "getaddrinfo", never)
        running.run(callbackUrl=target.url)
        running.run(callbackUrl="http://slow.test/")
        eventually(lambda: target.posts)
        eventually(lambda: [hook.reason for hook in running.world.webhooks] == ["being posted"] * 2)
        running.thread.stop()
        assert ended == []
        assert {(hook.state, hook.reason) for hook in running.world.webhooks} == {
            ("not posted", "the server stopped before it was posted")
        }
        hanging.set()


def test_many_webhooks_are_posted_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty connections at once and no more, and each exactly once."""
    Guards(monkeypatch)
    most = [0]
    lock, now, gate = threading.Lock(), [0], threading.Event()

    def count(handler: Any) -> None:
        with lock:
            now[0] += 1
            most.append(now[0])
        gate.wait(PATIENCE)
        with lock:
            now[0] -= 1
        answer_with()(handler)

    target: Hooks
    with hooks(count) as target, live(poll=0) as running:
        ids = [running.run(callbackUrl=target.url)[0] for _ in range(60)]
        eventually(lambda: max(most) >= AT_ONCE)
        gate.set()
        eventually(lambda: len(target.posts) == 60 and now == [0])
        assert sorted(json.loads(body)["tasklist"][0]["id"] for _, body, _ in target.posts) == sorted(ids)
        assert max(most) == AT_ONCE


def test_a_mistake_of_ours_is_told_and_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands where the reason would."""

    async def broken(*_: object) -> int:
        await asyncio.sleep(0)
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(webhooks, "send", broken)
    with live() as running:
        assert fate(running, "http://127.0.0.1:1/")["reason"].startswith("a mistake in wiro_mock itself: ZeroDivision")
        running.check_healthy()
