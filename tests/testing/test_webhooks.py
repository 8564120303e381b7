"""Webhooks in process: an app, a respx router or a client takes them, and a test waits for them on its clock."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import pytest
import respx
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.api_kit import KEY, SECRET, run, signed
from tests.live_kit import hooks
from tests.process_kit import PATIENCE
from wiro_mock import WiroMock
from wiro_mock.misuse import Misuse

ACCOUNT: dict[str, Any] = {"seed": 1, "api_key": KEY, "api_secret": SECRET}
OURS = "https://captions.example/done"


class BackEnd:
    """A web app with a webhook route; `posts` are the bodies, `loops` where it was called."""

    def __init__(self, answer: Callable[[], Response] = lambda: PlainTextResponse("thanks")) -> None:
        self.posts: list[Any] = []
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.cut = 0
        self._answer = answer
        self.app = Starlette(routes=[Route("/done", self._done, methods=["POST"])])

    async def _done(self, request: Request) -> Response:
        self.loops.append(asyncio.get_running_loop())
        try:
            body = await request.body()
        except ClientDisconnect:
            self.cut += 1
            raise
        self.posts.append(json.loads(body))
        assert request.headers["content-length"] == str(len(body))
        assert str(request.url) == OURS
        return self._answer()


@contextmanager
def made(**given: Any) -> Iterator[tuple[WiroMock, BackEnd]]:
    back_end = BackEnd()
    with WiroMock(**ACCOUNT, **given) as wiro:
        yield wiro, back_end


def begin(wiro: WiroMock, **fields: str) -> str:
    return run(wiro.world, {"callbackUrl": OURS, **fields})[0]


def test_an_app_gets_the_webhook_and_a_test_waits_for_it() -> None:
    """Time jumps to the end of the task; nothing opens a socket, whatever the host."""
    with made() as (wiro, back_end):
        wiro.webhooks.to(back_end.app)
        hook = wiro.webhooks.wait(begin(wiro))
        assert (hook.state, hook.status, hook.attempts, hook.reason) == ("posted", 200, 1, "")
        (one,) = hook.tries
        assert (one.status, one.answer, one.error) == (200, "thanks", "")
        assert one.headers["content-type"].startswith("text/plain")
        assert one.sent.startswith('{"total":"1"')
        assert back_end.posts == [hook.json]
        moment = wiro.tasks[0].timeline[-1]
        assert (moment.kind, moment.at) == ("webhook", wiro.tasks[0].timeline[-2].at)
        assert f"hook-1: {one.size} bytes to {OURS}: 200 after " in moment.detail
        assert f"hook-1 to {OURS}: posted; attempt 1: 200, " in wiro.explain("req-1")


def test_attempts_are_made_on_the_worlds_clock() -> None:
    """A failing app is tried three times, two seconds apart, in no time."""
    answers = iter([500, 503, 200])
    back_end = BackEnd(lambda: Response(status_code=next(answers)))
    with WiroMock(**ACCOUNT, switches={"callback_attempts": 3}) as wiro:
        wiro.webhooks.to(back_end.app)
        hook = wiro.webhooks.wait(begin(wiro))
        assert [one.status for one in hook.tries] == [500, 503, 200]
        first, second, third = (one.at for one in hook.tries)
        assert (second - first, third - second) == (2, 2)
        assert [moment.kind for moment in wiro.tasks[0].timeline][-3:] == ["webhook"] * 3


def test_where_a_test_moves_time_the_next_attempt_waits_for_that() -> None:
    """And whoever waits in vain is told so."""
    answers = iter([500, 200])
    back_end = BackEnd(lambda: Response(status_code=next(answers)))
    with WiroMock(**ACCOUNT, time="manual", switches={"callback_attempts": 2}) as wiro:
        wiro.webhooks.to(back_end.app)
        task_id = begin(wiro)
        with pytest.raises(AssertionError, match=r"did not come within 0.01 s; .* time stands still: wiro.jump moves"):
            wiro.webhooks.wait(task_id, timeout="10ms")
        wiro.jump("10m")
        hook = wiro.deliveries[0]
        end = threading.Event()
        while not hook.tries or not wiro.world.deliveries.unposted:
            assert not end.wait(0.001)
        with pytest.raises(AssertionError, match=r"attempt 1 failed: answered with HTTP 500; .*time stands still"):
            wiro.webhooks.wait(task_id, timeout="10ms")
        wiro.jump("2s")
        assert wiro.webhooks.wait(task_id, timeout=PATIENCE).state == "posted"


def test_an_app_that_raises_has_answered_500() -> None:
    """As its server would have."""

    async def broken(scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        await receive()
        raise ZeroDivisionError("a bug of ours")

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def talks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})

    with made() as (wiro, _):
        for app, state, reason in (
            (broken, "failed", "answered with HTTP 500"),
            (silent, "failed", "the app has not answered"),
            (talks, "posted", ""),
        ):
            with wiro.webhooks.to(app):
                hook = wiro.webhooks.wait(begin(wiro))
                assert (hook.state, hook.reason) == (state, reason)


def test_a_redirect_is_not_followed() -> None:
    """Neither by an app nor by a client."""
    back_end = BackEnd(lambda: RedirectResponse(OURS, status_code=307))
    with (
        WiroMock(**ACCOUNT) as wiro,
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(307))) as client,
    ):
        for target in (back_end.app, client):
            with wiro.webhooks.to(target):
                hook = wiro.webhooks.wait(begin(wiro))
                assert hook.reason == "answered with HTTP 307; redirects are not followed"
        assert len(back_end.posts) == 1


def test_a_route_of_respx_gets_the_webhook() -> None:
    """Whether or not the router is at work; where no route is for it, that is said."""
    with made() as (wiro, _), respx.mock() as router:
        route = router.post(OURS).respond(202, json={"ok": True})
        wiro.webhooks.to(router)
        hook = wiro.webhooks.wait(begin(wiro))
        assert (hook.state, hook.reason) == ("failed", "answered with HTTP 202")
        assert json.loads(route.calls.last.request.content) == hook.json
        hook = wiro.webhooks.wait(begin(wiro, callbackUrl="https://nobody.example/"))
        assert hook.reason == "LookupError: no route of the respx router is for it"


def test_a_router_of_wiro_takes_them_beside_the_requests() -> None:
    """The back end's own route on the one router of the test."""
    with made() as (wiro, _), wiro.respx() as router:
        route = router.post(OURS).respond(200)
        wiro.webhooks.to(router, host="captions.*")
        assert wiro.webhooks.wait(begin(wiro)).state == "posted"
        assert route.call_count == 1


def test_hosts_that_are_nobodys_here_are_posted_to_on_sockets() -> None:
    """And explained, where that may not be."""
    with hooks() as target, made() as (wiro, back_end):
        wiro.webhooks.to(back_end.app, host="captions.example")
        assert wiro.webhooks.wait(begin(wiro, callbackUrl=target.url)).state == "posted"
        assert len(target.posts) == 1
        hook = wiro.webhooks.wait(begin(wiro, callbackUrl="http://192.0.2.1/"))
        assert (hook.state, "not loopback or private" in hook.reason) == ("not posted", True)


@pytest.mark.anyio
async def test_in_a_coroutine_the_app_lives_in_its_loop() -> None:
    """So what it shares with the test belongs to one loop; another thread's app has its own."""
    with made() as (wiro, back_end):
        wiro.webhooks.to(back_end.app)
        hook = await wiro.webhooks.wait_async(begin(wiro))
        assert hook.state == "posted"
        assert back_end.loops == [asyncio.get_running_loop()]
        with pytest.raises(Misuse, match=r"await webhooks.wait_async instead"):
            wiro.webhooks.wait(hook.task)


@pytest.mark.anyio
async def test_whoever_gives_up_waiting_moves_no_clock() -> None:
    """A cancelled wait ends its thread."""
    with made(time="manual") as (wiro, back_end):
        wiro.webhooks.to(back_end.app)
        task_id = begin(wiro)
        with anyio.move_on_after(0.01):
            await wiro.webhooks.wait_async(task_id, timeout=PATIENCE)
        wiro.world.set_time("auto")
        await to_thread.run_sync(lambda: None)
        assert not wiro.tasks[task_id].finished


def test_a_webhook_can_be_cut_off_in_process() -> None:
    """The app is told that its client has gone; what cannot be told so is said."""
    with made() as (wiro, back_end):
        wiro.fault("webhook", truncate=True, times=2)
        with wiro.webhooks.to(back_end.app):
            hook = wiro.webhooks.wait(begin(wiro))
            assert back_end.cut == 1
            assert hook.reason.startswith("cut off after ")
            assert hook.fault.startswith("the fault truncate on webhook, set at ")
        with respx.mock() as router, wiro.webhooks.to(router):
            assert "could not be done" in wiro.webhooks.wait(begin(wiro)).reason
            wiro.fault("webhook", drip=100)
            assert "nothing drips there" in wiro.webhooks.wait(begin(wiro)).reason


@pytest.mark.parametrize(
    ("do", "after", "cut", "reason"),
    [
        ("reset", None, 0, "reset before its first byte"),
        ("reset", 9, 1, "reset after 9 of "),
        ("hang", 9, 1, "stopped after 9 of "),
        ("disconnect", 9, 1, "cut off after 9 of "),
    ],
)
def test_a_webhook_breaks_off_in_process(do: str, after: int | None, cut: int, reason: str) -> None:
    """An app is not called for what its server would not have told it of; the next attempt is whole."""
    with made(switches={"callback_attempts": 2}) as (wiro, back_end):
        given: dict[str, Any] = {do: True} if after is None else {do: True, "after_bytes": after}
        wiro.fault("webhook", **given)
        wiro.webhooks.to(back_end.app)
        hook = wiro.webhooks.wait(begin(wiro))
        assert (hook.attempts, back_end.cut, back_end.posts) == (2, 2 * cut, [])
        assert hook.reason.startswith(reason)


def test_a_webhook_drips_in_process() -> None:
    """In many pieces, which an app reads as one body."""
    with made() as (wiro, back_end):
        wiro.fault("webhook", drip=100)
        wiro.webhooks.to(back_end.app)
        assert wiro.webhooks.wait(begin(wiro)).state == "posted"
        assert back_end.posts[0]["tasklist"][0]["pexit"] == "0"


def test_a_late_webhook_comes_after_the_poll() -> None:
    """In process, too: the poll that sees the end lets it go."""
    with made() as (wiro, back_end):
        wiro.webhooks.to(back_end.app)
        wiro.fault("webhook", late=True)
        with wiro.respx(), httpx.Client(base_url="https://api.wiro.ai/v1") as client:
            task_id = begin(wiro)
            wiro.jump("10m")
            with pytest.raises(AssertionError, match=r"waits until a poll has been answered with the end"):
                wiro.webhooks.wait(task_id, timeout="10ms")
            assert back_end.posts == []
            client.post("/Task/Detail", json={"taskid": task_id}, headers=signed())
        assert wiro.webhooks.wait(task_id).state == "posted"


def test_an_answer_that_is_late_comes_after_the_webhook() -> None:
    """A webhook that comes before its run's own answer: the job is not in anybody's table yet."""
    seen: list[str] = []
    with made() as (wiro, back_end), wiro.respx():
        back_end._answer = lambda: seen.append("webhook") or PlainTextResponse("")  # type: ignore[func-returns-value]
        wiro.webhooks.to(back_end.app)
        wiro.fault("Run", latency="10m")
        response = httpx.post(
            "https://api.wiro.ai/v1/Run/moondream3-preview/caption",
            json={"inputImageUrl": "https://example.com/cat.png", "callbackUrl": OURS},
            headers=signed(),
            timeout=None,
        )
        seen.append("answer")
        assert seen == ["webhook", "answer"]
        assert back_end.posts[0]["tasklist"][0]["id"] == response.json()["taskid"]


def test_what_cannot_be_is_said() -> None:
    """Nobody posts, no webhook, no such task, no receiver."""
    with made() as (wiro, back_end):
        task_id = begin(wiro)
        with pytest.raises(Misuse, match=r"nobody posts webhooks here; give them to your back end with"):
            wiro.webhooks.wait(task_id)
        with pytest.raises(Misuse, match="was run without a callbackUrl"):
            wiro.webhooks.wait(begin(wiro, callbackUrl=""))
        with pytest.raises(KeyError, match="no task has the id"):
            wiro.webhooks.wait("none")
        with pytest.raises(Misuse, match=r"webhooks.to: an ASGI app, a respx router or a client .* not 'app:main'"):
            wiro.webhooks.to("app:main")
        with pytest.raises(Misuse, match=r"webhooks.to: a host is a text"):
            wiro.webhooks.to(back_end.app, host="")
        with pytest.raises(AssertionError, match="no webhook is sent for it: its callbackUrl is no web address"):
            wiro.webhooks.wait(begin_and_finish(wiro, callbackUrl="junk"))


def begin_and_finish(wiro: WiroMock, **fields: str) -> str:
    task_id = begin(wiro, **fields)
    wiro.jump("10m")
    return task_id


def test_nothing_is_left_behind() -> None:
    """The thread ends with the Wiro."""
    with made() as (wiro, back_end):
        wiro.webhooks.to(back_end.app)
        assert any(thread.name == "wiro-mock-office" for thread in threading.enumerate())
    assert not any(thread.name == "wiro-mock-office" for thread in threading.enumerate())
    assert wiro.world.posters == 0
