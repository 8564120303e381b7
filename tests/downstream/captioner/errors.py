"""Every way in which a caption does not come about."""

from __future__ import annotations


class WiroError(Exception):
    """Anything that went wrong with Wiro."""


class Refused(WiroError):
    """Wiro said no, with a code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} (code {code})")
        self.code = code


class Unauthorized(Refused):
    """The key or the signature is wrong: nothing will work until somebody mends that."""


class TooManyTasks(Refused):
    """Code 96: too many tasks are unfinished. Worth another try."""


class NoCredit(Refused):
    """Code 97: the balance is too low. Not worth another try."""


class TaskFailed(WiroError):
    """The model ran and did not succeed."""

    def __init__(self, task_id: str, exit_code: str, stderr: str) -> None:
        super().__init__(f"task {task_id} exited with {exit_code}: {stderr.strip()}")
        self.exit_code = exit_code


class OutOfMemory(TaskFailed):
    """The model failed because the GPU was full."""


class TaskCancelled(WiroError):
    """Somebody cancelled or killed the task."""


class TimedOut(WiroError):
    """It took too long; the task was stopped."""
