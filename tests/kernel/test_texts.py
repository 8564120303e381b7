"""Values as texts: one rule, which every comparison of parameters follows."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wiro_mock.kernel.numbers import digits, json_number, plain
from wiro_mock.kernel.texts import LONGEST_VALUE, Growing, Rope, value_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (5.0, "5"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (1e-05, "0.00001"),
        (1e16, "10000000000000000"),
        (float("inf"), "inf"),
        (True, "true"),
        (None, ""),
        ([5.0, "a"], "5, a"),
        (["1K"], "1K"),
        ({"a": [1]}, '{"a": [1]}'),
    ],
)
def test_a_value_is_a_text(value: object, text: str) -> None:
    """A number in plain digits, as few as say it."""
    assert value_text(value) == text


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_has_one_text(number: int) -> None:
    """JSON of Python has 5.0 where JSON of JavaScript has 5."""
    assert value_text(float(number)) == value_text(number) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
def test_a_number_reads_back(number: float) -> None:
    """Nothing is lost, and there is no exponent."""
    assert float(value_text(number)) == number
    assert "e" not in value_text(number)


def test_a_number_that_python_does_not_write_is_no_error() -> None:
    """Beyond 4300 digits."""
    assert value_text(10**4_000) == "1" + "0" * 4_000
    assert value_text(-(10**5_000)) == "an enormous number"


def test_a_long_list_is_cut() -> None:
    """A little beyond what is ever filled into a text."""
    assert LONGEST_VALUE < len(value_text(["x" * LONGEST_VALUE] * 50)) < 2 * LONGEST_VALUE + 10


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_digits_are_exact(number: Decimal) -> None:
    """All of them, or those that say something; JSON has a point where there is a fraction."""
    assert Decimal(digits(number)) == Decimal(plain(number)) == number
    assert isinstance(json_number(number), int) == (number % 1 == 0)
    assert plain(number) == "0" or not plain(number).endswith((".", "-0"))


# -- texts that grow -------------------------------------------------------------------------------------

PIECES = st.lists(st.text(st.characters(codec="utf-8"), max_size=9), max_size=40)


@given(PIECES, st.integers(0, 400), st.integers(0, 400))
def test_a_rope_and_a_growing_text_are_the_text_of_their_pieces(pieces: list[str], start: int, stop: int) -> None:
    """Whatever the pieces: the same text, length, slices and words; and a rope that was added to is as it was."""
    text, rope, growing = "".join(pieces), Rope(), Growing()
    before = [(rope := rope.add(piece), growing.add(piece)) for piece in pieces]
    for made in (rope, growing):
        assert (str(made), len(made), made[start:stop], made[:]) == (text, len(text), text[start:stop], text)
        assert made == text
        assert made != text + "x"
    assert growing.words == len(text.split())
    assert growing == rope
    for count, (then, length) in enumerate(before, 1):
        assert then == "".join(pieces[:count])
        assert length == len(then)
    assert rope == Rope(*pieces)
    assert hash(rope) == hash(text)


@given(st.integers(1, 3000), st.lists(st.integers(1, 60), min_size=1, max_size=5))
def test_a_rope_copies_little_of_what_it_is_added_to(count: int, sizes: list[int]) -> None:
    """Its parts are few, and all that was ever copied is its length some log n times, not n times."""
    rope, copied = Rope(), 0
    for number in range(count):
        before = set(map(id, rope._parts))
        rope = rope.add("x" * sizes[number % len(sizes)])
        copied += sum(len(part) for part in rope._parts if id(part) not in before)
    assert len(rope._parts) <= len(rope).bit_length() + 1
    assert copied <= len(rope) * (len(rope).bit_length() + 2)
