"""The closed set of types is closed: whatever a field may hold that is saved can be written, and is checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api_kit import make_world
from wiro_mock.kernel.events import Progress
from wiro_mock.kernel.files import FileKind
from wiro_mock.kernel.texts import Growing, Rope
from wiro_mock.settings import Settings
from wiro_mock.snapshot.hints import check_of, hints_of
from wiro_mock.snapshot.kept import Kept, KeptSettings
from wiro_mock.snapshot.kinds import types

PLAIN = {str, int, float, bool, bytes, NoneType, Decimal, object, Growing, Rope}


def named(hint: Any) -> Iterator[Any]:
    """The types that an annotation names, at any depth."""
    if get_origin(hint) is Literal or hint is Ellipsis:
        return
    if args := get_args(hint):
        for one in args:
            yield from named(one)
    else:
        yield NoneType if hint is None else hint


def test_all_that_a_snapshot_may_come_to_is_in_the_set() -> None:
    """From `Kept` down: somebody who adds a type to a value that is saved hears of it here."""
    known, to_do, seen = types(), [Kept], set[type]()
    while to_do:
        kind = to_do.pop()
        seen.add(kind)
        assert kind in known.names, f"{kind.__name__} is not among snapshot.kinds"
        if kind not in known.fields:
            continue
        for hint in hints_of(kind, known.by_name).values():
            to_do += [one for one in named(hint) if one not in PLAIN and one not in seen]
    # A plan stands in a snapshot by its parts; as a whole only in the parameters that tests of the kernel make up.
    assert {one.__name__ for one in known.names if one not in seen} == {"Plan"}


SERVERS_OWN = {"project", "limits", "public_url", "input_urls", "journal_requests", "journal_bytes"}
"""Settings that a loaded world has from its server; the credentials are kept beside the settings."""


def test_every_setting_is_kept_or_the_servers_own() -> None:
    """Whoever adds one decides here: what makes a world go on as it was goes along (`kept.KeptSettings`)."""
    kept = {field.name for field in fields(KeptSettings)} - {"workers"}
    assert {field.name for field in fields(Settings)} == kept | SERVERS_OWN


KEPT = {
    "_inputs", "_nonces", "_sessions", "blobs", "casting", "clock", "deliveries", "downloads", "fault_sets", "faults",
    "journal", "played", "poll_worth", "project", "runs", "settings", "sim", "socket_numbers", "talks", "unexpected",
}  # fmt: skip
NOT_KEPT = {
    "_dirty", "_frame_texts", "_watchers", "alarms", "backends", "detail_texts", "doors", "explain_key", "frames",
    "gates", "indexed_by", "live", "lock", "log_request", "name", "on_change", "posters", "receivers", "secrets",
    "sockets", "teller",
}  # fmt: skip
"""Who listens and how it is reached, what programs of this process do, and what is made again when it is asked for."""
OF_A_SIMULATION = {
    "_busy", "_by_model", "_finished", "_firm", "_firm_weight", "_first_id", "_folders", "_gate", "_ids_by_token",
    "_logs", "_made", "_outlook", "_planner", "_schedule", "_sessions", "_sink", "_tasks", "_uploads", "_weight",
    "account", "began_at", "dropped", "files", "forgotten", "limits", "now", "outbox", "paced", "rules", "run_counts",
    "seed", "spent",
}  # fmt: skip
"""All of it is kept, follows from what is kept, or is given by the world."""


def test_whatever_a_world_has_was_thought_of() -> None:
    """Whoever gives a world something new decides whether it goes along (`taking`, `making`), and says so here."""
    world = make_world()
    assert set(vars(world)) == KEPT | NOT_KEPT
    assert set(vars(world.sim)) == OF_A_SIMULATION


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (int, [0, -1, 10**40], [True, 1.0, "1", None]),
        (float, [0.5, 1], [True, "1"]),
        (str, ["", FileKind.INPUT], [b"", 1, None]),
        (bool, [True], [1, None]),
        (bytes, [b""], [""]),
        (object, [None, 1, ()], []),
        (Decimal, [Decimal(1)], [1, "1"]),
        (str | None, ["", None], [0]),
        (int | str, [1, ""], [True, 1.5]),
        (Literal["a", "b", 1], ["a", 1], ["c", True, None]),
        (tuple[int, ...], [(), (1, 2)], [[1], (1, "2"), 1]),
        (tuple[str, int], [("a", 1)], [("a",), ("a", "b"), ("a", 1, 2)]),
        (dict[str, tuple[int, ...]], [{}, {"a": (1,)}], [{"a": 1}, {1: (1,)}, ()]),
        (frozenset[int], [frozenset({1})], [frozenset({"1"}), 1]),
        (FileKind, [FileKind.INPUT], ["input"]),
    ],
)
def test_a_value_is_what_its_annotation_says(hint: Any, right: list[Any], wrong: list[Any]) -> None:
    """No bool for a number, no text for an enum, nothing missing."""
    check = check_of(hint)
    assert all(map(check, right))
    assert not any(map(check, wrong))


@given(st.from_type(Progress))
def test_checks_take_what_a_writer_writes(value: Progress) -> None:
    """Of a dataclass with all that it may hold."""
    checks = types().checks(Progress)
    assert all(check(getattr(value, name)) for name, check in checks.items())
