"""The simulation, rule by rule: stopping tasks, holds, the line, limits, webhooks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.strategies import BLOBS, EXAMPLES, START, order, planner, simulation
from wiro_mock.kernel import events as e
from wiro_mock.kernel.account import Account
from wiro_mock.kernel.events import SECOND, Event
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.orders import InputBlob
from wiro_mock.kernel.plan import Hold, Plan, PlanItem, Stall, Step
from wiro_mock.kernel.refusals import No, Refusal
from wiro_mock.kernel.rules import Delivery, Limits, Rules
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.status import TERMINAL, TRANSITIONS, IllegalEvent, Status
from wiro_mock.kernel.task import Task

EVENT_OF: dict[type[Event], Event] = {type(event): event for event in EXAMPLES}
HOOK = "https://example.test/hook"
PICTURE = {"inputImage": InputBlob(blob=BLOBS[0], suffix=".png")}


def a_plan(*items: PlanItem) -> Plan:
    """These items."""
    return Plan(scenario="test", items=items)


def way(to: Status = Status.POSTPROCESS_END, *, after: int = SECOND) -> list[PlanItem]:
    """The shortest steps from the queue to this status, `after` apart."""
    ways: dict[Status, list[PlanItem]] = {Status.QUEUE: []}
    for status in Status:
        for kind in TRANSITIONS[status]:
            if status in ways and kind not in {e.Cancelled, e.FilesDeleted}:
                ways.setdefault(TRANSITIONS[status][kind], [*ways[status], Step(after=after, event=EVENT_OF[kind])])
    return ways[to]


def standing_in(status: Status, *, rules: Rules | None = None, callback: str = "") -> tuple[Simulation, str]:
    """A world whose only task has come to this status and stays there."""
    sim = simulation(rules=rules)
    cancelled = status is Status.CANCEL
    items = way(Status.ASSIGN if cancelled else status)
    task = sim.submit(order(a_plan(*items, Stall()), callback_url=callback))
    sim.advance(START + 60 * SECOND)
    if cancelled:
        sim.kill(task.job.id)
    assert status_of(sim, task.job.id) is status
    return sim, task.job.id


def status_of(sim: Simulation, task_id: str) -> Status:
    """The status of a task that is there."""
    task = sim.task(task_id)
    assert task is not None
    return task.status


def finished(sim: Simulation, **changes: object) -> Task:
    """A task that ran to its end at once."""
    task = sim.submit(order(a_plan(*way(after=0)), **changes))
    sim.settle()
    return task


# -- cancel and kill -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", Status)
def test_cancel_works_in_the_queue_and_nowhere_else(status: Status) -> None:
    """Everywhere else the documented sentence, and nothing changes."""
    sim, task_id = standing_in(status)
    if status is Status.QUEUE:
        task = sim.cancel(task_id)
        assert (task.status, task.killed, task.times[Status.CANCEL]) == (Status.CANCEL, False, sim.now)
        return
    before = sim.task(task_id)
    with pytest.raises(Refusal) as refused:
        sim.cancel(task_id)
    assert (refused.value.code, refused.value.message) == (1, "Task is not in a cancellable state.")
    assert refused.value.reason == f"task {task_id} is in {status}; Cancel works in task_queue only"
    assert sim.task(task_id) == before


RUNNING = ["task_assign", "task_start", "task_output", "task_output_full", "task_end", "task_postprocess_start"]
EARLY = ["task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_error"]


@pytest.mark.parametrize(
    ("rules", "killed", "unchanged"),
    [
        (Rules(), RUNNING, ["task_postprocess_end"]),
        (Rules(kill_before_assign=True), EARLY + RUNNING, ["task_postprocess_end"]),
        (Rules(kill_finished=False), RUNNING, []),
        (Rules(kill_cancelled=True), RUNNING, ["task_postprocess_end", "task_cancel"]),
    ],
    ids=["default", "kill_before_assign", "no kill_finished", "kill_cancelled"],
)
@pytest.mark.parametrize("status", Status)
def test_kill_does_what_the_rules_say(status: Status, rules: Rules, killed: list[str], unchanged: list[str]) -> None:
    """Done, answered with the task as it is, or refused in our words: one of three, in every status."""
    sim, task_id = standing_in(status, rules=rules)
    before = sim.task(task_id)
    if status in killed:
        task = sim.kill(task_id)
        assert (task.status, task.killed, task.times[Status.CANCEL]) == (Status.CANCEL, True, sim.now)
    elif status in unchanged:
        assert sim.kill(task_id) is before
    else:
        with pytest.raises(Refusal) as refused:
            sim.kill(task_id)
        assert (refused.value.code, refused.value.message) == (1, "Task could not be killed: task is not running")
        assert refused.value.reason == f"task {task_id} is in {status}"
        assert sim.task(task_id) == before


def test_nothing_of_a_plan_follows_a_kill() -> None:
    """The cursor is gone with its worker."""
    sim = simulation()
    task_id = sim.submit(order(a_plan(*way()))).job.id
    sim.advance(START + 3 * SECOND)
    sim.kill(task_id)
    assert (sim.next_deadline(), sim.busy, sim.can_progress(task_id)) == (None, 0, False)
    sim.advance(START + 60 * SECOND)
    assert isinstance(sim.log(task_id)[-1].event, e.Cancelled)


def test_what_is_due_now_happens_before_a_cancel_that_comes_now() -> None:
    """The worker was quicker, so the cancel is refused."""
    sim = simulation()
    task_id = sim.submit(order(a_plan(*way(after=0)[:1]))).job.id
    with pytest.raises(Refusal, match="not in a cancellable state"):
        sim.cancel(task_id)


# -- time, holds, stalls ---------------------------------------------------------------------------------


def test_a_step_of_no_length_happens_at_the_next_advance_not_at_the_submit() -> None:
    """The client sees its task in the queue first."""
    sim = simulation()
    task = sim.submit(order(a_plan(*way(after=0))))
    assert (task.status, sim.next_deadline()) == (Status.QUEUE, START)
    sim.advance(START)
    assert status_of(sim, task.job.id) is Status.POSTPROCESS_END


AT_ONCE: dict[str, Callable[[Simulation, str], object]] = {
    "submit": lambda sim, task_id: sim.submit(order()),
    "cancel": lambda sim, task_id: sim.cancel(task_id),
    "kill": lambda sim, task_id: sim.kill(task_id),
    "emit": lambda sim, task_id: sim.emit(task_id, e.Output(message="late")),
    "release": lambda sim, task_id: sim.release(task_id),
    "delete_files": lambda sim, task_id: sim.delete_files(task_id),
    "create_folder": lambda sim, task_id: sim.create_folder("cats"),
    "upload": lambda sim, task_id: sim.upload("cat.png", BLOBS[0]),
    "delete_upload": lambda sim, task_id: sim.delete_upload(sim.upload("cat.png", BLOBS[0])),
    "delete_folder": lambda sim, task_id: sim.delete_folder(sim.create_folder("cats").id),
}


@pytest.mark.parametrize("command", AT_ONCE)
def test_every_command_first_lets_happen_what_is_due(command: str) -> None:
    """A task that needs no time is done before the next word is heard."""
    sim = simulation()
    task_id = sim.submit(order(a_plan(*way(after=0)))).job.id
    with suppress(Refusal):
        AT_ONCE[command](sim, task_id)
    task = sim.task(task_id)
    assert task is not None
    assert (task.status, task.killed) == (Status.POSTPROCESS_END, False)


def test_time_never_runs_backwards() -> None:
    """An older instant is no error and changes nothing."""
    sim = simulation()
    sim.submit(order(a_plan(*way(after=0))))
    sim.advance(START - SECOND)
    assert (sim.now, sim.next_deadline()) == (START, START)


def test_a_step_is_stamped_with_the_instant_at_which_it_was_due() -> None:
    """Not with the one at which somebody came to look."""
    sim = simulation()
    task_id = sim.submit(order(a_plan(*way()))).job.id
    assert sim.next_deadline() == START + SECOND
    sim.advance(START + 2 * SECOND)
    assert [entry.at - START for entry in sim.log(task_id)] == [0, SECOND, 2 * SECOND]
    assert sim.next_deadline() == START + 3 * SECOND


def test_steps_after_a_hold_are_timed_from_its_release() -> None:
    """However long it was held; and only a held task can be released."""
    sim = simulation()
    accept, assign = way(Status.ASSIGN)
    task_id = sim.submit(order(a_plan(accept, Hold(name="gpu"), assign))).job.id
    assert not sim.release(task_id)
    sim.advance(START + 10 * SECOND)
    assert (sim.holds(), sim.waiting_for(task_id)) == ({task_id: "gpu"}, "the hold 'gpu'")
    assert (sim.next_deadline(), sim.can_progress(task_id)) == (None, False)
    assert sim.release(task_id)
    assert (sim.holds(), sim.waiting_for(task_id), sim.can_progress(task_id)) == ({}, "", True)
    assert sim.next_deadline() == START + 11 * SECOND
    sim.advance(START + 60 * SECOND)
    assert sim.log(task_id)[-1].at == START + 11 * SECOND
    assert not sim.release("unknown")


@pytest.mark.parametrize("tail", [[], [Stall()], [Stall(), Step(after=0, event=e.Assigned())]])
def test_a_plan_that_is_over_or_stalled_leaves_its_task_to_a_kill(tail: list[PlanItem]) -> None:
    """Nothing more happens by itself."""
    sim = simulation()
    task_id = sim.submit(order(a_plan(*way(Status.ASSIGN), *tail))).job.id
    sim.advance(START + 60 * SECOND)
    assert (status_of(sim, task_id), sim.next_deadline()) == (Status.ASSIGN, None)
    assert sim.waiting_for(task_id) == "nothing: it is stalled by its scenario"
    assert not sim.can_progress(task_id)
    assert sim.kill(task_id).finished


def test_a_step_that_spoils_itself_stalls_its_task() -> None:
    """A backend's word may make a later step illegal: the complaint comes once, and the world goes on."""
    sim = simulation()
    task_id = sim.submit(order(a_plan(*way()))).job.id
    sim.emit(task_id, e.Accepted())
    with pytest.raises(IllegalEvent, match=r"^Accepted cannot follow task_accept"):
        sim.advance(START + SECOND)
    assert (sim.can_progress(task_id), sim.next_deadline()) == (False, None)


# -- workers ---------------------------------------------------------------------------------------------


def busy_world(waiting: int = 3) -> tuple[Simulation, list[str]]:
    """One worker, one task that keeps it, and others in line, all due at the same instant."""
    sim = simulation(limits=Limits(workers=1))
    plan = a_plan(*way(Status.ASSIGN), Stall())
    made = [sim.submit(order(plan)).job.id for _ in range(1 + waiting)]
    sim.advance(START + 10 * SECOND)
    return sim, made


def test_tasks_wait_for_a_free_worker_in_the_queue() -> None:
    """In `task_queue`, where they can be cancelled; time may help them."""
    sim, (first, second, *_) = busy_world()
    assert (status_of(sim, first), status_of(sim, second), sim.busy) == (Status.ASSIGN, Status.QUEUE, 1)
    assert (sim.waiting_for(second), sim.can_progress(second)) == ("a free worker", True)


def test_the_next_in_line_is_taken_at_the_instant_of_the_kill() -> None:
    """The one that came first, past those that gave up, and its steps are timed from there."""
    sim, (first, second, third, fourth) = busy_world()
    sim.cancel(second)
    sim.kill(first)
    assert sim.log(third)[-1] == e.Entry(at=START + 10 * SECOND, event=e.Accepted())
    assert status_of(sim, fourth) is Status.QUEUE
    assert sim.next_deadline() == START + 11 * SECOND


def test_a_requeued_task_gives_its_worker_back_and_goes_to_the_end_of_the_line() -> None:
    """As if it came anew: those who came before it go first."""
    sim = simulation(limits=Limits(workers=1))
    accept = way(Status.ACCEPT)
    again = a_plan(*way(Status.ERROR), Step(after=SECOND, event=e.Requeued()), *accept)
    short = a_plan(*accept, Step(after=5 * SECOND, event=e.Cancelled(killed=True)))
    made = [sim.submit(order(plan)).job.id for plan in (again, short, short)]
    sim.advance(START + 60 * SECOND)
    accepted = [entry.at for task_id in made for entry in sim.log(task_id) if isinstance(entry.event, e.Accepted)]
    assert [(at - START) // SECOND for at in accepted] == [1, 13, 3, 8]


def test_a_backend_cannot_take_a_worker_that_is_not_there() -> None:
    """An emitted `Accepted` does not jump the line."""
    sim, (_, second, *_) = busy_world()
    with pytest.raises(IllegalEvent, match="must wait for a free worker"):
        sim.emit(second, e.Accepted())
    assert sim.busy == 1


# -- emit ------------------------------------------------------------------------------------------------


def test_what_a_backend_says_is_stamped_now() -> None:
    """And it goes the same way as a step."""
    sim, task_id = standing_in(Status.START)
    assert sim.emit(task_id, e.Output(message="hello"))
    assert sim.log(task_id)[-1] == e.Entry(at=sim.now, event=e.Output(message="hello"))


def test_words_to_a_finished_or_unknown_task_are_dropped_and_counted() -> None:
    """The log is closed."""
    sim, task_id = standing_in(Status.CANCEL)
    before = list(sim.log(task_id))
    assert not sim.emit(task_id, e.Output(message="late"))
    assert not sim.emit("unknown", e.Output(message="late"))
    assert (sim.dropped, sim.log(task_id)) == (2, before)


# -- money and webhooks ----------------------------------------------------------------------------------


def test_a_success_is_paid_from_the_balance() -> None:
    """8 seconds from accept to end, one per step."""
    sim, task_id = standing_in(Status.POSTPROCESS_END)
    task = sim.task(task_id)
    assert task is not None
    assert task.cost is not None
    assert task.cost > 0
    assert sim.balance == 1000 - task.cost


def test_a_cancel_is_not_paid() -> None:
    """Nor is a kill."""
    assert standing_in(Status.CANCEL)[0].balance == 1000


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("on_cancel", [True, False])
def test_a_webhook_leaves_at_the_end_and_on_cancel_by_rule(status: Status, *, on_cancel: bool) -> None:
    """One per task, never before its end."""
    sim, task_id = standing_in(status, rules=Rules(callback_on_cancel=on_cancel), callback=HOOK)
    ended = sim.log(task_id)[-1].at
    sent = status in TERMINAL and (on_cancel or status is not Status.CANCEL)
    assert list(sim.outbox) == [Delivery(task_id=task_id, url=HOOK, at=ended)][: int(sent)]


@pytest.mark.parametrize(
    ("url", "sent"),
    [("", 0), ("Your callback URL", 0), ("ftp://example.test", 0), ("HTTP://example.test", 1), ("https://x", 1)],
)
def test_junk_for_a_callback_url_is_ignored(url: str, sent: int) -> None:
    """The seed's own sample sends an English sentence."""
    sim = simulation()
    finished(sim, callback_url=url)
    assert len(sim.outbox) == sent


# -- what is kept ----------------------------------------------------------------------------------------


def test_finished_tasks_are_forgotten_oldest_first_with_their_files() -> None:
    """By their end, not by their beginning; a forgotten task is like an unknown one."""
    sim = simulation(limits=Limits(finished=2))
    held = sim.submit(order(a_plan(Hold(name="start")), parameters=PICTURE))
    made = [finished(sim, parameters=PICTURE) for _ in range(3)]
    assert [task.job.id for task in sim.tasks()] == [held.job.id, made[1].job.id, made[2].job.id]
    assert sim.task_by_token(made[0].job.token) is None
    assert sim.files.by_accesskey(made[0].job.inputs[0].accesskey) is None
    assert sim.files.by_accesskey(made[1].job.inputs[0].accesskey) is not None
    sim.cancel(held.job.id)
    assert [task.job.id for task in sim.tasks()] == [held.job.id, made[2].job.id]
    assert sim.forgotten == 2


def test_too_many_bytes_make_the_oldest_finished_tasks_go() -> None:
    """No more of them than needed; unfinished tasks stay."""
    sim = simulation(limits=Limits(bytes=250))
    first, second, third = (finished(sim, weight=100) for _ in range(3))
    assert [task.job.id for task in sim.tasks()] == [second.job.id, third.job.id]
    assert (sim.bytes_kept, sim.forgotten, first.job.weight) == (200, 1, 100)


def test_uploads_make_room_oldest_first_after_the_finished_tasks() -> None:
    """The newest upload stays in any case: its sender is about to use it."""
    sim = simulation(limits=Limits(bytes=350))
    task = finished(sim, weight=10)
    first, second = sim.upload("1.png", BLOBS[0]), sim.upload("2.png", BLOBS[1])
    assert sim.task(task.job.id) is not None
    third = sim.upload("3.png", BLOBS[2])
    assert sim.task(task.job.id) is None
    assert list(sim.files) == [third]
    assert (sim.forgotten, sim.files.abandoned) == (3, [first.blob.digest, second.blob.digest])


def test_the_newest_upload_stays_though_it_is_too_large_by_itself() -> None:
    """The one before it goes."""
    sim = simulation(limits=Limits(bytes=250))
    sim.upload("1.png", BLOBS[0])
    large = sim.upload("3.png", BLOBS[2])
    assert list(sim.files) == [large]


def test_a_run_whose_text_cannot_be_kept_is_refused() -> None:
    """Though everything finished were forgotten; what can be kept makes room for itself."""
    sim = simulation(limits=Limits(bytes=100))
    old = finished(sim, weight=60)
    with pytest.raises(Refusal) as refused:
        sim.submit(order(weight=101))
    assert (refused.value.code, sim.task(old.job.id) is not None) == (96, True)
    assert refused.value.reason == "text and files of the unfinished runs take 101 bytes, beyond this mock's limit"
    sim.submit(order(weight=100))
    assert (sim.task(old.job.id), sim.bytes_kept) == (None, 100)


def test_a_run_whose_files_cannot_be_kept_is_refused() -> None:
    """Its own, and those that unfinished tasks got, made, or are going to make; the same bytes count once."""
    made = Step(after=SECOND, event=e.Produced(name="0.png", blob=BLOBS[1]))
    third = {"more": [InputBlob(blob=BLOBS[2], suffix=".png"), InputBlob(blob=BLOBS[2], suffix=".jpg")]}
    sim = simulation(limits=Limits(bytes=400))
    sim.upload("3.png", BLOBS[2])
    old = sim.submit(
        order(a_plan(*way(Status.START), made, *way()[len(way(Status.START)) :]), parameters=PICTURE, weight=0)
    )
    for _ in range(2):  # before it is made and after
        with pytest.raises(Refusal) as refused:
            sim.submit(order(parameters=third, weight=0))
        assert refused.value.code == 96
        assert refused.value.reason == "text and files of the unfinished runs take 600 bytes, beyond this mock's limit"
        sim.advance(START + 5 * SECOND)
    sim.cancel(sim.submit(order(parameters=PICTURE, weight=100)).job.id)  # the bytes of the picture are there already
    sim.advance(START + 60 * SECOND)
    assert sim.unfinished == 0
    sim.submit(order(parameters=third, weight=0))
    assert (sim.task(old.job.id), sim.bytes_kept) == (None, 300)
    with pytest.raises(Refusal, match="at the same time"):
        sim.submit(order(parameters={"inputImage": InputBlob(blob=BLOBS[1], suffix=".png")}, weight=201))


def test_files_that_a_backend_reports_count_until_its_task_ends() -> None:
    """They are in no plan."""
    sim = simulation(limits=Limits(bytes=250))
    task = sim.submit(order(a_plan(*way(Status.START, after=0), Stall())))
    sim.settle()
    sim.emit(task.job.id, e.Produced(name="0.png", blob=BLOBS[1]))
    with pytest.raises(Refusal):
        sim.submit(order(parameters=PICTURE))
    sim.kill(task.job.id)
    sim.submit(order(parameters=PICTURE))


def test_more_unfinished_tasks_than_can_be_kept_are_refused() -> None:
    """Our own limit, in the words of the account's."""
    sim = simulation(limits=Limits(unfinished=2))
    sim.submit(order())
    finished(sim)
    sim.submit(order())
    with pytest.raises(Refusal, match=r"you can run up to 2 tasks at the same time") as refused:
        sim.submit(order())
    assert refused.value.code == 96
    assert refused.value.reason == "2 unfinished tasks are being kept, which is this mock's own limit"


def test_stopped_tasks_leave_neither_heap_nor_line_behind() -> None:
    """A thousand far-off steps and a thousand in line are swept when their tasks are cancelled."""
    sim = simulation(limits=Limits(workers=0))
    for after in (0, 1000 * SECOND):
        made = [sim.submit(order(a_plan(*way(after=after)))) for _ in range(1000)]
        sim.settle()
        for task in made:
            sim.cancel(task.job.id)
        assert max(len(sim._schedule.heap), len(sim._schedule.line)) <= 64


def test_files_are_deleted_when_their_task_is_finished_and_only_once() -> None:
    """Before that it is refused; after it, it is no error."""
    sim = simulation()
    running = sim.submit(order(parameters=PICTURE))
    with pytest.raises(Refusal) as refused:
        sim.delete_files(running.job.id)
    assert (refused.value.code, refused.value.message) == (
        0,
        "Task must be completed or cancelled before deleting files",
    )
    sim.cancel(running.job.id)
    assert sim.delete_files(running.job.id).files_deleted
    assert (list(sim.files), sim.files.abandoned) == ([], [BLOBS[0].digest])
    length = len(sim.log(running.job.id))
    assert sim.delete_files(running.job.id) == sim.task(running.job.id)
    assert len(sim.log(running.job.id)) == length


# -- ids, folders, refusals of a scenario ----------------------------------------------------------------


def test_task_ids_are_consecutive_decimals_and_folders_have_ids_of_their_own() -> None:
    """Six digits at first, as in the documented samples."""
    sim = simulation()
    first, second = (int(sim.submit(order()).job.id) for _ in range(2))
    assert second == first + 1
    assert 100_000 <= first < 900_000
    one, two = sim.create_folder("cats"), sim.create_folder("dogs", "parent")
    assert (two.name, two.parent_id, two.added_at, len(sim.files.folders)) == ("dogs", "parent", START, 2)
    assert one.id != two.id
    assert sim.upload("cat.png", BLOBS[0], one.id).folder_id == one.id
    assert sim.upload("cat.png", BLOBS[0]).accesskey != sim.upload("cat.png", BLOBS[0]).accesskey


def test_a_task_has_the_same_ids_whatever_else_happened_before() -> None:
    """Uploads, folders, late words and refusals draw nothing from a common stream."""
    sim = simulation()
    sim.upload("cat.png", BLOBS[0])
    sim.create_folder("cats")
    sim.emit("unknown", e.Output(message="late"))
    with suppress(Refusal):
        sim.submit(order(weight=1 << 40))
    assert sim.submit(order(parameters=PICTURE)) == simulation().submit(order(parameters=PICTURE))


def test_a_scenario_that_refuses_leaves_no_task_and_no_trace() -> None:
    """Not even a gap in the ids."""
    sim, kept = simulation(), simulation().submit(order(parameters=PICTURE))

    def refuse(job: e.Job) -> Plan:
        raise No.SIGN_IN.refusal()

    sim._planner = refuse
    with pytest.raises(Refusal, match="sign in to run this model"):
        sim.submit(order(parameters=PICTURE, weight=7))
    assert (list(sim.tasks()), list(sim.files), sim.bytes_kept, sim.unfinished) == ([], [], 0, 0)
    sim._planner = planner
    assert sim.submit(order(parameters=PICTURE)) == kept


def test_the_job_names_its_scenario_and_its_account() -> None:
    """So that a log says where it comes from."""
    sim = simulation()
    job = sim.submit(order(a_plan())).job
    assert (job.scenario, job.account_uuid) == ("test", sim.account.uuid)
    assert replace(job, scenario="") != job


def test_the_oldest_uploads_and_folders_are_forgotten_beyond_the_limit() -> None:
    """Uploads without bytes and empty folders are bounded too."""
    sim = Simulation(
        seed="many",
        account=Account(uuid="u"),
        planner=lambda job: Plan(scenario="none"),
        limits=Limits(uploads=2),
    )
    empty = Blob(digest="e" * 64, size=0, contenttype="text/plain")
    files = [sim.upload(f"{number}.txt", empty) for number in range(4)]
    folders = [sim.create_folder(f"folder-{number}") for number in range(4)]
    assert list(sim.files) == files[2:]
    assert list(sim.files.folders) == [folder.id for folder in folders[2:]]
    assert sim.forgotten == 4
