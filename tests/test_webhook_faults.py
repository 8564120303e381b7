"""What goes wrong with webhooks on their way: each verb of the place `webhook`, as a receiver on a socket meets it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import api_kit
from tests.api_kit import make_world
from tests.live_kit import Hooks, Live, answer_with, eventually, hook_of, hooks, live
from tests.process_kit import PATIENCE
from wiro_mock.api import find_profile, switch
from wiro_mock.casting import Use
from wiro_mock.deliveries import BYTES_KEPT
from wiro_mock.faults import Fault
from wiro_mock.faults.bodies import BODIES, wrecked_body
from wiro_mock.kernel.events import SECOND
from wiro_mock.language.fault_actions import Do
from wiro_mock.language.verbs import VERBS
from wiro_mock.loader import make_fault, make_scenario

BREAKS = ("truncate", "reset", "disconnect", "hang")
OWN = b'{"tasklist":[{"id":"1","pexit":"0"}],"result":true}'
DONE = ("drop", "duplicate", "reorder", "late", "latency", "content_type", "ok", "drip", *BREAKS)


def arm(running: Live, do: Any, **more: Any) -> Fault:
    """Arm a fault of webhooks."""
    item = make_fault({"on": "webhook", "do": do, **more})
    with running.world.lock:
        return running.world.faults.arm(Fault(item=item, where="here"))


@contextmanager
def struck(do: Any, **settings: Any) -> Iterator[tuple[Live, Hooks, dict[str, Any]]]:
    """The server, the receiver, and the only webhook, which this fault has struck."""
    with hooks() as target, live(poll=0, **settings) as running:
        arm(running, do)
        yield running, target, hook_of(running, running.run(callbackUrl=target.url)[0])


def shown(target: Hooks, at: int = 0) -> Any:
    """The task that a post shows."""
    return json.loads(target.posts[at][1])["tasklist"][0]


def test_every_verb_of_webhooks_is_done_somewhere() -> None:
    """No row of the table is a word only."""
    assert {name for name, verb in VERBS.items() if "webhook" in verb.where} == {*BODIES, *DONE}


@pytest.mark.parametrize(
    ("do", "expected"),
    [("pexit", "1"), ({"pexit": 137}, "137"), ({"pexit": 0, "duplicate": True}, "0")],
)
def test_a_webhook_tells_another_exit_code_than_detail(do: Any, expected: str) -> None:
    """The log never lies: only the bytes do."""
    with struck(do) as (running, target, hook):
        assert hook["state"] == "posted"
        assert shown(target)["pexit"] == expected
        (task,) = running.world.sim.tasks()
        assert task.exit_code == 0
        assert hook["fault"].endswith("set at here, no. 1 of 1")
        assert any(hook["fault"] in line for line in running.told)


def test_a_failure_can_be_told_as_a_success() -> None:
    """The other way round."""
    with hooks() as target, live(poll=0) as running:
        arm(running, "pexit")
        running.world.use("failure")
        hook_of(running, running.run(callbackUrl=target.url)[0])
        assert shown(target)["pexit"] == "0"


def test_a_missing_one_is_never_posted_and_says_why() -> None:
    """The next one comes."""
    with struck("drop") as (running, target, hook):
        assert (hook["state"], hook["attempts"]) == ("not posted", 0)
        assert hook["reason"] == "the fault drop on webhook, set at here, no. 1 of 1"
        assert hook_of(running, running.run(callbackUrl=target.url)[0])["state"] == "posted"
        assert len(target.posts) == 1


def test_one_comes_twice_with_the_same_bytes() -> None:
    """And is posted only when both have come."""
    with struck("duplicate") as (_, target, hook):
        assert (hook["state"], hook["attempts"]) == ("posted", 2)
        assert target.posts[0] == target.posts[1]
        assert [one["response"]["status"] for one in hook["tries"]] == [200, 200]


def test_one_that_was_taken_once_stays_posted_when_its_copy_is_refused() -> None:
    """The reason tells of the second."""

    def once(handler: Any) -> None:
        answer_with(200 if len(target.posts) == 1 else 409)(handler)

    with hooks(once) as target, live(poll=0) as running:
        arm(running, "duplicate")
        hook = hook_of(running, running.run(callbackUrl=target.url)[0])
        assert (hook["state"], hook["reason"]) == ("posted", "answered with HTTP 409")


def test_one_comes_after_the_next_one_of_another_task() -> None:
    """Until there is one, it says what it waits for."""
    with hooks() as target, live(poll=0) as running:
        arm(running, "reorder")
        first = running.run(callbackUrl=target.url)[0]
        eventually(lambda: running.world.webhooks)
        assert running.world.webhooks[0].reason == "waits until the next webhook has been posted"
        second = running.run(callbackUrl=target.url)[0]
        assert hook_of(running, first)["state"] == "posted"
        assert [shown(target, at)["id"] for at in (0, 1)] == [second, first]


def test_a_late_one_comes_when_a_poll_has_seen_the_end_and_not_before() -> None:
    """With `latency`, so much later than that on the world's clock."""
    with hooks() as target, live(time="manual") as running:
        arm(running, {"late": True, "latency": "30s"})
        task_id, _ = running.run(callbackUrl=target.url)
        running.detail(task_id)
        running.world.jump(running.world.sim.now + 600 * SECOND)
        (hook,) = running.world.webhooks
        assert hook.reason == "waits until a poll has been answered with the end of its task"
        ended = running.world.sim.now
        running.detail(task_id)
        assert (hook.state, hook.due - ended, target.posts) == ("waiting", 30 * SECOND, [])
        running.world.jump(ended + 30 * SECOND)
        assert hook_of(running, task_id)["state"] == "posted"
        assert hook.tries[0].at == ended + 30 * SECOND


def test_latency_is_time_of_the_world() -> None:
    """An hour takes no time where it jumps."""
    with struck({"latency": "1h"}) as (_, _, hook):
        assert hook["tries"][0]["at"] - hook["at"] == 3600


@pytest.mark.parametrize("size", [200_000, 10_000_000])
def test_a_huge_one_is_json_of_that_size(size: int) -> None:
    """Of which a few bytes are remembered."""
    with struck({"huge": size}) as (running, target, hook):
        assert hook["state"] == "posted"
        assert len(target.posts[0][1]) == size
        assert shown(target)["pexit"] == "0"
        assert hook["tries"][0]["request"]["size"] == size
        assert len(running.world.webhooks[0].tries[0].sent) <= BYTES_KEPT


def test_a_receiver_that_refuses_before_it_has_read_is_heard() -> None:
    """413 and the door shut, as servers do."""
    with socket.create_server(("127.0.0.1", 0)) as server, live(poll=0) as running:

        def refuse() -> None:
            with server.accept()[0] as there:
                there.recv(1)
                there.sendall(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n")
                there.shutdown(socket.SHUT_WR)
                there.settimeout(PATIENCE)
                while there.recv(1 << 20):
                    pass

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        arm(running, {"huge": 1 << 26})
        hook = hook_of(running, running.run(callbackUrl=f"http://127.0.0.1:{server.getsockname()[1]}/")[0])
        assert (hook["state"], hook["reason"]) == ("failed", "answered with HTTP 413")
        thread.join(PATIENCE)


def test_a_truncated_one_ends_in_the_middle_of_its_body() -> None:
    """The head promises more than comes; then FIN. Another attempt is the same."""
    received = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def take() -> None:
            for _ in range(2):
                with server.accept()[0] as there:
                    there.settimeout(PATIENCE)
                    received.append(b"".join(iter(lambda: there.recv(1 << 16), b"")))

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        with live(poll=0, profile=switch(find_profile("current"), "callback_attempts=2")) as running:
            arm(running, {"truncate": 100})
            hook = hook_of(running, running.run(callbackUrl=f"http://127.0.0.1:{server.getsockname()[1]}/")[0])
            thread.join(PATIENCE)
    head, _, body = received[0].partition(b"\r\n\r\n")
    length = next(int(line.split()[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    assert (len(body), hook["state"], hook["attempts"]) == (100, "failed", 2)
    assert length > 100
    assert received[0] == received[1]
    assert hook["reason"].startswith(f"cut off after 100 of {length} bytes: the fault truncate 100 on webhook")


class Listening:
    """A receiver that hears what comes on each connection, and how it ends: by a FIN or by a RST."""

    def __init__(self, count: int = 1) -> None:
        self.heard: list[tuple[bytes, str]] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}/"
        self.thread = threading.Thread(target=self._listen, args=(count,), daemon=True)
        self.thread.start()

    def _listen(self, count: int) -> None:
        with self._server:
            for _ in range(count):
                with self._server.accept()[0] as there:
                    there.settimeout(PATIENCE)
                    self.heard.append(self._hear(there))

    def _hear(self, there: socket.socket) -> tuple[bytes, str]:
        got = b""
        try:
            while data := there.recv(1 << 16):
                got += data
        except ConnectionResetError:
            return got, "reset"
        return got, "end"


@pytest.mark.parametrize(("do", "ends"), [("reset", "reset"), ("disconnect", "end"), ("hang", "end")])
@pytest.mark.parametrize("after", [None, 0, 50, 10**9])
def test_one_breaks_off_before_its_first_byte_or_after_so_many(do: str, ends: str, after: int | None) -> None:
    """As far as it comes it is what it would have been; the attempt has failed, and says how."""
    receiver = Listening()
    with live(poll=0) as running:
        arm(running, do, **({} if after is None else {"when": {"after_bytes": after}}))
        hook = hook_of(running, running.run(callbackUrl=receiver.url)[0])
    receiver.thread.join(PATIENCE)
    ((got, ended),) = receiver.heard
    assert (hook["state"], hook["attempts"], ended) == ("failed", 1, ends)
    how = {"reset": "reset", "disconnect": "cut off", "hang": "stopped"}[do]
    head, _, body = got.partition(b"\r\n\r\n")
    if after is None:
        assert (got, hook["reason"]) == (b"", f"{how} before its first byte: {hook['fault']}")
        return
    size = hook["tries"][0]["request"]["size"]
    most = min(after, size - 1)
    assert hook["reason"] == f"{how} after {most} of {size} bytes: {hook['fault']}"
    if do != "reset":  # a RST overtakes what has not been read
        assert len(body) == most
        assert f"content-length: {size}".encode() in head


def test_a_hang_keeps_the_connection_open_as_long_as_the_world_says() -> None:
    """Where time passes; or until the receiver goes."""
    with socket.create_server(("127.0.0.1", 0)) as server, live(time="1000x") as running:
        arm(running, "hang", when={"after_bytes": 10})
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        task_id = running.run(callbackUrl=url)[0]
        with server.accept()[0] as there:
            there.settimeout(PATIENCE)
            while there.recv(1 << 16):
                pass
        (seconds,) = [one["seconds"] for one in hook_of(running, task_id)["tries"]]
        assert seconds >= 0.01  # ten of the world's


def test_one_drips() -> None:
    """Whole in the end; where time does not pass by itself, at once."""
    with struck({"drip": 50}) as (_, target, hook):
        assert (hook["state"], shown(target)["pexit"]) == ("posted", "0")
    with hooks() as target, live(time="1000x") as running:
        arm(running, {"drip": 20_000})
        hook = hook_of(running, running.run(callbackUrl=target.url)[0])
        assert (hook["state"], shown(target)["pexit"]) == ("posted", "0")
        assert hook["tries"][0]["seconds"] >= hook["tries"][0]["request"]["size"] / 20_000 / 1000


def test_the_set_webhook_trouble_does_what_it_says() -> None:
    """None, late, out of order, whole, cut off, no JSON, 10 MB, ten minutes late, and then as they should be."""
    with hooks() as target, live(poll=0) as running:
        running.world.arm_set("webhook-trouble", where="here")
        ids = []
        for number in range(9):
            ids.append(running.run(callbackUrl=target.url)[0])
            if number == 1:
                eventually(lambda: "a poll has been answered" in running.world.webhooks[-1].reason)
                running.detail(ids[-1])
            if number != 2:
                hook_of(running, ids[-1])
        fates = [hook_of(running, task_id) for task_id in ids]
    assert [one["state"] for one in fates] == ["not posted", *["posted"] * 3, "failed", *["posted"] * 4]
    assert fates[4]["reason"].startswith("cut off after ")
    posted = [_id_in(body) for _, body, _ in target.posts]
    assert posted == [ids[1], ids[3], ids[2], "", "", ids[6], ids[7], ids[8]]
    assert len(target.posts[5][1]) == 10_000_000
    assert fates[7]["tries"][0]["at"] - fates[7]["at"] == 600


def _id_in(body: bytes) -> str:
    try:
        return str(json.loads(body)["tasklist"][0]["id"])
    except ValueError:
        return ""


@pytest.mark.parametrize(
    ("do", "body"),
    [({"top_level": "null"}, b"null"), ({"top_level": "array"}, b"[]"), ({"garbage": 9}, None), ("bad_json", None)],
)
def test_what_is_no_task_at_all(do: Any, body: bytes | None) -> None:
    """Posted as it is, with the content type that goes with a webhook."""
    with struck(do) as (_, target, hook):
        assert hook["state"] == "posted"
        headers, posted, _ = target.posts[0]
        assert headers["content-type"] == "application/json"
        if body is not None:
            assert posted == body
        else:
            with pytest.raises(ValueError, match=r"Expecting|decode|Unterminated|delimiter"):
                json.loads(posted)


def test_a_scenario_strikes_the_webhook_of_its_own_run_only() -> None:
    """By the status at the end, too."""
    spec = {
        "scenario": "lies",
        "steps": [{"exit": 1}],
        "faults": [{"on": "webhook", "when": {"status": "task_postprocess_end"}, "do": "pexit"}],
    }
    with hooks() as target, live(poll=0) as running:
        other = running.run(callbackUrl=target.url)[0]
        hook_of(running, other)
        with running.world.lock:
            running.world.casting.use(Use(scenarios=(make_scenario(spec),), model="*", times=1))
        hook_of(running, running.run(callbackUrl=target.url)[0])
        hook_of(running, running.run(callbackUrl=target.url)[0])
        assert [shown(target, at)["pexit"] for at in range(3)] == ["0", "0", "0"]
        assert [task.exit_code for task in running.world.sim.tasks()] == [0, 1, 0]


@given(
    do=st.sampled_from([{"pexit": True}, {"huge": 5_000}, {"corrupt": 3}, {"garbage": 40}, {"bad_json": True}]),
    noise=st.integers(0, 1 << 64),
    text=st.text(max_size=50),
)
def test_the_bytes_of_a_webhook_are_the_same_at_every_attempt(do: dict[str, Any], noise: int, text: str) -> None:
    """They depend on the draw only; and what is huge or lies is still JSON."""
    own = json.dumps({"tasklist": [{"pexit": "0", "debugoutput": text}], "result": True}).encode()
    first, second = (b"".join(wrecked_body(Do.model_validate(do), own, noise)) for _ in range(2))
    assert first == second != own
    if do.keys() & {"pexit", "huge"}:
        assert json.loads(first)["tasklist"][0]["debugoutput"] == text
    if "corrupt" in do:
        assert len(first) == len(own)


def test_the_draws_do_not_depend_on_when_a_webhook_is_posted() -> None:
    """Two worlds of one seed strike the same webhooks."""

    def fates() -> list[str]:
        world = make_world(time="manual")
        world.faults.arm(Fault(item=make_fault({"on": "webhook", "when": {"share": 0.5}, "do": "drop"})))
        for _ in range(20):
            api_kit.run(world, {"callbackUrl": "http://127.0.0.1:9/"})
        world.jump(world.sim.now + 600 * SECOND)
        return [hook.state for hook in world.webhooks]

    first = fates()
    assert first == fates()
    assert {*first} == {"not posted", "waiting"}
