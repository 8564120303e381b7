"""The files and URLs of a parameter, in every spelling that a client has been seen to use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import BLOBS
from wiro_mock.kernel import file_inputs
from wiro_mock.kernel.file_inputs import LONGEST_LIST, MOST_ENTRIES, MOST_VALUES, companions, entries
from wiro_mock.kernel.orders import InputBlob

A, B, C = "https://a.test/1.png", "http://b.test/2.png?size=1,2", "HTTPS://C.TEST/3.png"
FILE = InputBlob(blob=BLOBS[0], suffix=".png")


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, []),
        ({"x": None}, []),
        ({"x": "", "xUrl": ""}, []),
        ({"x": [], "xUrl": [None, "", [""]]}, []),
        ({"x": "[]"}, []),
        ({"x": '["", null]'}, []),
        ({"y": A, "xurl": A, "XUrl": A}, []),
        ({"x": FILE}, [FILE]),
        ({"x": A}, [A]),
        ({"x": [FILE, FILE]}, [FILE, FILE]),
        ({"x": [FILE, A]}, [FILE, A]),
        ({"x": [A, "", B]}, [A, B]),
        ({"x": json.dumps([A, B])}, [A, B]),
        ({"x": f" {json.dumps([A])} "}, [A]),
        ({"x": [json.dumps([A, B]), C]}, [A, B, C]),
        ({"xUrl": A}, [A]),
        ({"x": "", "xUrl": f"{A},{B}"}, [A, B]),
        ({"x": "", "xUrl": f" {A} , {C} "}, [A, C]),
        ({"x": f"{A},,{B}"}, [A, B]),
        ({"x": f"{A},{B}"}, [A, B]),
        ({"x": f"{A}, "}, [A]),
        ({"x": B}, [B]),
        ({"x": FILE, "xUrl": A}, [FILE, A]),
        ({"x": FILE, "xUrl": ""}, [FILE]),
        ({"x": [A, B], "xUrl": [C]}, [A, B, C]),
        ({"x": [A, A]}, [A, A]),
        ({"x": A, "xUrl": A}, [A]),
        ({"x": "uploads/1.png"}, ["uploads/1.png"]),
        ({"x": "a,b"}, ["a,b"]),
        ({"x": "[not JSON"}, ["[not JSON"]),
        ({"x": "[" * 5_000}, ["[" * 5_000]),
        ({"x": {"url": A}}, [{"url": A}]),
        ({"x": 0, "xUrl": False}, []),
        ({"x": {}, "xUrl": [0, {}, "null", "[null]", " \t", ",", ", ,"]}, []),
        ({"x": "null", "xUrl": " "}, []),
        ({"x": 5}, [5]),
        ({"xUrl": "a.png,b.png"}, ["a.png,b.png"]),
        ({"x": "http://a/?to=http://b,c,http://d"}, ["http://a/?to=http://b,c", "http://d"]),
        ({"x": "http://a,xhttp://b,://,ttp://c"}, ["http://a,xhttp://b,://,ttp://c"]),
    ],
    ids=repr,
)
def test_each_file_and_url_is_an_entry(parameters: dict[str, Any], found: list[object]) -> None:
    """In the order in which they were sent; what is empty is none."""
    assert entries(parameters, "x") == found


def test_the_fields_beside_a_file_parameter() -> None:
    """One for every name, and a second where the name ends in Multiple."""
    assert companions("inputImage") == ("inputImageUrl",)
    assert companions("inputDocumentMultiple") == ("inputDocumentMultipleUrl", "inputDocumentUrlMultiple")
    assert companions("Multiple") == ("MultipleUrl",)


def test_the_same_urls_under_both_names_count_once() -> None:
    """As the n8n node sends them; another URL under the second name counts."""
    sent = {"inputDocumentMultiple": "", "inputDocumentMultipleUrl": f"{A},{B}", "inputDocumentUrlMultiple": f"{A},{B}"}
    assert entries(sent, "inputDocumentMultiple") == [A, B]
    assert entries(sent | {"inputDocumentUrlMultiple": f"{A},{C}"}, "inputDocumentMultiple") == [A, B, C]


def test_a_list_too_long_to_be_read_is_one_entry() -> None:
    """A limit of ours; one character less, and each counts."""
    filler = " " * (LONGEST_LIST - len('["a","b"]'))
    assert entries({"x": f'["a",{filler}"b"]'}, "x") == ["a", "b"]
    assert len(entries({"x": f'["a",{filler} "b"]'}, "x")) == 1


_URLS = st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=5)


@given(_URLS)
def test_every_spelling_of_some_urls_means_the_same(urls: list[str]) -> None:
    """A list, repeated fields, JSON in a field, and commas."""
    for sent in ({"x": urls}, {"x": json.dumps(urls)}, {"xUrl": urls}, {"x": "", "xUrl": json.dumps(urls)}):
        assert entries(sent, "x") == urls
    assert entries({"x": "", "xUrl": ", ".join(urls)}, "x") == urls


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from([A, '["x"', FILE]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | inner.map(lambda one: json.dumps(str(one))),
)


@given(_ANYTHING, _ANYTHING)
def test_anything_can_be_asked_about(one: object, other: object) -> None:
    """Never an exception, and never something empty."""
    assert all(piece and piece != "null" for piece in entries({"x": one, "xUrl": other}, "x"))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1_000_000,
        "[" + "0," * 500_000 + "0]",
        "[" + "9" * 1_000_000 + "]",
        "[" + '"x",' * (LONGEST_LIST // 2) + '"x"]',
        f"{A}," * 50_000,
        A + "," + " " * 300_000,
        A + ", " * 150_000,
    ],
    ids=["deep", "wide", "digits", "too long", "commas", "blanks", "commas and blanks"],
)
@pytest.mark.timeout(120)
def test_a_huge_text_is_read_in_no_time(text: str) -> None:
    """A text that somebody made to hurt: read once from end to end, where going back would take minutes."""
    for sent in ({"x": text}, {"xUrl": text}):
        assert len(entries(sent, "x")) <= MOST_ENTRIES


def repr_begun(value: object) -> str:
    """A short name of a case."""
    return f"{type(value).__name__} {str(value[:1] if isinstance(value, list) else value)[:20]}"


@pytest.mark.parametrize(
    ("value", "more"),
    [
        (["[]"] * 2_000_000, True),
        ("http://" + "," * 15_000_000, False),
        ([""] * 3_000_000, True),
        ([[[""] * 3_000_000]], True),
        (["http://a"] * 1_000_000, True),
        ("http://a," * 1_600_000, True),
        ("://," * 3_000_000, False),
        ("http://" + "://," * 3_000_000, True),
        ([json.dumps([""] * 200_000)] * 15, True),
        (["http://a"] * MOST_ENTRIES, False),
        (["http://a"] * (MOST_ENTRIES + 1), True),
        ([""] * (MOST_VALUES - 2), False),
        ([""] * (MOST_VALUES + 1), True),
        ("[" + '"a",' * MOST_ENTRIES + '"a"]', True),
    ],
    ids=repr_begun,
)
@pytest.mark.timeout(120)
def test_only_so_much_is_looked_at(value: Any, more: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of 15 MB holds millions of values: so many are looked at, so much JSON is read, and it is told."""
    read: list[int] = []
    loads = json.loads

    def counted(text: str) -> object:
        read.append(len(text))
        return loads(text)

    monkeypatch.setattr(json, "loads", counted)
    for name in ("x", "xUrl"):
        read.clear()
        entered, beyond = file_inputs.found({name: value}, "x")
        assert (len(entered) <= MOST_ENTRIES, beyond) == (True, more)
        assert len(read) <= MOST_VALUES
        assert sum(read) <= LONGEST_LIST
