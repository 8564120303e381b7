"""Bodies read piece by piece: the pieces never matter, and nothing unreadable is ever an error of ours."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.api_kit import multipart, part
from wiro_mock.api import jsontext
from wiro_mock.api import multipart as multipart_module
from wiro_mock.api.body import BodyReader, text_of
from wiro_mock.api.file_names import suffix_of
from wiro_mock.api.messages import Body, Upload
from wiro_mock.kernel.files import Blob
from wiro_mock.store import BlobStore

KIND = "multipart/form-data; boundary=----kit"


def read(data: bytes, kind: str = KIND, cuts: tuple[int, ...] = (), store: BlobStore | None = None) -> Body:
    """The body, fed in pieces that end at the cuts."""
    reader = BodyReader(kind, BlobStore() if store is None else store)  # an empty store is falsy
    ends = sorted({min(cut, len(data)) for cut in cuts} | {len(data)})
    start = 0
    for end in ends:
        reader.feed(data[start:end])
        start = end
    return reader.finish()


TEXTS = st.one_of(st.binary(max_size=40), st.sampled_from([b"\r\n", b"\r\n--", b"\r\n------ki", b"--", b"-", b"\r"]))
PARTS = st.lists(
    st.builds(
        part,
        st.sampled_from(["a", "b", "inputImage", ""]),
        TEXTS,
        filename=st.sampled_from([None, "", "x.png", "../y"]),
        kind=st.sampled_from(["", "image/png"]),
    ),
    max_size=5,
)
CUTS = st.lists(st.integers(0, 600), max_size=8).map(tuple)


@given(PARTS, CUTS)
@example([part("a", b"x\r\n------ki")], (1, 90, 91, 92, 93))
def test_a_multipart_body_does_not_depend_on_its_pieces(parts: list[bytes], cuts: tuple[int, ...]) -> None:
    """Fed in any pieces it is the same body, and its files are the same bytes."""
    data, kind = multipart(parts)
    whole = read(data, kind)
    assert read(data, kind, cuts) == whole
    assert read(data, kind, tuple(range(len(data)))) == whole
    assert whole.problem == ""


@given(PARTS, CUTS, st.integers(0, 400), st.binary(max_size=6))
@example([], (2,), 0, b"\r\n\r\nx-")
def test_a_damaged_multipart_body_does_not_depend_on_its_pieces(
    parts: list[bytes], cuts: tuple[int, ...], at: int, junk: bytes
) -> None:
    """With bytes put in anywhere it is read or refused, but always alike."""
    data, kind = multipart(parts)
    damaged = data[:at] + junk + data[at:]
    whole = read(damaged, kind)
    again = read(damaged, kind, cuts)
    assert again.fields == whole.fields
    assert bool(again.problem) is bool(whole.problem)


@given(st.binary(max_size=200), st.text(max_size=60), CUTS)
def test_no_body_of_any_type_raises(data: bytes, kind: str, cuts: tuple[int, ...]) -> None:
    """Whatever the bytes and the content type are."""
    for one in (kind, KIND, "application/json", "application/x-www-form-urlencoded"):
        assert read(data, one, cuts).fields == read(data, one).fields


def test_a_file_part_is_stored_byte_for_byte() -> None:
    """All byte values, line ends and almost-boundaries among them."""
    store = BlobStore()
    data = bytes(range(256)) + b"\r\n------kit-\r\n--\r\n------ki"
    body = read(multipart([part("file", data, filename="a.bin")])[0], store=store)
    upload = body.fields["file"]
    assert isinstance(upload, Upload)
    assert (upload.filename, store.read(upload.blob)) == ("a.bin", data)


def test_several_parts_of_one_name_are_a_list_in_their_order() -> None:
    """Two equal ones are two."""
    body = read(multipart([part("a", "1"), part("b", "x"), part("a", "2"), part("a", "2")])[0])
    assert body.fields == {"a": ["1", "2", "2"], "b": "x"}


@pytest.mark.parametrize("line_end", [b"\r\n", b""])
def test_a_preamble_and_what_comes_after_the_end_are_passed_over(line_end: bytes) -> None:
    """RFC 2046 allows both."""
    data = b"This is a multipart message.\r\n" + multipart([part("a", "1")])[0].rstrip() + line_end + b"epilogue"
    assert read(data).fields == {"a": "1"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "cut off"),
        (b"------kit\r\n", "cut off"),
        (multipart([part("a", "1")])[0][:-6], "cut off"),
        (b"x" * 70_000, "does not begin with the boundary"),
        (b"------kitx", "malformed"),
        (b"------kit\r\n\x00: x\r\n\r\n\r\n------kit--", "malformed"),
        (b"------kit\r\n" + b"A: b\r\n" * 50 + b"\r\n\r\n------kit--", "malformed"),
        (b"------kit\r\nA: " + b"b" * 10_000 + b"\r\n\r\n\r\n------kit--", "malformed"),
    ],
)
def test_what_is_wrong_with_a_multipart_body_is_said(data: bytes, why: str) -> None:
    """One sentence each, and no fields."""
    body = read(data)
    assert why in body.problem
    assert body.fields == {}


def test_a_boundary_that_is_too_long_is_refused() -> None:
    """The parser's own limit, said in our words."""
    assert "boundary is refused" in read(b"x", "multipart/form-data; boundary=" + "b" * 300).problem


def test_a_body_that_was_refused_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off in the middle of a large file: the file parts before it are unpinned by the transport, it is gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = BlobStore()
    whole = multipart([part("a", b"one", filename="1"), part("b", b"2" * (3 << 20), filename="2")])[0]
    reader = BodyReader(KIND, store)
    reader.feed(whole[: 2 << 20])
    assert [path.stat().st_size > 1 << 20 for folder in tmp_path.iterdir() for path in folder.iterdir()] == [True]
    reader.abandon()
    for blob in reader.blobs:
        store.unpin(blob, needed=lambda _: False)
    assert len(store) == 0
    assert [path for folder in tmp_path.iterdir() for path in folder.iterdir()] == []


def test_parts_beyond_the_limit_are_refused() -> None:
    """Ten thousand of them; 2 000 are fine."""
    assert "more than 2000 parts" in read(multipart([part("a", "")] * 10_000)[0]).problem
    assert len(read(multipart([part("a", "")] * 2_000)[0]).fields["a"]) == 2_000  # type: ignore[arg-type]


def test_fields_beyond_the_limit_are_refused() -> None:
    """A thousand duplicates are a list of a thousand, ten thousand are refused."""
    kind = "application/x-www-form-urlencoded"
    assert read(b"a=1&" * 999 + b"a=1", kind).fields == {"a": ["1"] * 1_000}
    assert "more than 2000 fields" in read(b"a=1&" * 10_000, kind).problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a":1' + ',"a":1' * 1_999 + "}", ""),
        ("{" + ",".join(f'"k{number}":1' for number in range(2_000)) + "}", ""),
        ("{" + ",".join(f'"k{number}":1' for number in range(2_001)) + "}", "the body has more than 2000 fields"),
        ('{"a":[' + "1," * 199_997 + "1]}", ""),
        ('{"a":[' + "1," * 199_999 + "1]}", "the body has more than 200000 values of JSON"),
        (
            '{"a":' + '["a",{"b":"c"}],' * 2 + "[]" + ",[]" * 200_000 + "}",
            "the body has more than 200000 values of JSON",
        ),
        ('{"a":' + "[{},".replace(",", ',"b') * 200_000, "the body has more than 200000 values of JSON"),
        ("{" + '"a":"",' * 400_000 + "}", "the body has more than 200000 values of JSON"),
        (json.dumps({"prompt": 'a, [b] \\" \n' * 400_000}), ""),
        ('{"a":"' + '\\",' * 5_000_000, "the body is not JSON that can be read"),
        ('"' + ',"' * 7_000_000, "the body has more than 200000 values of JSON"),
    ],
    ids=lambda value: value[:30],
)
@pytest.mark.timeout(120)
def test_so_much_json_is_read(text: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted before anything is made of it; what stands in a text is not counted, however long the text."""
    made: list[int] = []
    loads = jsontext.loads

    def counted(raw: str | bytes) -> Any:
        made.append(len(raw))
        return loads(raw)

    monkeypatch.setattr(jsontext, "loads", counted)
    body = read(text.encode(), "application/json")
    assert body.problem.startswith(problem) if problem else not body.problem
    assert bool(body.fields) is not bool(problem)
    assert bool(made) is ("values" not in problem)


def test_a_file_beyond_the_limit_is_refused_while_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the limit it is kept, one byte more and nothing is; the rest is read and dropped."""
    monkeypatch.setattr(multipart_module, "FILE_LIMIT", 1_000)
    store = BlobStore()
    assert read(multipart([part("a", b"x" * 1_000, filename="f")])[0], store=store).problem == ""
    store = BlobStore()
    body = read(multipart([part("a", b"x" * 1_001, filename="f")])[0], cuts=(500, 900, 1_100), store=store)
    assert body.problem == "the file in part 'a' is larger than 1000 bytes"
    assert len(store) == 0


def test_files_are_limited_together_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else two thousand files of 100 MB were one body."""
    monkeypatch.setattr(multipart_module, "FILES_LIMIT", 1_000)
    two = multipart([part("a", b"x" * 500, filename="f"), part("a", b"y" * 501, filename="g")])[0]
    assert read(two).problem == "the files of the body are larger than 1000 bytes together"


def test_100_mib_are_kept_and_one_byte_more_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented 100 MB, streamed: never in memory as a whole, and nothing left of what is refused."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    chunk = bytes(1 << 20)
    head, tail = multipart([part("file", b"\0", filename="f.mp4")])[0].split(b"\0")
    for extra, kept in ((b"", True), (b"x", False)):
        store = BlobStore()
        reader = BodyReader(KIND, store)
        reader.feed(head)
        for _ in range(100):
            reader.feed(chunk)
        reader.feed(extra + tail)
        body = reader.finish()
        assert (body.problem == "") is kept
        assert [blob.size for blob in reader.blobs] == [100 << 20] * kept
        store.close()
        assert list(tmp_path.iterdir()) == []


def test_text_beyond_the_limit_is_read_to_its_end_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON, a form, and fields of a multipart body alike; 10 MB are fine."""
    ten = json.dumps({"prompt": "x" * 10_000_000}).encode()
    assert read(ten, "application/json").problem == ""
    monkeypatch.setattr(multipart_module, "TEXT_LIMIT", 1_000)
    assert "10000014 bytes of text" in read(ten, "application/json", cuts=(10, 5_000)).problem
    assert "bytes of text" in read(b"a=" + b"x" * 1_000, "application/x-www-form-urlencoded").problem
    assert "bytes of text" in read(multipart([part("a", "x" * 600), part("b", "x" * 401)])[0]).problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1" * 5_000, "5000 digits"),
        ("-1e999", "too large"),
        ("[" * 10_000 + "]" * 10_000, "nested deeper than 100"),
        ('{"a":' * 101 + "1" + "}" * 101, "nested deeper than 100"),
        ("[" * 101 + "]" * 101, "nested deeper than 100"),
        ("[" * 100_000, "nested deeper"),
        ("{'a': 1}", "double quotes"),
        ("", "Expecting value"),
    ],
)
def test_what_json_cannot_say_is_refused_with_the_reason(text: str, why: str) -> None:
    """ValueError, never RecursionError or a value that cannot be written out again."""
    for form in (text, text.encode()):
        with pytest.raises(ValueError, match=why):
            jsontext.loads(form)


@pytest.mark.parametrize("data", [b"\xff", b'"\xed\xa0\x80"', '{"a":1}'.encode("utf-16"), '{"a":1}'.encode("utf-32")])
def test_json_is_utf8(data: bytes) -> None:
    """Neither UTF-16 nor raw surrogates."""
    with pytest.raises(ValueError, match=r"not UTF-8|JSON|Expecting"):
        jsontext.loads(data)


def test_a_byte_order_mark_is_passed_over() -> None:
    """Some Windows tools write one."""
    assert read(b'\xef\xbb\xbf{"a": 1}', "application/json").fields == {"a": 1}


def test_brackets_in_strings_are_no_nesting() -> None:
    """A hundred levels are read, and a string may be full of brackets."""
    deep = "[" * 100 + "]" * 100
    assert jsontext.dumps(jsontext.loads(deep)) == deep
    assert jsontext.loads(json.dumps("[" * 5_000)) == "[" * 5_000


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_read_can_be_written_and_read_again(value: Any) -> None:
    """Lone surrogates and all; what is written is UTF-8."""
    text = jsontext.dumps(value)
    assert jsontext.loads(text.encode()) == value
    assert jsontext.loads(json.dumps(value)) == value


def test_json_is_written_as_javascript_writes_it() -> None:
    """Compact, not escaped; a lone surrogate as its escape."""
    assert jsontext.dumps({"a": [1, "ü"], "b": None}) == '{"a":[1,"ü"],"b":null}'
    assert jsontext.dumps("\ud800ü") == '"\\ud800\\u00fc"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (7, "7"),
        (7.0, "7"),
        (0.5, "0.5"),
        (True, ""),
        (None, ""),
        (["x"], ""),
        ({}, ""),
        (math.pi, str(math.pi)),
    ],
)
def test_a_field_as_text(value: object, text: str) -> None:
    """Numbers in digits as JavaScript prints them; anything but text and numbers is nothing."""
    assert text_of({"a": value}, "a") == text
    assert text_of({}, "a") == ""


@pytest.mark.parametrize(
    ("filename", "kind", "suffix"),
    [
        ("a.PNG", "image/png", ".png"),
        ("a", "image/jpeg", ".jpg"),
        ("a.b c", "text/plain; charset=utf-8", ".txt"),
        ("a", "application/x-unheard-of", ".bin"),
        ("a.toolongextension", "image/webp", ".webp"),
        ("a.p/g", "", ".bin"),
    ],
)
def test_a_stored_inputs_extension(filename: str, kind: str, suffix: str) -> None:
    """The file name's, or that of its type."""
    blob = Blob(digest="", size=0, contenttype=kind)
    assert suffix_of(Upload(filename=filename, blob=blob)) == suffix


def test_the_memory_of_a_json_body_is_not_underestimated() -> None:
    """Twenty bytes of memory for each of text must not slip past the limits that count text."""
    many = read(b'{"a":[' + b"[]," * 10_000 + b"0]}", "application/json")
    assert many.text_size > 10_000 * 64
    assert read(b'{"a":"' + b"x" * 10_000 + b'"}', "application/json").text_size < 11_000


def test_the_memory_of_a_form_is_not_underestimated() -> None:
    """Names, the parts themselves, and text that takes four bytes a character."""
    form = "application/x-www-form-urlencoded"
    names = [f"{at}{'n' * 1_000}" for at in range(100)]
    assert read(multipart([part(name, "") for name in names])[0]).text_size > 100 * 1_100
    assert read(multipart([part("a", b"", filename=name) for name in names])[0]).text_size > 100 * 1_100
    assert read("&".join(names).encode(), form).text_size > 100 * 1_100
    assert read(multipart([part("a", "")] * 1_000)[0]).text_size >= 100_000
    assert read(b"a&" * 999 + b"a", form).text_size >= 100_000
    wide = "x" * 10_000 + "\U0001f408"
    for body in (
        read(multipart([part("a", wide.encode())])[0]),
        read(("a=" + quote(wide)).encode(), form),
        read(json.dumps({"a": wide}).encode(), "application/json"),
        read(json.dumps({"a": wide}, ensure_ascii=False).encode(), "application/json"),
    ):
        assert body.fields == {"a": wide}
        assert sys.getsizeof(wide) <= body.text_size + 100 < 45_000
