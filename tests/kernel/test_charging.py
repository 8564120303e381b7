"""When a run is charged, and that nothing of it gets lost: costs, balance and log agree."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings

from tests.kernel.test_bill import file, model, tier
from tests.strategies import BLOBS, Command, Script, commands, order, orders, plans, simulation
from wiro_mock.kernel import events as e
from wiro_mock.kernel.bill import MEGAPIXEL
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.files import File
from wiro_mock.kernel.orders import InputBlob, Order
from wiro_mock.kernel.plan import Plan, Step, replay
from wiro_mock.kernel.prices import NOTHING_SAID, Used, total
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task

THE_END = 100 * SECOND
UNTIL_OUTPUT = (e.Accepted(), e.Assigned(), e.Started())


def played(*events: e.Event, used: Used = NOTHING_SAID, code: int = 0, ordered: Order) -> Task:
    """The task of this order, one event a second, to its end."""
    ending = (e.OutputEnded(), e.Exited(code=code, used=used), e.PostprocessStarted(), e.PostprocessEnded())
    steps = [Step(after=SECOND, event=event) for event in (*UNTIL_OUTPUT, *events, *ending)]
    sim = simulation()
    plan = Plan(scenario="s", items=steps)
    task_id = sim.submit(replace(ordered, parameters={**ordered.parameters, "plan": plan})).job.id
    sim.advance(sim.now + THE_END)
    task = sim.task(task_id)
    assert task is not None
    assert task.finished
    assert sim.balance == 1000 - (task.cost or 0)
    return task


def picture(pixels: int | None = None) -> e.Produced:
    return e.Produced(name="0.png", blob=replace(BLOBS[0], pixels=pixels))


def test_what_is_counted_is_what_the_log_tells() -> None:
    """Outputs, text, pixels and usage come from the events."""
    by_output = order(model=model(tier("cpo")))
    assert played(picture(), picture(), ordered=by_output).cost == Decimal("0.10")
    by_pixel = order(model=model(tier("cp-pixel")))
    assert played(picture(3 * MEGAPIXEL), ordered=by_pixel).cost == Decimal("0.15")
    by_token = order(model=model(tier("cpt", "0.01")))
    said = played(e.Output(message="one"), e.Output(message="two"), ordered=by_token)
    assert said.cost == Decimal("0.02")
    assert played(used=Used(tokens=7), ordered=by_token).cost == Decimal("0.07")
    streamed = e.Output(message=e.Snapshot(text="one two six", upto=7, elapsed=0, words_per_second=1))
    assert played(streamed, ordered=by_token).cost == Decimal("0.02")


def test_an_input_counts_by_what_was_measured() -> None:
    """Files that came with the run, and files of the mock that it names by their URLs."""
    paid = model(tier("cp-pixel", "0", per_input="0.01"))
    sent = [InputBlob(blob=file(3 * MEGAPIXEL).blob, suffix=".png"), "https://a/1.png"]
    assert played(ordered=order(model=paid, parameters={"inputImage": sent})).cost == Decimal("0.04")
    linked = {"https://a/1.png": file(5 * MEGAPIXEL).blob}
    assert played(ordered=order(model=paid, parameters={"inputImage": sent}, linked=linked)).cost == Decimal("0.08")


def test_only_a_success_is_charged() -> None:
    """Whatever the method: an exit code other than 0 costs nothing, though there was usage."""
    for one in (tier("cpr"), tier("cpo"), tier("cp-readoutput")):
        failed = played(picture(), used=Used(price=Decimal(5)), code=1, ordered=order(model=model(one)))
        assert (failed.cost, failed.status) == (None, Status.POSTPROCESS_END)


def test_deleting_the_files_gives_no_money_back() -> None:
    """The cost of an output stays when the output is gone."""
    sim = simulation()
    steps: list[e.Event] = [*UNTIL_OUTPUT, picture(), picture(), e.OutputEnded(), e.Exited(code=0)]
    steps += [e.PostprocessStarted(), e.PostprocessEnded()]
    plan = Plan(scenario="s", items=[Step(after=0, event=event) for event in steps])
    task_id = sim.submit(order(plan, model=model(tier("cpo")))).job.id
    sim.settle()
    assert sim.delete_files(task_id).cost == Decimal("0.10")
    assert sim.balance == Decimal("999.9")


def costs(script: Script) -> list[Decimal]:
    return [task.cost for task in script.simulation.tasks() if task.cost is not None]


@given(commands())
def test_the_balance_loses_the_sum_of_the_costs(made: list[Command]) -> None:
    """Whatever is done to a world; and a task costs something only if it succeeded, or was charged turn by turn."""
    script = Script(simulation(balance=10**9))
    for command in made:
        script.simulation.advance(script.simulation.now + command.after)
        script.obey(command)
    script.simulation.advance(script.simulation.now + THE_END)
    lost = total(*costs(script))
    assert script.simulation.spent == lost
    assert total(script.simulation.balance, lost) == 10**9
    for task in script.simulation.tasks():
        succeeded = task.status is Status.POSTPROCESS_END and task.exit_code == 0
        assert (task.cost is not None) == (succeeded or task.turns is not None)
        assert (task.cost or 0) >= 0


@given(orders(plan=plans(waits=False, homeward=True)))
@settings(max_examples=50)
def test_a_replayed_log_costs_the_same(ordered: Order) -> None:
    """The log holds all that a price asks for."""
    first = simulation()
    task_id = first.submit(ordered).job.id
    first.advance(first.now + THE_END)
    task = first.task(task_id)
    assert task is not None
    assert task.finished
    again = simulation()
    parameters = {name: given_again(value) for name, value in task.job.parameters.items() if name != "plan"}
    job_id = again.submit(order(replay(first.log(task_id)), model=task.job.model, parameters=parameters)).job.id
    again.advance(again.now + THE_END)
    replayed = again.task(job_id)
    assert replayed is not None
    assert replayed.cost == task.cost


def given_again(value: object) -> object:
    """A value of a job's parameters as an order has it."""
    if isinstance(value, list):
        return [given_again(item) for item in value]
    return InputBlob(blob=value.blob, suffix=".png") if isinstance(value, File) else value
