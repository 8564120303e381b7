"""Where a task has to be for what the service showed of it, and whether it is there."""

from __future__ import annotations

from typing import Final

from wiro_mock.drift.takes import Exchange
from wiro_mock.kernel.status import Status
from wiro_mock.recorder.observed import TERMINAL

ORDER: Final = (
    "task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "task_start",
    "task_output", "task_output_full", "task_end", "task_postprocess_start", "task_postprocess_end",
)  # fmt: skip
"""The statuses in the order of a task's life."""
STATUSES: Final = frozenset(Status) | {"task_output_full", "task_error_full", "task_output", "task_error", "task_end"}
TO_THE_LAST: Final = "as far as it goes by itself"


def where(one: Exchange) -> str:
    """Where the task has to be for this answer, by what the answer tells; empty for where it is."""
    shown = next((str(task.get("status")) for task in one.tasks), "")
    refused = one.error != (None, None)
    if one.operation == "Task/Kill":
        return "task_assign" if shown == "task_cancel" else shown
    if one.operation == "Task/Cancel":
        return "task_accept" if refused else ""
    if one.operation == "Task/InputOutputDelete":
        return "" if refused else "task_postprocess_end"
    return shown


def is_there(status: Status, wanted: str) -> bool:
    """Whether a task is where it is wanted, or past that."""
    if status == wanted:
        return True
    if wanted == TO_THE_LAST:
        return False
    if wanted in ORDER and status in ORDER:
        return ORDER.index(status) >= ORDER.index(wanted)
    return wanted not in ORDER and wanted not in (Status.ERROR, *TERMINAL)
