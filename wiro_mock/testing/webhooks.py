"""`wiro.webhooks`: where webhooks go in process, and waiting for one, on the world's clock."""

from __future__ import annotations

import asyncio
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from wiro_mock.clock import monotonic
from wiro_mock.misuse import Misuse
from wiro_mock.receivers import AsgiReceiver, CallReceiver, Receiver
from wiro_mock.testing.era import Era, present
from wiro_mock.testing.holding import LOOK_AGAIN
from wiro_mock.testing.options import seconds
from wiro_mock.testing.sequences import check_no_loop, tasks
from wiro_mock.testing.views import Delivery, Task, delivery_view

if TYPE_CHECKING:
    from datetime import timedelta

    from wiro_mock.deliveries import Webhook
    from wiro_mock.mock import World
    from wiro_mock.office import Office

__tracebackhide__ = True  # a failure is in the tester's line
NOBODY = (
    "nobody posts webhooks here; give them to your back end with wiro.webhooks.to(app), or use wiro_server or "
    "wiro.serve(), which post to private addresses"
)


class Receiving:
    """Webhooks go to a receiver in this process, until the end of the test, or of the with block."""

    def __init__(self, world: World, receiver: Receiver, host: str) -> None:
        self._world = world
        self._receiver = receiver
        world.receivers.add(host, receiver)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()

    def undo(self) -> None:
        """They go where they went before. Again is no error."""
        self._world.receivers.remove(self._receiver)


class Webhooks:
    """The webhooks of a Wiro: where they go, and waiting for one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._office: Office | None = None

    def to(self, target: Any, *, host: str = "*") -> Receiving:
        """Give webhooks for these hosts (a glob; by default all) to a back end in this process from now on.

        `target` is an ASGI app, a respx router (`respx.mock`, `wiro_respx`), whose routes answer, or a client such as
        Starlette's TestClient or `httpx.Client(transport=httpx.WSGITransport(app))`. In a coroutine the app is called
        in the loop that runs there, elsewhere in a thread with a loop of its own. Raises `Misuse` for anything else.
        """
        if not isinstance(host, str) or not host.strip():
            raise Misuse(f"webhooks.to: a host is a text such as 'captions.example' or '*.example', not {host!r}")
        _check(target)
        if self._office is None:
            from wiro_mock.office import Office

            self._office = Office(self._world)
        return Receiving(self._world, _receiver(target, self._office.loop), host.strip())

    def wait(self, task: Task | str, timeout: float | str | timedelta = 5.0) -> Delivery:
        """Wait until the webhook of this task (or its id or token) has been posted, has failed or is not to come.

        Where time is `auto` it jumps there, attempts and delays included; elsewhere the clock is waited for. `timeout`
        is in real seconds. Returns the webhook: look at its `state`, `status`, `reason` and `tries`. Raises
        `AssertionError`, which says what it waits for, and `Misuse` where nobody posts.
        """
        check_no_loop("webhooks.wait", "webhooks.wait_async")
        return self._wait(task, seconds(timeout, asking="wait"), threading.Event())

    async def wait_async(self, task: Task | str, timeout: float | str | timedelta = 5.0) -> Delivery:
        """`wait` in a thread, for asyncio and trio: the loop goes on meanwhile."""
        from anyio import to_thread

        length, gone = seconds(timeout, asking="wait_async"), threading.Event()
        try:
            return await to_thread.run_sync(lambda: self._wait(task, length, gone), abandon_on_cancel=True)
        finally:
            gone.set()  # the thread of somebody who was cancelled must move no clock any more

    def close(self) -> None:
        """Post nothing any more. Again is no error."""
        if self._office is not None:
            self._office.stop()

    def _wait(self, wanted: Task | str, length: float, gone: threading.Event) -> Delivery:
        world, era = self._world, present(self._world)
        task = tasks(world)[str(getattr(wanted, "id", wanted))]
        end, news = monotonic() + length, threading.Event()
        with world.lock:
            world.on_change.add(news.set)
        try:
            while True:
                news.clear()
                with world.lock:
                    if era != present(world):
                        raise AssertionError(f"task {task.id} is gone, for the world was reset while it was waited for")
                    hook = _hook_of(era, task)
                    if hook is not None and hook.state != "waiting":
                        return delivery_view(era, hook)
                    self._check(task, hook)
                    left = end - monotonic()
                    if left <= 0 or gone.is_set():
                        raise AssertionError(_in_vain(world, task, hook, length))
                    moved = _move(world, task, hook)
                if not moved:
                    news.wait(min(LOOK_AGAIN, left))
        finally:
            with world.lock:
                world.on_change.discard(news.set)

    def _check(self, task: Task, hook: Webhook | None) -> None:
        if not task._job.callback_url:
            raise Misuse(f"webhooks.wait: task {task.id} was run without a callbackUrl, and has no webhook")
        if hook is None and task.finished:
            raise AssertionError(
                f"task {task.id} ended in {task.status}, and no webhook is sent for it: its callbackUrl is no web "
                "address, the switch callback_on_cancel is off, or it has been forgotten"
            )
        if not self._world.posters:
            raise Misuse(f"webhooks.wait: {NOBODY}")


def _hook_of(era: Era, task: Task) -> Webhook | None:
    return next((hook for hook in reversed(era.deliveries.webhooks) if hook.delivery.task_id == task.id), None)


def _move(world: World, task: Task, hook: Webhook | None) -> bool:
    """Move time where it jumps, towards the end of the task or the time of its webhook; whether it has moved."""
    if not world.clock.autojump or (deadline := world.next_deadline()) is None:
        return False
    waits = world.sim.can_progress(task.id) if hook is None else not hook.until and hook.due > world.sim.now
    if waits:
        world.jump(deadline)
    return waits


def _in_vain(world: World, task: Task, hook: Webhook | None, length: float) -> str:
    still = ", and time stands still: wiro.jump moves it" if world.clock.mode == "manual" else ""
    if hook is None:
        waits = f" and waits for {task.waits_for}" if task.waits_for else still
        return f"the webhook of task {task.id} did not come within {length:g} s; the task is in {task.status}{waits}"
    still = still if hook.due > world.sim.now else ""
    return f"the webhook of task {task.id} was not posted within {length:g} s: {hook.reason}{still}"


def _check(target: Any) -> None:
    if not callable(target) and target is not sys.modules.get("respx") and not _is_client(target):
        raise Misuse(
            f"webhooks.to: an ASGI app, a respx router or a client such as a TestClient takes webhooks, not {target!r}"
        )


def _is_client(target: Any) -> bool:
    return hasattr(target, "request") and hasattr(target, "post")


def _receiver(target: Any, loop: asyncio.AbstractEventLoop) -> Receiver:
    """An app is called in the loop that runs here, else in this one: never in a server's, which it might hold up."""
    respx = sys.modules.get("respx")
    if respx is not None and target is respx:
        target = respx.mock
    if respx is not None and isinstance(target, respx.MockRouter):
        return CallReceiver(_routed(target))
    if _is_client(target):
        return CallReceiver(_requested(target))
    return AsgiReceiver(target, asyncio._get_running_loop() or loop)


def _routed(router: Any) -> Any:
    """A respx router's routes answer, whether or not it is at work."""
    import httpx
    from respx.models import AllMockedAssertionError, PassThrough

    def call(url: str, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        try:
            response = router.handler(httpx.Request("POST", url, headers=headers, content=body))
        except (AllMockedAssertionError, PassThrough):
            raise LookupError("no route of the respx router is for it") from None
        return response.status_code, list(response.headers.items()), response.read()

    return call


def _requested(client: Any) -> Any:
    def call(url: str, headers: dict[str, str], body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        response = client.request("POST", url, headers=headers, content=body, follow_redirects=False)
        return response.status_code, list(response.headers.items()), response.content

    return call
