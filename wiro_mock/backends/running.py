"""One backend at work: its thread, its end, and what is said of one that does not come to it.

The thread is a daemon's: a backend that hangs keeps neither the mock nor the interpreter from ending. Whoever cancels
never waits: a second thread tells the backend, gives it five seconds, and reports one that is still there by name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from wiro_mock.backends.job import Backend, BackendError, Job
from wiro_mock.text import whole

PATIENCE_SECONDS: Final = 5.0
"""How long a backend may take to notice that its task is over, on the system's clock."""
LONGEST_REASON: Final = 2_000


class Run:
    """A backend at work. `find` gets the backend (which may import something heavy), `take` is given each event, and
    says whether there is any use in more; `end` is called once, with the reason why it failed or nothing.
    """

    def __init__(
        self,
        job: Job,
        name: str,
        *,
        find: Callable[[], Backend],
        take: Callable[[object], bool],
        end: Callable[[str], None],
        tell: Callable[[str], None],
    ) -> None:
        self.job = job
        self.name = name
        self.is_stuck = False
        self._find = find
        self._take = take
        self._end = end
        self._tell = tell
        self._patience = PATIENCE_SECONDS
        self._thread = threading.Thread(target=self._play, name=f"wiro-mock-backend-{job.id}", daemon=True)

    @property
    def thread(self) -> str:
        """The name of its thread."""
        return self._thread.name

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def cancel(self) -> None:
        """The task is over. Returns at once: `cancelled` is set, and the rest is done by another thread."""
        self.job.cancelled.set()
        if threading.current_thread() is not self._thread and self._thread.is_alive():
            threading.Thread(target=self._see_it_end, name=f"wiro-mock-cancel-{self.job.id}", daemon=True).start()

    def join(self, seconds: float) -> bool:
        """Wait so long for its end; whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _see_it_end(self) -> None:
        self.job.cancel()
        if not self.join(self._patience):
            self.is_stuck = True
            self._tell(
                f"stuck: the backend '{self.name}' of task {self.job.id} is still at work {self._patience:g} s "
                f"after its task was over (thread {self.thread}); let it look at job.cancelled, or register "
                "what wakes it by job.on_cancel"
            )

    def _play(self) -> None:
        problem = ""
        try:
            self._feed()
        except BaseException as error:  # also SystemExit: whatever ends the thread ends the task
            problem = reason(error)
        self._end(problem)

    def _feed(self) -> None:
        events = iter(self._find()(self.job))
        try:
            for event in events:
                if not self._take(event):
                    return
        finally:
            if (close := getattr(events, "close", None)) is not None:
                close()


def reason(error: BaseException) -> str:
    """Why a run failed, in one sentence: a backend's own words, or the exception's kind and text."""
    kind = type(error).__name__
    try:
        told = str(error)
    except Exception:  # an exception that cannot be told is no reason to lose the task
        told = "(no text: its __str__ failed)"
    text = told if isinstance(error, BackendError) else f"{kind}: {told}".removesuffix(": ")
    return whole(text or kind)[:LONGEST_REASON]
