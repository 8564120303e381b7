"""Webhooks of what the probe runs: a receiver on this machine, where the service can reach it.

A service on this machine is given its address, any other one that of a tunnel, if there is one (`--callbacks`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from wiro_mock.contract.client import is_own
from wiro_mock.contract.promise import Broken, NotVerified, Trouble, Unmet
from wiro_mock.contract.receiver import Post, Receiver
from wiro_mock.contract.runner import CannotRun
from wiro_mock.contract.service import Service
from wiro_mock.drift.hooks import PATIENCE
from wiro_mock.drift.takes import ABSENT, Hook
from wiro_mock.recorder.archived import said_by

UNREACHED = (
    "webhooks: this service cannot reach this machine; with --callbacks URL (the address of a tunnel that leads to "
    "--callbacks-port) it can"
)
NONE_CAME = (
    "webhooks: none came, and whether this service can reach {url} nobody knows; with --callbacks {url} that counts "
    "as drift"
)


@dataclass
class Hearing:
    """Listens for the webhook of the run that is let finish, while its block runs. `base` is the address by which the
    service reaches `port` here; empty for one on this machine. Raises `CannotRun` where the port is taken.
    """

    service: Service
    now: Callable[[], float]
    base: str = ""
    port: int = 0
    _receiver: Receiver | None = None

    def __enter__(self) -> Self:
        if self.base or is_own(self.service.http.base_url):
            self._receiver = Receiver(port=self.port, now=self.now)
            try:
                self._receiver.__enter__()
            except OSError as error:
                why = f"nobody can listen at port {self.port} ({error.strerror})"
                raise CannotRun(f"{why}; free it, or give another --callbacks-port") from None
            self.service.finish_with = {"callbackUrl": self.base or self._receiver.url}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._receiver is not None:
            self._receiver.__exit__(kind, error, trace)

    def wait(self) -> tuple[tuple[Hook, ...], dict[str, int], list[str]]:
        """The webhooks that came, when one has, or when that has taken too long; until when was listened for whose; and
        what could not be compared.
        """
        if self._receiver is None:
            return (), {}, [UNREACHED]
        try:
            task = self.service.run_to_the_end().task_id
        except (Broken, NotVerified, Trouble, Unmet):
            return (), {}, []  # that there is no such run is told by whoever asked for it
        self._receiver.wait(min(PATIENCE, self.service.patience))
        posts = tuple(self._receiver.posts)
        if not posts and not self.base:
            return (), {}, [NONE_CAME.format(url=self._receiver.url)]
        return tuple(_hook(one, task) for one in posts), {task: int(self.now() * 1_000_000)}, []


def _hook(post: Post, task: str) -> Hook:
    body: Any = ABSENT if post.json is None else post.json
    return Hook(task=task, at=int(post.at * 1_000_000), headers=said_by(post.headers), body=body, where="the webhook")
