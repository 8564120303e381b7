"""A simulation that goes on from where another stood is that other one: written down, read again, and played on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import Command, Script, commands, simulation
from tests.test_laws import TIGHT, play
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.rules import Limits
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.standing import Standing, resume, standing
from wiro_mock.snapshot.kinds import types
from wiro_mock.snapshot.plain import Reader, Writer

THE_END = 100 * SECOND


def through_text(where: Standing) -> Standing:
    """As lines, and back."""
    lines = written(where)
    read = Reader(types()).read(lines, Standing)
    assert isinstance(read, Standing)
    assert written(read) == lines
    return read


def written(where: Standing) -> list[bytes]:
    """Its lines."""
    lines: list[str] = []
    Writer(types(), lines.append).write(where)
    return [line.encode() for line in lines]


def moved(sim: Simulation, limits: Limits) -> Simulation:
    """Another simulation, which goes on from where this one stands."""
    other = simulation(limits=limits)
    resume(other, through_text(standing(sim)))
    return other


@given(commands(), TIGHT, st.data())
def test_a_simulation_goes_on_elsewhere_as_it_would_have_gone_on_here(
    script: list[Command], limits: Limits, data: st.DataObject
) -> None:
    """Law: saved and loaded at any point, even twice, the same commands get the same answers and make the same logs."""
    moves = data.draw(st.sets(st.integers(0, len(script) - 1), min_size=1, max_size=2))
    played = Script(simulation(limits=limits))
    for place, command in enumerate(script):
        played.simulation.advance(played.simulation.now + command.after)
        if place in moves:
            played.simulation = moved(played.simulation, limits)
            played.simulation._sink = played._hear
        played.obey(command)
    played.simulation.advance(played.simulation.now + THE_END)
    assert played.seen() == play(script, limits).seen()
