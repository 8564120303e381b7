"""Files of any size that are made up: what the usual tools read in them, the same for the same seed, in no memory."""

from __future__ import annotations

import csv
import io
import json
import struct
import tracemalloc
import wave
import zlib
from dataclasses import replace
from itertools import islice
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import media_kit
from tests.api_kit import detail, get, make_world, run
from tests.scenarios_kit import JOB, keep, made, stored
from wiro_mock.kernel import events as e
from wiro_mock.kernel.plan import Step
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.language.fillers import Kind, Padded, Table, Words, kinds_of, room, size_of
from wiro_mock.language.pictures import picture
from wiro_mock.language.sizes import LARGEST_FILE, parse_size
from wiro_mock.language.sounds import Tone, wav
from wiro_mock.loader import load_text

seeds = st.text(max_size=8)


def produced(step: dict[str, Any], token: str = "t") -> tuple[str, str, bytes]:
    """The name, the content type and the bytes of the file that a run gets."""
    plan = made([{"produce": step}, {"exit": 0}]).compile(replace(JOB, token=token), keep)
    (event,) = [one.event for one in plan.items if isinstance(one, Step) and isinstance(one.event, e.Produced)]
    return event.name, event.blob.contenttype, stored[event.blob.digest]


# -- sizes


@pytest.mark.parametrize(
    ("written", "size"),
    [(0, 0), (300, 300), ("300", 300), ("20kB", 20_000), ("1.5 MB", 1_500_000), ("1MiB", 1 << 20), ("2KiB", 2048)],
)
def test_a_size_is_read_as_people_write_it(written: object, size: int) -> None:
    """Thousands, or 1024s with an i."""
    assert parse_size(written) == size


@pytest.mark.parametrize(
    ("written", "told"),
    [("5 PB", "is no size"), (True, "is no size"), (-1, "is no size"), ("", "is no size"), ("MB", "is no size"),
     ("1.5", "is no whole number"), ("101MiB", "is larger than 100 MiB"), (1.5, "is no size"), (None, "is no size")],
)  # fmt: skip
def test_what_is_no_size_is_said_with_the_way_out(written: object, told: str) -> None:
    """Never anything but `ValueError`."""
    with pytest.raises(ValueError, match=told):
        parse_size(written)


# -- words


@given(seeds, st.integers(0, 200_000))
def test_words_have_exactly_so_many_bytes(seed: str, size: int) -> None:
    """In whole lines of ASCII but for the last one, which ends all the same; the same each time."""
    words = Words(seed, size)
    data = b"".join(words)
    assert (len(data), size_of(words)) == (size, size)
    assert data.isascii()
    assert not size or data.endswith(b"\n")
    assert data == b"".join(Words(seed, size))


def test_another_task_gets_other_words() -> None:
    """And the same task the same ones."""
    assert produced({"filler": 300})[2] == produced({"filler": 300})[2] != produced({"filler": 300}, token="u")[2]
    two = made([{"produce": {"filler": 300}}, {"produce": {"filler": 300}}, {"exit": 0}])
    events = [one.event for one in two.compile(JOB, keep).items if isinstance(one, Step)]
    assert len({one.blob.digest for one in events if isinstance(one, e.Produced)}) == 2


@pytest.mark.parametrize(
    ("step", "name", "kind"),
    [
        ({"filler": "20kB"}, "0.txt", "text/plain"),
        ({"filler": 5, "name": "notes.md"}, "notes.md", "text/markdown"),
        ({"filler": 5, "contenttype": "x/y"}, "0.txt", "x/y"),
        ({"table": {"rows": 1}}, "0.csv", "text/csv"),
        ({"table": {"rows": 1}, "name": "a.JSON"}, "a.JSON", "application/json"),
        ({"table": {"rows": 1, "format": "csv"}, "name": "a.json"}, "a.json", "text/csv"),
    ],
)
def test_its_name_and_type_are_those_of_its_kind(step: dict[str, Any], name: str, kind: str) -> None:
    """Unless they are said."""
    assert produced(step)[:2] == (name, kind)


# -- tables

columns = st.dictionaries(st.text(min_size=1, max_size=5), st.sampled_from(get_args(Kind)), min_size=1, max_size=5)


@given(seeds, st.integers(0, 1_200), columns)
def test_a_table_is_what_csv_and_json_read(seed: str, rows: int, named: dict[str, Kind]) -> None:
    """The same values in both; each of its kind; a name may have commas, quotes and line ends in it."""
    kinds = tuple(named.items())
    text = b"".join(Table(seed, rows, kinds, "csv")).decode()
    head, *lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    whole = json.loads(b"".join(Table(seed, rows, kinds, "json")))
    assert head == list(named)
    assert (len(lines), len(whole)) == (rows, rows)
    for at, (line, row) in islice(enumerate(zip(lines, whole, strict=True), start=1), 20):
        assert line == [str(value).lower() if isinstance(value, bool) else str(value) for value in row.values()]
        for name, kind in kinds:
            value = row[name]
            assert kind != "count" or value == at
            assert isinstance(value, {"count": int, "number": float, "flag": bool}.get(kind, str))


def test_columns_are_a_number_names_or_kinds() -> None:
    """What a name without a kind holds is guessed."""
    assert kinds_of(2) == (("column1", "word"), ("column2", "word"))
    assert kinds_of(["id", "cat", "price"]) == (("id", "count"), ("cat", "word"), ("price", "number"))
    assert kinds_of({"id": "flag"}) == (("id", "flag"),)
    assert [name for name, _ in kinds_of(None)] == ["id", "name", "score"]


# -- pictures


@given(st.integers(0, 300_000), st.sampled_from(["png", "jpeg"]))
def test_a_picture_has_exactly_so_many_bytes_and_shows_the_same(extra: int, kind: Any) -> None:
    """Every reader passes over the rest; the checksums are right."""
    plain = picture(kind, 30, 20, "#aa3355")
    data = b"".join(Padded(plain, len(plain) + room(kind) + extra, kind, "s"))
    assert len(data) == len(plain) + room(kind) + extra
    found = media_kit.picture(data)
    assert (found.size, found.color) == (media_kit.picture(plain).size, media_kit.picture(plain).color)
    assert list(_parts(data, kind))


def _parts(data: bytes, kind: str) -> Any:
    """Every chunk of a PNG, or segment of a JPEG up to its scan, as the format has it."""
    at = 8 if kind == "png" else 2
    while at < len(data):
        if kind == "png":
            (length,), name = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
            (check,) = struct.unpack_from(">I", data, at + 8 + length)
            assert check == zlib.crc32(data[at + 4 : at + 8 + length])
            at += 12 + length
        else:
            name, (length,) = data[at : at + 2], struct.unpack_from(">H", data, at + 2)
            assert name[0] == 0xFF
            assert length >= 2
            if name[1] == 0xDA:
                return
            at += 2 + length
        yield name


# -- tones


@given(st.integers(1, 40), st.integers(20, 8_000), st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000]))
def test_a_tone_has_the_rate_that_was_asked_for(tenths: int, hz: int, rate: int) -> None:
    """As the standard library reads it."""
    tone = Tone(tenths / 10, hz, rate)
    data = b"".join(tone)
    assert len(data) == tone.size
    with wave.open(io.BytesIO(data)) as sound:
        assert sound.getparams()[:4] == (1, 2, rate, round(tenths / 10 * rate))
        assert len(sound.readframes(sound.getnframes())) == 2 * sound.getnframes()
    assert data == wav(tenths / 10, hz, rate)


def test_an_hour_of_sound_is_made_to_its_end() -> None:
    """A long one is made anew for each run, and not kept."""
    name, _, data = produced({"audio": {"seconds": 600, "hz": 440, "rate": 8_000}})
    with wave.open(io.BytesIO(data)) as sound:
        assert (name, sound.getnframes() / sound.getframerate()) == ("0.wav", 600)


# -- in a world


@pytest.mark.parametrize(
    ("step", "size"),
    [
        ("filler: 20MB", 20_000_000),
        ("image: {width: 64, height: 64, size: 20MB, format: jpeg}", 20_000_000),
        ("audio: {seconds: 600}", 19_200_044),
    ],
)
def test_a_large_output_takes_no_memory(step: str, size: int) -> None:
    """Neither while the run is planned nor afterwards; what is downloaded has the size that Detail says."""
    world = make_world(scenarios=f"scenario: x\nsteps: [accept, assign, start, produce: {{{step}}}, exit: 0]\n")
    world.use("x")
    world.warm_up()
    run(world)  # what is imported for the first
    tracemalloc.start()
    task, _ = run(world)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    world.jump(world.sim.now + 10_000_000)
    (output,) = detail(world, task)["outputs"]
    reply = get(world, output["url"], range=f"bytes={size - 1}-")
    assert (output["size"], reply.headers["content-range"]) == (str(size), f"bytes {size - 1}-{size - 1}/{size}")


def test_the_same_seed_gives_the_same_files() -> None:
    """And another one others."""
    steps = "[accept, assign, start, produce: {table: {rows: 9}}, produce: {filler: 1kB}, exit: 0]"

    def digests(seed: str) -> list[str]:
        world = make_world(scenarios=f"scenario: x\nsteps: {steps}\n", seed=seed)
        world.use("x")
        run(world)
        world.jump(world.sim.now + 10_000_000)
        return [one.blob.digest for one in world.sim.files]

    assert digests("1") == digests("1")
    assert not set(digests("1")) & set(digests("2"))


# -- mistakes


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("filler: 5PB", "produce.filler: '5PB' is no size; write it like 300, 20kB, 5MB or 1MiB"),
        ("filler: 200MB", "'200MB' is larger than 100 MiB, and no file may be"),
        ("table: {}", "produce.table.rows: is missing"),
        ("table: {rows: 1, colums: 3}", "colums: unknown key; did you mean 'columns'?"),
        ("table: {rows: 100000}", "it would have 300000 cells; write at most 200000"),
        ("table: {rows: 1, columns: []}", "are no columns; write how many, their names, or names with what is in them"),
        ("table: {rows: 1, columns: {a: int}}", "'int' is not possible; write one of: count, word, number, text, date"),
        ("table: {rows: 1, columns: [a, a]}", "no name stands there twice"),
        ("image: {size: 5MB}", "size needs width and height; write both"),
        ("image: {width: 9, height: 9, size: 50}", "a picture of 9 by 9 takes "),
        ("image: {width: 9, height: 9, size: 5kB, format: webp}", "size is for png and jpeg"),
        ("image: {width: 9, height: 9, size: 5kB}, name: a.webp", "image.size is for png and jpeg"),
        ("audio: {seconds: 3600, rate: 48000}", "it would have 345600044 bytes; at most 100 MiB"),
        ("audio: {format: mp3, rate: 8000}", "so seconds, hz and rate mean nothing to it"),
        ("audio: {seconds: 7200}", "'7200' is too large; write at most 3600"),
        ("filler: 5, table: {rows: 1}", "a file has exactly one source, here table and filler"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_way_out(step: str, told: str) -> None:
    """At load."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\nsteps:\n  - produce: {{{step}}}\n  - exit: 0\n", file="f.yaml")
    assert told in str(caught.value)
    assert str(caught.value).startswith("f.yaml:3:")


def test_no_file_is_larger_than_an_upload_may_be() -> None:
    """The largest is just possible."""
    assert produced_size({"filler": LARGEST_FILE}) == LARGEST_FILE


def produced_size(step: dict[str, Any]) -> int:
    sizes = []

    def count(data: Any, _: str) -> Any:
        sizes.append(size_of(data))
        return keep(b"", "x/y")

    made([{"produce": step}, {"exit": 0}]).compile(JOB, count)
    return sizes[0]
