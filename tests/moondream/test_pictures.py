"""Pictures, and what is sent as one: small, large, moving, broken, something else."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.moondream.kit import picture
from wiro_mock.moondream import pictures
from wiro_mock.moondream.pictures import decoded
from wiro_mock.moondream.refusals import BadAsk


def huge_png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, in 100 bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def gif(frames: int, size: tuple[int, int] = (4, 4)) -> bytes:
    """A GIF of so many frames, all different."""
    images = [Image.new("P", size, color=number % 255) for number in range(frames)]
    file = io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], optimize=False)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_what_the_web_shows_is_decoded_to_rgb(form: str) -> None:
    image = decoded(picture(form=form))
    assert (image.mode, image.size) == ("RGB", (300, 300))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (5, 7)).save(file, "PNG")
    assert (decoded(file.getvalue()).mode, decoded(file.getvalue()).size) == ("RGB", (5, 7))


def test_of_a_picture_that_moves_the_first_frame_is_taken() -> None:
    first = decoded(gif(20))
    assert first.getpixel((0, 0)) == decoded(gif(1)).getpixel((0, 0))


@pytest.mark.parametrize(
    ("data", "told", "status"),
    [
        (b"", "begins with", 400),
        (b"hello", "no picture that can be read", 400),
        (b"%PDF-1.7\n%abc", "image_url holds a PDF; pictures are JPEG, PNG", 400),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG", 400),
        (picture()[: len(picture()) // 2], "the picture is damaged", 400),
        (huge_png(20_000, 20_000), "pixels", 413),
        (huge_png(10_000, 10_000), "10000 x 10000 pixels; 50,000,000 are the most", 413),
        (huge_png(2**31 - 1, 2**31 - 1), "pixels", 413),
        (huge_png(1, 49_000_000), "1 x 49000000 pixels; 65,535 are the most of a side", 413),
        (gif(500), "more than 100 frames", 413),
    ],
)
def test_what_is_no_picture_or_too_much_of_one_is_said(data: bytes, told: str, status: int) -> None:
    with pytest.raises(BadAsk) as refused:
        decoded(data)
    assert told in str(refused.value)
    assert refused.value.status == status


def test_frames_count_by_their_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten frames that are small are nothing; ten that are large are as much as one that is too large."""
    monkeypatch.setattr(pictures, "PIXELS", 100)
    assert decoded(gif(6)).size == (4, 4)
    with pytest.raises(BadAsk, match="more than 6 frames"):
        decoded(gif(7))


def test_no_pixel_is_made_of_what_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: Any) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr(Image.Image, "convert", never)
    with pytest.raises(BadAsk):
        decoded(huge_png(9_000, 9_000))


@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]))
def test_damage_is_a_picture_or_a_sentence(noise: bytes, place: int, form: str) -> None:
    """Whatever is overwritten: never an error of Pillow's."""
    data = bytearray(picture(form=form, size=(20, 20)))
    data[place : place + len(noise)] = noise
    with suppress(BadAsk):
        assert decoded(bytes(data)).mode == "RGB"
