"""The mistakes that clients of Wiro make, each as a small change of conduct, so that a suite can show it would notice.

`plant("no-exit-code", Captioner)` is the captioner with that mistake.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar, cast

from captioner.conduct import Call, Conduct, Task
from captioner.errors import TaskFailed
from captioner.signing import signature

Client = TypeVar("Client", bound=Conduct)


class NoExitCode(Conduct):
    """Takes task_postprocess_end for success; a failed task ends with it, too."""

    def check(self, task: Task) -> None:
        """The exit code would have told."""


class NoRetry(Conduct):
    """Gives up at once when too many tasks are unfinished (code 96)."""

    back_off = ()


class SwappedKeys(Conduct):
    """Signs the usual way, with the secret as the key of the HMAC; Wiro wants it the other way round."""

    def headers(self) -> dict[str, str]:
        """Headers with a signature that is never right."""
        headers = self.account.headers()
        signed = signature(self.account.api_secret, self.account.api_key, headers["x-nonce"])
        return {**headers, "x-signature": signed}


class PollsForEver(Conduct):
    """Waits for task_postprocess_end and for nothing else; a cancelled task never gets there."""

    def is_over(self, task: Task) -> bool:
        """Half of the truth."""
        return task.status == "task_postprocess_end"


class ForgetsFiles(Conduct):
    """Never fetches what the task has made."""

    def files_of(self, task: Task) -> tuple[str, ...]:
        """Nothing, whatever there is."""
        return ()


class FearsWarnings(Conduct):
    """Takes anything on stderr for a failure."""

    def check(self, task: Task) -> None:
        """Warnings are not errors, but here they are."""
        if task.stderr:
            raise TaskFailed(task.id, task.exit_code, task.stderr)
        super().check(task)


class WrongPath(Conduct):
    """Asks at an address that does not exist."""

    def detail_call(self, task_id: str) -> Call:
        """One letter too many."""
        return Call("Task/Details", {"taskid": task_id})


class WrongName(Conduct):
    """Misspells a parameter, which Wiro ignores in silence."""

    def run_call(self, picture: str | Path, parameters: dict[str, str]) -> Call:
        """`lenght` is a word that many write."""
        return super().run_call(picture, {name.replace("gth", "ght"): value for name, value in parameters.items()})


class WrongValue(Conduct):
    """Sends another value than it was given."""

    def run_call(self, picture: str | Path, parameters: dict[str, str]) -> Call:
        """Short was asked for."""
        return super().run_call(picture, {**parameters, "length": "normal"})


class OpenSocket(Conduct):
    """Never leaves the socket."""

    left_open: list[ExitStack] = []  # noqa: RUF012 -- a leak lives as long as the process

    def hang_up(self, opened: ExitStack) -> None:
        """Keep it."""
        self.left_open.append(opened)


class Stutters(Conduct):
    """Joins the snapshots of a streamed text, as if each were only what is new."""

    def text_after(self, before: str, snapshot: str) -> str:
        """Every word again and again."""
        return before + snapshot


BUGS: dict[str, type[Conduct]] = {
    "no-exit-code": NoExitCode,
    "no-retry": NoRetry,
    "swapped-keys": SwappedKeys,
    "polls-for-ever": PollsForEver,
    "forgets-files": ForgetsFiles,
    "fears-warnings": FearsWarnings,
    "wrong-path": WrongPath,
    "wrong-name": WrongName,
    "wrong-value": WrongValue,
    "open-socket": OpenSocket,
    "stutters": Stutters,
}


def plant(bug: str, client: type[Client]) -> type[Client]:
    """The client with the bug; as it is when there is none."""
    if not bug:
        return client
    return cast("type[Client]", type(client.__name__, (BUGS[bug], client), {}))
