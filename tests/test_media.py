"""Files that are made from nothing, and those that are shipped: each is what it says that it is."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import media_kit
from tests.scenarios_kit import JOB, keep, made, stored
from wiro_mock.kernel import events as e
from wiro_mock.kernel.plan import Step
from wiro_mock.kernel.sizes import LARGEST_SIDE
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.language.media import sample
from wiro_mock.language.pictures import Format, picture
from wiro_mock.language.produce import Sample
from wiro_mock.language.sounds import wav
from wiro_mock.loader import load_text, shipped
from wiro_mock.scenario import Scenario

colors = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


# -- made from nothing


@given(st.sampled_from(get_args(Format)), st.integers(1, 90), st.integers(1, 90), colors)
def test_a_picture_has_the_size_and_the_color(kind: Format, width: int, height: int, color: str) -> None:
    """To its last pixel; JPEG keeps a colour to within a step or two."""
    found = media_kit.picture(picture(kind, width, height, color))
    assert (found.format, found.size) == (kind.upper(), (width, height))
    wanted = bytes.fromhex(color[1:])
    assert max(abs(one - other) for one, other in zip(found.color, wanted, strict=True)) <= 2 * (kind == "jpeg")


@pytest.mark.parametrize("kind", get_args(Format))
@pytest.mark.parametrize("size", [(1, 1), (1, LARGEST_SIDE), (2048, 8), (LARGEST_SIDE, LARGEST_SIDE)])
def test_so_have_large_ones(kind: Format, size: tuple[int, int]) -> None:
    """And take little room."""
    data = picture(kind, *size, "#6b8e9f")
    assert media_kit.picture(data).size == size
    assert len(data) < 200_000


@given(st.integers(1, 30).map(lambda tenths: tenths / 10), st.integers(50, 4_000))
def test_a_tone_has_the_length_and_the_pitch(seconds: float, hz: int) -> None:
    """As one hears it."""
    sound = media_kit.wav(wav(seconds, hz))
    assert len(sound.samples) / sound.rate == pytest.approx(seconds)
    assert abs(sound.hz - hz) * seconds <= 2  # one wave is cut at either end
    assert 10_000 < max(sound.samples) < 20_000


def test_a_long_tone_takes_no_time() -> None:
    """Only one wave of it is reckoned."""
    assert len(media_kit.wav(wav(60, 8_000)).samples) == 960_000


# -- ready-made


def test_the_shipped_video_plays() -> None:
    """Two seconds of H.264 with sound, and its index in front. (Chromium was seen to play it.)"""
    assert media_kit.mp4(sample("mp4")) == {"seconds": 2.0, "codecs": ["avc1", "mp4a"], "size": (320, 180)}


def test_the_shipped_sound_plays() -> None:
    """Every frame is in its place; an encoder adds some silence."""
    assert media_kit.mp3(sample("mp3")) == pytest.approx(2, abs=0.15)


def test_the_shipped_object_is_whole() -> None:
    """A tetrahedron: four faces of three points."""
    scene = media_kit.glb(sample("glb"))
    assert scene["asset"]["version"] == "2.0"
    assert [accessor["count"] for accessor in scene["accessors"]] == [12, 12, 12]


def test_the_shipped_document_opens() -> None:
    """One line on one page."""
    assert media_kit.pdf(sample("pdf")) == "A sample document of wiro_mock."


@pytest.mark.parametrize("kind", get_args(Sample))
def test_each_is_small(kind: str) -> None:
    """For it travels in every wheel."""
    assert len(sample(kind)) < 20_000


def test_they_are_made_by_the_command_that_lies_beside_them() -> None:
    """GLB and PDF come out the same everywhere; the others need an encoder, and its arguments are in the README."""
    maker = runpy.run_path(str(shipped() / "media" / "make.py"))
    assert (maker["glb"](), maker["pdf"]()) == (sample("glb"), sample("pdf"))
    readme = (shipped() / "media" / "README.md").read_text()
    for arguments in (maker["MP4"], maker["MP3"]):
        assert " ".join(f'"{word}"' if "=" in word else word for word in arguments) in " ".join(readme.split())


def test_nothing_is_read_before_it_is_needed() -> None:
    """To load every shipped scenario takes none of the files, and makes no picture."""
    ask = (
        "from wiro_mock.loader import Library; Library()\n"
        "from wiro_mock.language import media, pictures, sounds\n"
        "import sys\n"
        "print(media.sample.cache_info().misses, pictures.picture.cache_info().misses,"
        " sounds.wav.cache_info().misses, 'wave' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout == "0 0 0 False\n"


# -- the step


def produced(step: dict[str, Any], **parameters: object) -> tuple[str, str, bytes]:
    """The name, the content type and the bytes of the file that a run with these parameters gets."""
    return _file(made([{"produce": step}, {"exit": 0}]), parameters)


def _file(
    scenario: Scenario, parameters: Mapping[str, object], defaults: dict[str, str] | None = None
) -> tuple[str, str, bytes]:
    job = replace(JOB, parameters=parameters, model=replace(JOB.model, defaults=defaults or {}))
    steps = [item for item in scenario.compile(job, keep).items if isinstance(item, Step)]
    (event,) = [step.event for step in steps if isinstance(step.event, e.Produced)]
    return event.name, event.blob.contenttype, stored[event.blob.digest]


@pytest.mark.parametrize(
    ("kind", "contenttype"),
    [("mp4", "video/mp4"), ("mp3", "audio/mpeg"), ("glb", "model/gltf-binary"), ("pdf", "application/pdf")],
)
def test_a_ready_made_file_in_any_scenario(kind: str, contenttype: str) -> None:
    """It needs no file beside the YAML; its name can be chosen."""
    assert produced({"sample": kind}) == (f"0.{kind}", contenttype, sample(kind))
    assert produced({"sample": kind, "name": "film"})[:2] == ("film", contenttype)
    assert produced({"sample": kind, "contenttype": "x/y"})[1] == "x/y"


@pytest.mark.parametrize(
    ("image", "parameters", "wanted"),
    [
        ({}, {}, ("0.png", "image/png", "PNG", (512, 512))),
        ({}, {"width": 640, "height": "480"}, ("0.png", "image/png", "PNG", (640, 480))),
        ({"width": 30}, {"width": 640, "height": 40}, ("0.png", "image/png", "PNG", (30, 40))),
        ({}, {"size": "64x48"}, ("0.png", "image/png", "PNG", (64, 48))),
        ({}, {"width": 640.0, "height": 48.0}, ("0.png", "image/png", "PNG", (640, 48))),
        ({}, {"width": 0, "height": ""}, ("0.png", "image/png", "PNG", (512, 512))),
        ({}, {"width": 4097, "height": -1}, ("0.png", "image/png", "PNG", (512, 512))),
        ({}, {"width": "1" * 5_000, "height": ["x"] * 500}, ("0.png", "image/png", "PNG", (512, 512))),
        ({}, {"width": "٦٤", "height": "1e2"}, ("0.png", "image/png", "PNG", (512, 100))),
        ({}, {"outputFormat": "jpeg"}, ("0.jpeg", "image/jpeg", "JPEG", (512, 512))),
        ({}, {"outputFormat": "JPG"}, ("0.jpg", "image/jpeg", "JPEG", (512, 512))),
        ({}, {"outputFormat": "webp", "width": 9}, ("0.webp", "image/webp", "WEBP", (9, 512))),
        ({}, {"outputFormat": "tiff"}, ("0.png", "image/png", "PNG", (512, 512))),
        ({"format": "png"}, {"outputFormat": "webp"}, ("0.png", "image/png", "PNG", (512, 512))),
    ],
)
def test_a_picture_is_as_the_run_asks_for_it(
    image: dict[str, Any], parameters: dict[str, object], wanted: tuple[str, str, str, tuple[int, int]]
) -> None:
    """What the YAML says goes first; what cannot be is as if nobody had asked for it."""
    name, contenttype, data = produced({"image": image}, **parameters)
    found = media_kit.picture(data)
    assert (name, contenttype, found.format, found.size) == wanted


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ({"image": {}, "name": "cover.webp"}, ("image/webp", "WEBP")),
        ({"image": {}, "name": "cover.JPG"}, ("image/jpeg", "JPEG")),
        ({"image": {"format": "png"}, "name": "cover.jpg"}, ("image/png", "PNG")),
        ({"image": {}, "name": "cover"}, ("image/jpeg", "JPEG")),
    ],
)
def test_the_extension_of_a_name_is_its_format(step: dict[str, Any], wanted: tuple[str, str]) -> None:
    """Before what the run asks for, after what `format` says."""
    name, contenttype, data = produced(step, outputFormat="jpeg")
    assert name == step["name"]
    assert (contenttype, media_kit.picture(data).format) == wanted


def test_the_default_of_the_model_counts() -> None:
    """Also where a client sends 0, as n8n does for what nobody has touched."""
    scenario = made([{"produce": {"image": {}}}, {"exit": 0}])
    sizes = [
        media_kit.picture(_file(scenario, sent, {"width": "64", "height": "32", "outputFormat": "webp"})[2]).size
        for sent in ({}, {"width": 0, "height": 0}, {"width": 16}, {"height": "8"}, {})
    ]
    assert sizes == [(64, 32), (64, 32), (16, 32), (64, 8), (64, 32)]


def test_steps_are_laid_out_once_for_runs_that_ask_for_the_same() -> None:
    """A run takes no longer because a picture could have been of another size."""
    scenario = made([{"produce": {"image": {}}}, {"exit": 0}])
    one, other = replace(JOB, parameters={"width": 20}), replace(JOB, parameters={"width": 21})
    scenario.compile(one, keep)
    first = scenario.compile(one, keep)
    assert scenario.compile(replace(one, id="2"), keep).items is first.items
    assert tuple(scenario.compile(other, keep).items) != first.items
    assert tuple(scenario.compile(one, keep).items) == first.items


@pytest.mark.parametrize(
    ("audio", "parameters", "wanted"),
    [
        ({}, {}, ("0.wav", "audio/wav", 1, 440)),
        ({"seconds": 2, "hz": 220}, {}, ("0.wav", "audio/wav", 2, 220)),
        ({"seconds": 0.5}, {"outputFormat": "mp3_44100_128"}, ("0.wav", "audio/wav", 0.5, 440)),
        ({"format": "wav"}, {"outputFormat": "mp3_44100_128"}, ("0.wav", "audio/wav", 1, 440)),
        ({}, {"outputFormat": "pcm_16000"}, ("0.wav", "audio/wav", 1, 440)),
    ],
)
def test_a_tone_is_as_the_step_says(
    audio: dict[str, Any], parameters: dict[str, object], wanted: tuple[str, str, float, int]
) -> None:
    """With a length or a pitch it is a WAV, whatever the run asks for."""
    name, contenttype, data = produced({"audio": audio}, **parameters)
    sound = media_kit.wav(data)
    assert (name, contenttype) == wanted[:2]
    assert len(sound.samples) / sound.rate == wanted[2]
    assert sound.hz == pytest.approx(wanted[3], abs=3)


@pytest.mark.parametrize(
    ("step", "parameters"),
    [
        ({"audio": {}}, {"outputFormat": "mp3_22050_32"}),
        ({"audio": {"format": "mp3"}}, {"outputFormat": "wav"}),
        ({"audio": {}, "name": "song.mp3"}, {}),
    ],
)
def test_an_mp3_is_the_ready_made_one(step: dict[str, Any], parameters: dict[str, object]) -> None:
    """Where the run, the name or the step asks for one."""
    name, contenttype, data = produced(step, **parameters)
    assert (name, contenttype, data) == (step.get("name", "0.mp3"), "audio/mpeg", sample("mp3"))


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("sample: mp5", "3:21: step 1: produce.sample: 'mp5' is not possible; did you mean 'mp4'?"),
        ("sample: tiff", "3:21: step 1: produce.sample: 'tiff' is not possible; write one of: mp4, mp3, glb, pdf"),
        ("sample: ", "3:21: step 1: produce.sample: has no value; write one, or leave the key out"),
        ("audio: {seconds: 3601}", "3:30: step 1: produce.audio.seconds: '3601' is too large; write at most 3600.0"),
        ("audio: {hz: 5}", "3:25: step 1: produce.audio.hz: '5' is too small; write at least 20"),
        ("audio: {format: mp3, hz: 440}", "3:20: step 1: produce.audio: an MP3 is ready-made, so seconds, hz and rate "
         "mean nothing to it; leave them out, or format"),
        ("audio: {second: 1}", "3:21: step 1: produce.audio.second: unknown key; did you mean 'seconds'?"),
        ("image: {format: gif}", "3:29: step 1: produce.image.format: 'gif' is not possible; write one of: png, jpeg, "
         "webp"),
        ("image: {}, sample: mp4", "3:12: step 1: produce: a file has exactly one source, here image and sample; "
         "write one of text, json, image, audio, table, filler, sample, file"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_complained_of(step: str, complaint: str) -> None:
    """With its place and the way out."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\nsteps:\n- produce: {{{step}}}\n- exit: 0\n", file="f.yaml")
    assert str(caught.value) == f"f.yaml:{complaint}"


@pytest.mark.parametrize(
    "step", [{"sample": "glb"}, {"audio": {"seconds": 1.5, "hz": 300}}, {"image": {}}, {"image": {"format": "jpeg"}}]
)
def test_a_scenario_shows_them_in_its_words(step: dict[str, Any]) -> None:
    """And they can be read again."""
    scenario = made([{"produce": step}, {"exit": 0}])
    assert f"{{'produce': {step!r}}}" in repr(scenario)
