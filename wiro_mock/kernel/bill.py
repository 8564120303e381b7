"""What a run comes to: which tier of its model's prices holds for it, and how much of what is paid for it has used.

Wiro's formulas, one for each method (rest.md §8). What is counted is what Detail shows where it can be: whole seconds,
outputs, parameters, the text. The rest is what the run's scenario says, and where it says nothing, our choice:

- tokens: those that a language model's answer tells of itself, else those of the prompt and of the text that the run
  printed, counted as everywhere here (`tokens`);
- outputs: the files, and a language model's answer, which is one more; none counts as one;
- pixels: those of the size that the run asks for (`sizes`), else those of the first picture produced;
- an image that nobody could look at (somebody else's URL, a broken file) has one megapixel;
- seconds of input audio: those of the files; unknown as soon as one of them could not be looked at;
- seconds of output video: the run's `duration`, `seconds` or `durationSeconds`;
- turns of a realtime session: one.

Where no tier fits, or the quantity stays unknown, a run is paid by the second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from wiro_mock.kernel import tokens
from wiro_mock.kernel.answer import Answer
from wiro_mock.kernel.catalog import FILES, Model
from wiro_mock.kernel.events import Job
from wiro_mock.kernel.file_inputs import entries
from wiro_mock.kernel.files import Blob, File
from wiro_mock.kernel.numbers import LONGEST_NUMBER, number_of, plain
from wiro_mock.kernel.prices import (
    NOTHING_SAID,
    Method,
    Tier,
    Used,
    price,
    product,
    quantity,
    total,
    twelve_places,
)
from wiro_mock.kernel.prompts import prompt_of
from wiro_mock.kernel.sizes import asked_size
from wiro_mock.kernel.texts import value_text

MEGAPIXEL: Final = 1024 * 1024
"""What `cp-pixel` counts in; a beginning one counts as a whole one, which is inferred (rest.md §8)."""
_LENGTHS: Final = ("duration", "seconds", "durationSeconds")
_SECONDS: Final = re.compile(r" ?s\s*\Z")
_SHORTEST, _LONGEST = Decimal("1e-9"), Decimal("1e9")
_NO_IMAGE: Final = ("audio", "voice", "sound", "song", "music", "video", "document")
_SILENT: Final = ("image/", "text/", "application/pdf")
_NO_AUDIO: Final = ("image", "picture", "photo", "mask", "document")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that has succeeded. `seconds` are whole ones, from `accepttime` to `endtime`; `text` is its debugoutput,
    `answer` what a language model said: one more output, with tokens of its own.
    """

    job: Job
    seconds: int
    outputs: tuple[File, ...] = ()
    text: str = ""
    answer: Answer | None = None
    used: Used = NOTHING_SAID


def cost_of(run: Run) -> Decimal:
    """What a successful run costs, in USD with twelve decimals; never less than nothing."""
    model = run.job.model
    tier = tier_of(model.prices, run.job.parameters, model.defaults) if model.prices else None
    amount = None if tier is None else _FORMULAS[tier.method](tier, run)
    return price(run.seconds, model.cps) if amount is None else twelve_places(amount)


def ground_of(run: Run) -> str:
    """What made the cost of a run, for the tester: its tier, or its seconds."""
    model = run.job.model
    tier = tier_of(model.prices, run.job.parameters, model.defaults) if model.prices else None
    if tier is None or _FORMULAS[tier.method](tier, run) is None:
        return f"{run.seconds} s at cps {plain(model.cps)}"
    inputs = ", ".join(f"{name} {wanted}" for name, wanted in tier.inputs.items()) or "any input"
    return f"{tier.method} {plain(tier.price)} for {inputs}"


def tier_of(tiers: Sequence[Tier], parameters: Mapping[str, object], defaults: Mapping[str, str]) -> Tier | None:
    """The tier that holds for a run: of those whose `inputs` are all as in the run, the one with the most of them.

    Wiro says nowhere which of several holds; the most specific one is our choice, and of equals the first. A parameter
    that was not sent, or sent empty, counts with its default.
    """
    fitting = (tier for tier in tiers if _fits(tier, parameters, defaults))
    return max(fitting, key=lambda tier: len(tier.inputs), default=None)


def turn_price(job: Job) -> Decimal:
    """What a turn of a realtime session costs, in USD: the price per turn that holds for the run; nothing without."""
    tier = tier_of(job.model.prices, job.parameters, job.model.defaults) if job.model.prices else None
    return twelve_places(tier.price) if tier is not None and tier.method == "cp-realtimeturn" else Decimal(0)


def approximate_cost(model: Model) -> Decimal:
    """What a run of this model costs on average, in USD with twelve decimals: for `approximatelycost` of a Tool.

    Average seconds times `cps` (rest.md §8). Our choice where the model's defaults lead to a tier whose price is for
    the run or for an output: that price. Zero where no average is known.
    """
    tier = tier_of(model.prices, {}, model.defaults) if model.prices else None
    if tier is not None and tier.method in ("cpr", "cpo", "cp-outputPictureCount"):
        return twelve_places(tier.price)
    per_second = tier.price if tier is not None and tier.method == "cps" else model.cps
    return price(model.seconds or 0, per_second)


def _fits(tier: Tier, parameters: Mapping[str, object], defaults: Mapping[str, str]) -> bool:
    for name, wanted in tier.inputs.items():
        files = quantity(wanted)
        if files is not None:
            if len(entries(parameters, name)) != files:
                return False
        elif _told(name, parameters, defaults) != wanted:
            return False
    return True


def _told(name: str, parameters: Mapping[str, object], defaults: Mapping[str, str]) -> str:
    """What a run has under this name, as text; empty for nothing."""
    return value_text(parameters.get(name)) or defaults.get(name, "")


# -- how much of what is paid for ----------------------------------------------------------------------


def _first_told(job: Job, names: Iterable[str]) -> Iterator[str]:
    told = (_told(name, job.parameters, job.model.defaults) for name in names)
    return filter(None, told)


def _tokens(run: Run) -> int:
    if run.used.tokens is not None:
        return run.used.tokens
    if run.answer is not None:
        return run.answer.usage.total
    return tokens.count(prompt_of(run.job)) + tokens.count(run.text)


def _output_pixels(run: Run) -> int:
    if run.used.pixels is not None:
        return run.used.pixels
    width, height = asked_size(lambda name: _wishes(run.job, name))
    if width and height:
        return width * height
    pictures = (file.blob.pixels for file in run.outputs if file.blob.pixels is not None)
    return next(pictures, MEGAPIXEL)


def _wishes(job: Job, name: str) -> tuple[str, str]:
    return value_text(job.parameters.get(name)), job.model.defaults.get(name, "")


def _inputs(job: Job, unlike: tuple[str, ...]) -> Iterator[Blob | None]:
    """The files that the run gives, and None for each that is a URL of somebody else's, unless the name of its
    parameter says that it is another kind of file.
    """
    ids = [one.id for one in job.model.parameters if one.type in FILES]
    if not ids:
        yield from (file.blob for file in job.inputs)
    for name in ids:
        other = any(word in name.lower() for word in unlike)
        for one in entries(job.parameters, name):
            blob = one.blob if isinstance(one, File) else job.linked.get(one) if isinstance(one, str) else None
            if blob is not None or not other:
                yield blob


def _image_megapixels(job: Job) -> int:
    """The megapixels of all input images, each rounded up."""
    found = 0
    for blob in _inputs(job, _NO_IMAGE):
        if blob is None:
            found += 1
        elif blob.pixels is not None or blob.contenttype.startswith("image/"):
            found += _megapixels(blob.pixels or 0)
    return found


def _megapixels(pixels: int) -> int:
    return max(1, -(-pixels // MEGAPIXEL))


def _audio_seconds(run: Run) -> Decimal | None:
    if run.used.audio_seconds is not None:
        return run.used.audio_seconds
    found = []
    for blob in _inputs(run.job, _NO_AUDIO):
        if blob is not None and blob.seconds is not None:
            found.append(blob.seconds)
        elif blob is None or not blob.contenttype.startswith(_SILENT):
            return None
    return total(*found)


def _video_seconds(run: Run) -> Decimal | None:
    if run.used.video_seconds is not None:
        return run.used.video_seconds
    told = (number_of(_SECONDS.sub("", text)) for text in _first_told(run.job, _LENGTHS) if len(text) <= LONGEST_NUMBER)
    return next((found for found in told if found is not None and _SHORTEST <= found < _LONGEST), None)


# -- the formulas --------------------------------------------------------------------------------------


def _by_pixel(tier: Tier, run: Run) -> Decimal:
    megapixels = _megapixels(_output_pixels(run))
    if tier.extra is None:
        output = product(tier.price, megapixels)
    else:
        output = total(tier.price, product(tier.extra, megapixels - 1))
    if tier.per_input is None:
        return output
    return total(output, product(tier.per_input, _image_megapixels(run.job)))


def _by_output(tier: Tier, run: Run) -> Decimal:
    return product(tier.price, max(1, len(run.outputs) + (run.answer is not None)))


def _times(count: Callable[[Run], Decimal | int | None]) -> Callable[[Tier, Run], Decimal | None]:
    """The price times a quantity; None where the quantity is unknown."""

    def formula(tier: Tier, run: Run) -> Decimal | None:
        counted = count(run)
        return None if counted is None else product(tier.price, counted)

    return formula


_FORMULAS: Final[Mapping[Method, Callable[[Tier, Run], Decimal | None]]] = {
    "cpr": _times(lambda _: 1),
    "cps": _times(lambda run: run.seconds),
    "cpo": _by_output,
    "cpt": _times(_tokens),
    "cp-pixel": _by_pixel,
    "cp-audiosecondslength": _times(_audio_seconds),
    "cp-promptlength": _times(lambda run: len(prompt_of(run.job))),
    "cp-outputVideoLength": _times(_video_seconds),
    "cp-realtimeturn": _times(lambda run: 1 if run.used.turns is None else run.used.turns),
    "cp-readoutput": lambda _, run: run.used.price,
    # Seen in use and documented nowhere: read as cpo, which its name suggests.
    "cp-outputPictureCount": _by_output,
}
