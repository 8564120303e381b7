"""What a file of each kind must be, looked at from outside: the files are taken apart, none of ours is asked.

Each function takes the bytes of a file, asserts that it is whole, and returns what is known of it.
"""

from __future__ import annotations

import io
import json
import re
import struct
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image


@dataclass(frozen=True, slots=True)
class Picture:
    format: str
    size: tuple[int, int]
    color: tuple[int, ...]
    """Of its last pixel."""


def picture(data: bytes) -> Picture:
    """A picture that Pillow opens, and decodes to its last pixel."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.format is not None
        last = image.convert("RGB").getpixel((image.width - 1, image.height - 1))
        assert isinstance(last, tuple)
        return Picture(image.format, image.size, tuple(map(int, last)))


@dataclass(frozen=True, slots=True)
class Sound:
    rate: int
    samples: tuple[int, ...]

    @property
    def hz(self) -> float:
        """How often a second the samples go up through nought."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return sum(before < 0 <= after for before, after in pairs) * self.rate / len(self.samples)


def wav(data: bytes) -> Sound:
    """A WAV file of one channel and 16 bits."""
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getcomptype()) == (1, 2, "NONE")
        frames = file.readframes(file.getnframes())
        assert len(frames) == 2 * file.getnframes()
        return Sound(file.getframerate(), struct.unpack(f"<{file.getnframes()}h", frames))


def mp3(data: bytes) -> float:
    """An MP3 file, walked from frame to frame (MPEG-2, layer III) to its very end: how many seconds it takes."""
    at = 0
    if data[:3] == b"ID3":
        size = 0
        for part in data[6:10]:
            size = size << 7 | part
        at = 10 + size
    seconds = 0.0
    while at < len(data):
        (header,) = struct.unpack(">I", data[at : at + 4])
        assert header >> 17 == 0xFFF2 >> 1, f"no frame of MPEG-2, layer III, at {at}"
        rate = (22_050, 24_000, 16_000)[header >> 10 & 3]
        bits = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[header >> 12 & 15] * 1000
        at += 72 * bits // rate + (header >> 9 & 1)
        seconds += 576 / rate
    assert at == len(data)
    return seconds


def mp4(data: bytes) -> dict[str, Any]:
    """An MP4 file that a browser plays while it loads: its index stands before its data, its video is H.264."""
    names = [name for name, _ in _boxes(data)]
    assert names[0] == b"ftyp"
    assert names.index(b"moov") < names.index(b"mdat")
    moov = dict(_boxes(data))[b"moov"]
    header = dict(_boxes(moov))[b"mvhd"]
    scale, duration = struct.unpack(">II", header[12:20])
    codecs, size = [], (0, 0)
    for name, track in _boxes(moov):
        if name == b"trak":
            media = dict(_boxes(dict(_boxes(track))[b"mdia"]))
            table = dict(_boxes(dict(_boxes(media[b"minf"]))[b"stbl"]))
            codecs.append(table[b"stsd"][12:16].decode())
            if media[b"hdlr"][8:12] == b"vide":
                wide, high = struct.unpack(">II", dict(_boxes(track))[b"tkhd"][-8:])
                size = (wide >> 16, high >> 16)
    return {"seconds": duration / scale, "codecs": codecs, "size": size}


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        assert 8 <= size <= len(data) - at, name
        yield name, data[at + 8 : at + size]
        at += size


def glb(data: bytes) -> dict[str, Any]:
    """A GLB file: header, JSON and binary fit together, and every number of every accessor is where it should be."""
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack("<I4s", data[12:20])
    assert (kind, size % 4) == (b"JSON", 0)
    scene: dict[str, Any] = json.loads(data[20 : 20 + size])
    rest = data[20 + size :]
    (binary, kind), rest = struct.unpack("<I4s", rest[:8]), rest[8:]
    assert (kind, binary, len(rest)) == (b"BIN\0", scene["buffers"][0]["byteLength"], binary)
    for accessor in scene["accessors"]:
        view = scene["bufferViews"][accessor["bufferView"]]
        width = {5126: 4, 5123: 2}[accessor["componentType"]] * {"VEC3": 3, "SCALAR": 1}[accessor["type"]]
        assert accessor["count"] * width == view["byteLength"]
        assert view["byteOffset"] + view["byteLength"] <= binary
    return scene


def pdf(data: bytes) -> str:
    """A PDF whose table of contents is true: the text that is drawn on its page."""
    assert data.startswith(b"%PDF-1.")
    assert data.endswith(b"%%EOF\n")
    found = re.search(rb"startxref\n(\d+)\n", data)
    assert found is not None
    table = data[int(found[1]) :]
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", table)]
    assert table.startswith(b"xref\n0 %d\n" % (len(places) + 1))
    for number, place in enumerate(places, 1):
        assert data[place:].startswith(b"%d 0 obj\n" % number)
    stream = re.search(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", data, re.DOTALL)
    assert stream is not None
    assert int(stream[1]) == len(stream[2])
    drawn = re.search(rb"\((.*)\) Tj", stream[2])
    assert drawn is not None
    return drawn[1].decode()
