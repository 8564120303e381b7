"""Whether a run was taken on: what was asked for, compared with what a test expects; the nearest one as a diff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wiro_mock.kernel.catalog import Catalog
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing.diff import Call, calls, shown
from wiro_mock.testing.era import present
from wiro_mock.testing.sequences import check_model
from wiro_mock.testing.telling import LINES, complaint, counted, listed
from wiro_mock.testing.views import Task


def assert_ran(
    world: World,
    model: str,
    *,
    times: int | None = None,
    with_: Mapping[str, object] | None = None,
    **params: object,
) -> Task:
    """A run of this model with these parameters was taken on; exactly so many `times`, if that is given.

    Returns the task of the first such run. `model` is a name or a glob; `with_` takes the parameters that are no
    Python names, or are called `model` or `times`. A parameter that is not asked about may be anything; None means
    that it was not given. Raises `Misuse` for what can be no model here.
    """
    __tracebackhide__ = True
    if times is not None and (type(times) is not int or times < 0):
        raise Misuse(f"assert_ran: times is a whole number from 0, not {times!r}")
    wanted = {**(with_ or {}), **params}
    every = calls(world)
    check_known(world.catalog, model, every)
    fitting = [call for call in every if not call.differences(model, wanted)]
    taken_on = [call for call in fitting if not call.refusal]
    if len(taken_on) != (times or 0) if times is not None else not taken_on:
        if taken_on:
            raise AssertionError(complaint(world, _other_count(model, wanted, taken_on, times, every)))
        raise AssertionError(complaint(world, _nearest(world, model, wanted, every)))
    task = next((call.task for call in taken_on if call.task), None)
    if task is None and times != 0:
        run = f"a run of {model}{_with(wanted)}"
        raise AssertionError(f"{run} was taken on, but the world has forgotten its task to make room")
    return task  # type: ignore[return-value]  # none is there to be returned when none was expected


def check_known(catalog: Catalog, model: str, every: Sequence[Call]) -> None:
    """Raise `Misuse` for a model that neither is there nor was asked for: it is misspelt."""
    check_model(model)
    if not any(known.fits(model) for known in catalog) and not any(call.model.fits(model) for call in every):
        names = [known.name for known in catalog]
        raise Misuse(f"there is no model {model!r}; {did_you_mean(model, names)}")


def _nearest(world: World, model: str, wanted: Mapping[str, object], every: Sequence[Call]) -> list[str]:
    """What to say when no such run was taken on: the nearest one that was asked for, or what was called instead."""
    run = f"no run of {model}{_with(wanted)}"
    if not every:
        exchanges = present(world).exchanges()
        if not exchanges:
            return [f"{run}: nothing was called at all"]
        return [f"{run}: no run was asked for; what was called instead:", *listed(exchanges)]
    nearest = _nearest_of(every, model, wanted)
    if not nearest.differences(model, wanted):
        return [f"{run} was taken on: {nearest.name} asked for it and was refused with {nearest.refusal}"]
    which = f"the nearest of {len(every)} calls is" if len(every) > 1 else "the only call is"
    return [f"{run}; {which} {_compared(nearest, model, wanted)[0]}", *_compared(nearest, model, wanted)[1:]]


def _nearest_of(every: Sequence[Call], model: str, wanted: Mapping[str, object]) -> Call:
    """The call with the fewest differences; of those alike the latest."""

    def distance(call: Call) -> tuple[bool, int]:
        different = call.differences(model, wanted)
        return "model" in different, len(different)

    return min(reversed(every), key=distance)


def _compared(call: Call, model: str, wanted: Mapping[str, object]) -> list[str]:
    refused = f", which was refused with {call.refusal}" if call.refusal else ""
    return [f"{call.name}{refused}:", *call.table(model, wanted)]


def _other_count(
    model: str, wanted: Mapping[str, object], found: Sequence[Call], times: int | None, every: Sequence[Call]
) -> list[str]:
    """What to say when such runs were taken on, but not so many; of too few, what came nearest beside them."""
    names = ", ".join(call.name for call in found[:LINES])
    more = f" and {len(found) - LINES} more" if len(found) > LINES else ""
    lines = [f"{counted(len(found), 'run')} of {model}{_with(wanted)}, expected {times}: {names}{more}"]
    others = [call for call in every if call.differences(model, wanted)]
    if len(found) < (times or 0) and others:
        nearest = _compared(_nearest_of(others, model, wanted), model, wanted)
        lines += [f"the nearest other call is {nearest[0]}", *nearest[1:]]
    return lines


def _with(wanted: Mapping[str, object]) -> str:
    return f" with {', '.join(f'{name}={shown(value)}' for name, value in wanted.items())}" if wanted else ""
