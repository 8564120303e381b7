"""`Task/Stat`: how many runs there were, day by day. The shape is ours: Wiro names the call, and shows no answer of it.

Therefore nothing answers here unless the profile's switch `task_stat` is on. Then `stat` has a row for each day (UTC)
on which a task was made, the oldest first, and at most `DAYS` rows, the latest: `time`, the beginning of the day in
unix seconds, and how many tasks were made on it, ended well, and ended badly, all four as texts, as in a task. A
cancelled task, and one that is not finished, counts as a run only. Tasks that are forgotten are not counted.
"""

from __future__ import annotations

from collections import Counter

from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.messages import Outcome, Request, World
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.status import Status

DAYS = 366
DAY = 24 * 60 * 60


def stat(world: World, request: Request) -> Answer:  # noqa: ARG001 -- no field of it is known
    """Count the account's tasks by the days on which they were made. Listing is no poll: it lets no time pass."""
    runs, good, bad = Counter[int](), Counter[int](), Counter[int]()
    for task in world.sim.tasks():
        day = task.created_at // SECOND // DAY
        runs[day] += 1
        good[day] += task.succeeded
        bad[day] += task.status is Status.POSTPROCESS_END and not task.succeeded
    rows = [
        {
            "time": str(day * DAY),
            "runcount": str(runs[day]),
            "successcount": str(good[day]),
            "errorcount": str(bad[day]),
        }
        for day in sorted(runs)[-DAYS:]
    ]
    return answer({"result": True, "errors": [], "stat": rows}, Outcome())
