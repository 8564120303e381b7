"""Ids: their forms, and that they depend on the seed and on what they name."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.kernel import ids

FORMS = {
    ids.token: r"(?=.*[A-Za-z])[A-Za-z0-9]{30}",
    ids.hex32: r"[0-9a-f]{32}",
    ids.cdn_folder: r"[0-9a-f]{8}(-[0-9a-f]{8}){7}",
    ids.uuid: r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
}


@given(st.text(), st.integers(0, 1000))
def test_every_id_has_its_documented_form(seed: str, number: int) -> None:
    """Whatever the seed, lone surrogates in it too."""
    for make, form in FORMS.items():
        assert re.fullmatch(form, make(seed, "task", number))


def test_a_uuid_is_a_version_4_uuid() -> None:
    """Clients parse it with their uuid types."""
    assert UUID(ids.uuid("seed", "account")).version == 4


def test_a_token_of_digits_alone_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go client would send an all-digit token as `taskid`."""
    monkeypatch.setattr(ids, "derive", lambda seed, *path: 10 if "again" in path else 0)
    assert ids.token("seed") == "A" + "0" * 29


def test_ids_depend_on_every_part_of_their_path() -> None:
    """Another seed, another name, another number: another id."""
    paths: list[tuple[str, tuple[str | int, ...]]]
    paths = [("s", ("a", 1)), ("t", ("a", 1)), ("s", ("b", 1)), ("s", ("a", 2)), ("s", ("a",)), ("s", ())]
    assert len({ids.token(seed, *path) for seed, path in paths}) == len(paths)


def test_ids_are_the_same_for_ever() -> None:
    """Recorded journals name them, so they may not change from one release to the next by accident."""
    assert ids.token("seed", "task", 0) == "VAqsz6J8f57ULO0sCKrh3y3hEvJLQh"
    assert ids.hex32("seed", "task", 0) == "d460250d07ba24196cc412af5900448f"


@given(st.text(), st.integers(0, 100), st.integers(1, 100))
def test_a_decimal_lies_in_its_range(seed: str, low: int, width: int) -> None:
    """`high` itself is never drawn."""
    assert low <= ids.decimal(seed, "n", low=low, high=low + width) < low + width


def test_a_decimal_takes_every_value_of_its_range() -> None:
    """Neither end is left out."""
    assert {ids.decimal("seed", n, low=3, high=6) for n in range(100)} == {3, 4, 5}
