"""What a step puts out: the steps of a progress bar, the words of a streamed text, the bytes of a made file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Final, Literal

from wiro_mock.kernel.events import SECOND, Duration, Progress, Snapshot
from wiro_mock.kernel.sizes import Wishes, asked_size
from wiro_mock.language import fillers
from wiro_mock.language.answers import MOST_SNAPSHOTS
from wiro_mock.language.fillers import Content, Padded, Words
from wiro_mock.language.media import sample
from wiro_mock.language.pictures import FORMATS, picture
from wiro_mock.language.produce import Audio, Image, Produce, Table
from wiro_mock.language.sounds import RATE, Tone, wav
from wiro_mock.language.steps import ProgressBar, StreamText, Tick

_WORD: Final = re.compile(r"\S+")
_BAR_WIDTH: Final = 10
_BAR_PARTS: Final = " ▏▎▍▌▋▊▉█"
_FORMAT: Final = "outputFormat"
_SOUNDS: Final = frozenset({"wav", "mp3"})
_KEPT: Final = 1 << 20
"""Bytes of a tone up to which it is kept as a whole; a longer one is made anew for each run."""
_OTHERWISE: Final = 512
"""A side of a picture of which nobody says how long it is."""


def progress(step: ProgressBar) -> Iterable[tuple[Duration, Progress]]:
    """The steps of a progress bar, evenly spaced, each with its time since the bar began."""
    for number in range(1, step.steps + 1):
        at = step.lasting * number // step.steps
        shown = Progress(
            step=number,
            total=step.steps,
            elapsed=at,
            remaining=step.lasting - at,
            kind=step.kind,
            task=step.task,
            speed_type=step.speed_type,
            line=_bar_line(number, at, step) if step.log else "",
        )
        yield at, shown


def ticked(step: Tick, line: str) -> Progress:
    """One object of a progress bar."""
    return Progress(
        step=step.step,
        total=step.of,
        elapsed=step.elapsed,
        remaining=step.remaining,
        kind=step.kind,
        task=step.task,
        speed_type=step.speed_type,
        line=line,
    )


def _bar_line(number: int, at: Duration, step: ProgressBar) -> str:
    """The line that tqdm, which the documented log shows, leaves for this step."""
    eighths = number * _BAR_WIDTH * 8 // step.steps
    full, part = divmod(eighths, 8)
    bar = ("█" * full + (_BAR_PARTS[part] if part else "")).ljust(_BAR_WIDTH)
    speed = f"{number * SECOND / at:5.2f}" if at else "    ?"
    times = f"{_clock(at)}<{_clock(step.lasting - at)}"
    return f"{round(100 * number / step.steps):3d}%|{bar}| {number}/{step.steps} [{times}, {speed}{step.speed_type}]"


def _clock(duration: Duration) -> str:
    minutes, seconds = divmod(duration // SECOND, 60)
    return f"{minutes:02d}:{seconds:02d}"


def followed(before: str, text: str) -> str:
    """What one stream said, before another text: its last word and the first of the next are two."""
    return f"{before} " if before and text and not (before[-1].isspace() or text[0].isspace()) else before


def snapshots(before: str, text: str, step: StreamText) -> Iterable[tuple[Duration, Snapshot]]:
    """The words of the text, each at its time. The first stands alone; beyond the cap, words share a snapshot."""
    last = max(sum(1 for _ in _WORD.finditer(text)) - 1, 0)
    group = -(-last // (MOST_SNAPSHOTS - 1)) or 1
    ends = {place: found.end() for place, found in enumerate(_WORD.finditer(text)) if place % group == 0}
    ends[last] = len(text)
    before = followed(before, text)
    whole = before + text
    for place, end in ends.items():
        at = step.first + round(place * SECOND / step.rate)
        yield at, Snapshot(text=whole, upto=len(before) + end, elapsed=at, words_per_second=step.rate)


def produced(step: Produce, wishes: Wishes, seed: Callable[[], str]) -> tuple[str, Content] | None:
    """The extension and the bytes of a picture, a tone, a made-up or a ready-made file; None for one of another source.

    `seed` is asked for where something is made up.
    """
    if step.image is not None:
        return _image(step.image, _extension(step), wishes, seed)
    if step.audio is not None:
        return _audio(step.audio, _extension(step), wishes)
    if step.table is not None:
        return _table(step.table, _extension(step), seed())
    if step.filler is not None:
        return "txt", Words(seed(), step.filler)
    return (step.sample, sample(step.sample)) if step.sample is not None else None


def _image(image: Image, extension: str, wishes: Wishes, seed: Callable[[], str]) -> tuple[str, Content]:
    word = image.format or extension
    if word not in FORMATS:
        word = next((wish.lower() for wish in wishes(_FORMAT) if wish.lower() in FORMATS), "png")
    width, height = image.width, image.height
    if width is None or height is None:
        asked = asked_size(wishes)
        width, height = width or asked[0] or _OTHERWISE, height or asked[1] or _OTHERWISE
    if image.size is None:
        return word, picture(FORMATS[word], width, height, image.color)
    word = "png" if word == "webp" else word  # of which no size is known
    kind: Literal["png", "jpeg"] = "png" if FORMATS[word] == "png" else "jpeg"
    return word, Padded(picture(kind, width, height, image.color), image.size, kind, seed())


def _table(table: Table, extension: str, seed: str) -> tuple[str, Content]:
    form = table.format or ("json" if extension == "json" else "csv")
    return form, fillers.Table(seed, table.rows, fillers.kinds_of(table.columns), form)


def _audio(audio: Audio, extension: str, wishes: Wishes) -> tuple[str, Content]:
    asked = (wish.lower()[:3] for wish in wishes(_FORMAT))  # mp3_44100_128 and the like
    word = audio.format or extension
    if word not in _SOUNDS:
        word = next((wish for wish in asked if wish in _SOUNDS), "wav")
    if word == "mp3" and not audio.is_shaped:
        return "mp3", sample("mp3")
    tone = Tone(audio.seconds or 1, audio.hz or 440, audio.rate or RATE)
    return "wav", wav(tone.seconds, tone.hz, tone.rate) if tone.size <= _KEPT else tone


def _extension(step: Produce) -> str:
    return PurePosixPath(step.name or "").suffix.lower().removeprefix(".")
