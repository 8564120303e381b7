"""A JSON value against a documented shape: where they differ, how, and nothing that is as documented."""

from __future__ import annotations

import copy
from typing import Any, Literal, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock import shapes
from wiro_mock.contract.compare import differences, fields_of, shown, told


class Leaf(TypedDict):
    kind: Literal["a", "b"]
    size: str
    ratio: float
    note: NotRequired[str | None]


class Tree(TypedDict):
    leaves: list[Leaf | Stub]
    counts: dict[str, int]
    done: bool
    anything: Any


class Stub(TypedDict):
    name: str


LEAF: dict[str, Any] = {"kind": "a", "size": "1", "ratio": 0.5, "note": None}
TREE: dict[str, Any] = {"leaves": [LEAF, {"name": "x"}], "counts": {"n": 1}, "done": True, "anything": [1]}


def tree(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(TREE), **changes}


def leaf(**changes: Any) -> dict[str, Any]:
    return tree(leaves=[{**LEAF, **changes}])


def test_what_is_as_documented_has_no_differences() -> None:
    """A whole number is a number, and what is not required may be missing."""
    assert differences(TREE, Tree) == []
    assert differences(leaf(ratio=1), Tree) == []
    assert differences(tree(leaves=[{"kind": "b", "size": "", "ratio": 1.5}]), Tree) == []


@pytest.mark.parametrize(
    ("value", "path", "kind", "expected", "got"),
    [
        (leaf(size=7), "leaves[0].size", "type", "a string", "the number 7"),
        (leaf(size=None), "leaves[0].size", "type", "a string", "null"),
        (leaf(ratio="0.5"), "leaves[0].ratio", "type", "a number", '"0.5"'),
        (leaf(ratio=True), "leaves[0].ratio", "type", "a number", "true"),
        (leaf(kind="c"), "leaves[0].kind", "value", '"a" or "b"', '"c"'),
        (leaf(kind=1), "leaves[0].kind", "type", '"a" or "b"', "the number 1"),
        (leaf(note=3), "leaves[0].note", "type", "a string or null", "the number 3"),
        (tree(counts={"n": "1"}), "counts.n", "type", "a whole number", '"1"'),
        (tree(counts={"n": 1.5}), "counts.n", "type", "a whole number", "the number 1.5"),
        (tree(done=1), "done", "type", "true or false", "the number 1"),
        (tree(leaves={}), "leaves", "type", "a list", "an object: {}"),
        (tree(leaves=["x"]), "leaves[0]", "type", "an object", '"x"'),
        (tree(counts=[1]), "counts", "type", "an object", "a list: [1]"),
        (tree(extra=1), "extra", "new", "no such field", "1"),
    ],
)  # fmt: skip
def test_each_difference_is_named(value: Any, path: str, kind: str, expected: str, got: str) -> None:
    """One place, its path, what was documented and what came."""
    (found,) = differences(value, Tree)
    assert (found.path, found.kind, found.expected, found.got) == (path, kind, expected, got)


def test_a_missing_field_is_named_with_its_shape() -> None:
    """And where a field has come for one that went, that is one difference."""
    value = tree()
    del value["done"]
    (missing,) = differences(value, Tree)
    assert (missing.path, missing.kind, missing.got) == ("done", "missing", "no such field")
    assert (missing.shape, missing.field) == ("Tree", "done")
    (renamed,) = differences({**value, "finished": True}, Tree)
    assert (renamed.kind, renamed.path, renamed.got) == ("renamed", "done", "no such field, but finished")


def test_of_several_that_went_the_alike_one_is_the_new_spelling() -> None:
    """Case and underscores make no difference; a value of another type does."""
    answer = {"errors": [], "taskId": "5", "x": "y", "result": True}
    found = {one.field: one for one in differences(answer, shapes.RunAnswer)}
    assert (found["taskid"].kind, found["socketaccesstoken"].kind, found["x"].kind) == ("renamed", "missing", "new")
    other = {one.field: one.kind for one in differences({**answer, "taskId": 5}, shapes.RunAnswer)}
    assert other == {"taskid": "missing", "socketaccesstoken": "missing", "taskId": "new", "x": "new"}


def test_the_same_in_many_items_is_told_once() -> None:
    """Of the first; what is of another kind is told besides."""
    many = tree(leaves=[LEAF, {**LEAF, "size": 1}, {**LEAF, "size": 2}, {"kind": "a", "ratio": 1}])
    assert [(one.path, one.kind) for one in differences(many, Tree)] == [
        ("leaves[1].size", "type"),
        ("leaves[3].size", "missing"),
    ]


def test_a_path_may_begin_anywhere() -> None:
    """For a part of an answer."""
    (found,) = differences({**LEAF, "size": 1}, Leaf, path="tasklist[0]")
    assert found.path == "tasklist[0].size"
    (whole,) = differences([], Leaf)
    assert (whole.path, whole.expected) == ("", "an object")


def test_long_values_are_cut() -> None:
    """So a difference stays a line."""
    (found,) = differences(leaf(size=["x" * 1000]), Tree)
    assert len(found.got) < 250
    assert shown("a\nb\x1b[31m") == '"a\\nb\\u001b[31m"'


ALL_SHAPES = [one for one in vars(shapes).values() if isinstance(one, type) and one.__module__ == shapes.__name__]


@pytest.mark.parametrize("shape", ALL_SHAPES, ids=lambda one: one.__name__)
def test_every_documented_shape_can_be_compared(shape: Any) -> None:
    """Of an empty object every required field is missing, and only those."""
    missing = {one.field for one in differences({}, shape)}
    assert missing == {name for name, (_, required) in fields_of(shape).items() if required}
    assert {one.kind for one in differences({}, shape)} <= {"missing"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(value=json_values, shape=st.sampled_from([*ALL_SHAPES, list[shapes.TaskShape], str | None]))
def test_no_json_breaks_the_comparison(value: Any, shape: Any) -> None:
    """Whatever a server sends; and what is told fits on a line."""
    for one in differences(value, shape):
        assert one.kind in ("missing", "renamed", "new", "type", "value")
        assert len(one.got) < 600
        assert told(shape)


def _sample(kind: Any) -> st.SearchStrategy[Any]:
    return st.from_type(kind)


@given(data=st.data(), field=st.sampled_from(["kind", "size", "ratio"]))
def test_a_value_of_the_shape_is_as_documented_until_a_field_goes(data: st.DataObject, field: str) -> None:
    """Any value that has the type; without a field, just that is told."""
    value = data.draw(_sample(Leaf))
    assert differences(value, Leaf) == []
    del value[field]
    (found,) = differences(value, Leaf)
    assert (found.field, found.kind) == (field, "missing")
