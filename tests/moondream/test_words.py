"""Tokens become text, whole characters only."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.moondream.words import HALF, Words


def decode(ids: Sequence[int]) -> str:
    """A byte-level decoder: every token is a byte."""
    return bytes(ids).decode(errors="replace")


def pieces(ids: Sequence[int]) -> list[str]:
    words = Words(decode)
    return [*(words.add(one) for one in ids), words.end()]


@given(st.text())
def test_no_character_is_cut(text: str) -> None:
    told = pieces(text.encode())
    assert "".join(told) == text
    assert all(HALF not in piece for piece in told) or HALF in text


@given(st.binary(max_size=60))
def test_nothing_is_lost_of_broken_bytes(data: bytes) -> None:
    """Joined, the pieces are what decoding all at once gives."""
    assert "".join(pieces(data)) == decode(data)


def test_what_never_becomes_a_character_comes_at_the_end() -> None:
    assert pieces("aé".encode()[:2]) == ["a", "", HALF]
