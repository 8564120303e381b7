"""A text of any length, for answers whose words do not matter. Written for this purpose."""

from __future__ import annotations

from itertools import cycle, islice

from wiro_mock.kernel import tokens

SENTENCES = (
    "The harbour lies quiet in the early morning, and the first boats come back with the tide.",
    "A woman mends a net on the quay, knot after knot, without looking at her hands.",
    "Behind the warehouse a radio plays, too low for anybody to say which song it is.",
    "Gulls argue over something that nobody else can see.",
    "At six the baker opens the shutters, and the whole street smells of bread.",
    "Two children count the steps of the lighthouse and never come to the same number.",
    "The keeper says that there are two hundred and twelve, and that he has stopped counting.",
    "By noon the wind has turned, the flags point inland, and the ferry is late.",
    "Somebody has painted a blue door on a wall where there is no house.",
    "In the evening the lamps are lit one by one, and each finds its twin in the water.",
    "A letter arrives for a man who moved away years ago; the postman keeps it, in case.",
    "When the fog comes in, the bell on the pier says what time it is to those who know how to listen.",
)


def corpus(count: int) -> str:
    """A text of exactly so many tokens."""
    needed = "".join(f"{sentence} " for sentence in islice(cycle(SENTENCES), count // 10 + 1))
    while tokens.count(needed) < count:
        needed += needed
    end = next(islice(tokens.ends(needed), count - 1, None))
    return needed[:end]
