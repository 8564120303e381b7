"""What a run costs: every method of billing by its formula, the choice of the tier, and sums without an error."""

from __future__ import annotations

from decimal import Decimal as D  # noqa: N817, it stands in every line of the tables
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.kernel import tokens
from wiro_mock.kernel.bill import MEGAPIXEL, Run, approximate_cost, cost_of, tier_of
from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.kernel.events import Job
from wiro_mock.kernel.files import Blob, File, FileKind, make_file
from wiro_mock.kernel.prices import METHODS, Tier, Used, price, shown

FILE_IDS = ("inputImage", "inputAudio", "inputVideo")
PARAMETERS = (
    Parameter(id="prompt", type="textarea"),
    Parameter(id="resolution", type="select", default="1K"),
    Parameter(id="width", type="number"),
    Parameter(id="height", type="number"),
    *(Parameter(id=name, type="combinefileinput") for name in FILE_IDS),
)


def file(pixels: int | None = None, seconds: D | None = None, kind: str = "image/png", place: int = 0) -> File:
    blob = Blob(digest=f"{place:064x}", size=10, contenttype=kind, pixels=pixels, seconds=seconds)
    return make_file("seed", place, name="a.bin", kind=FileKind.INPUT, blob=blob, at=0)


def model(*prices: Tier, cps: str = "0.001", **more: Any) -> Model:
    return Model(
        **{"id": "1", "owner": "a", "slug": "b", "kind": "image", "cps": D(cps), "parameters": PARAMETERS, **more},
        prices=prices,
    )


def run(*prices: Tier, parameters: dict[str, object] | None = None, cps: str = "0.001", **more: Any) -> Run:
    job = Job(
        id="1", token="t", account_uuid="u", project_id="1", model=model(*prices, cps=cps), owner="a", project="b",
        parameters=parameters or {}, inputs=(), callback_url="", origin="", weight=0, scenario="",
    )  # fmt: skip
    return Run(**{"job": job, "seconds": 7, **more})


def tier(method: Any = "cpr", amount: str = "0.05", inputs: dict[str, str] | None = None, **more: str) -> Tier:
    extra = {name: D(value) for name, value in more.items()}
    return Tier(price=D(amount), method=method, inputs=inputs or {}, **extra)


TWO_IMAGES: dict[str, object] = {"inputImage": [file(MEGAPIXEL), file(MEGAPIXEL + 1)]}
PNGS = (file(place=1), file(place=2), file(place=3))

TABLE: dict[str, tuple[Run, str]] = {
    "no tiers: elapsed times cps": (run(cps="0.000585", seconds=6), "0.003510000000"),
    "cpr: the price": (run(tier("cpr")), "0.05"),
    "cps: elapsed times the price, not the model's": (run(tier("cps")), "0.35"),
    "cps: at once": (run(tier("cps"), seconds=0), "0"),
    "cpo: no file counts as one": (run(tier("cpo")), "0.05"),
    "cpo: one file": (run(tier("cpo"), outputs=PNGS[:1]), "0.05"),
    "cpo: three files": (run(tier("cpo"), outputs=PNGS), "0.15"),
    "cp-outputPictureCount: as cpo": (run(tier("cp-outputPictureCount"), outputs=PNGS), "0.15"),
    "cpt: the scenario's word": (run(tier("cpt", "0.000001"), used=Used(tokens=1200)), "0.0012"),
    "cpt: none at all": (run(tier("cpt"), used=Used(tokens=0)), "0"),
    "cpt: those of prompt and text": (
        run(tier("cpt", "0.01"), parameters={"prompt": "a cat"}, text="two cats"),
        str(D("0.01") * (tokens.count("a cat") + tokens.count("two cats"))),
    ),
    "cp-pixel: exactly one megapixel": (run(tier("cp-pixel"), used=Used(pixels=MEGAPIXEL)), "0.05"),
    "cp-pixel: one pixel more": (run(tier("cp-pixel"), used=Used(pixels=MEGAPIXEL + 1)), "0.10"),
    "cp-pixel: one pixel": (run(tier("cp-pixel"), used=Used(pixels=1)), "0.05"),
    "cp-pixel: no pixel counts as a megapixel": (run(tier("cp-pixel"), used=Used(pixels=0)), "0.05"),
    "cp-pixel: extra for the further ones": (
        run(tier("cp-pixel", extra="0.01"), used=Used(pixels=4 * MEGAPIXEL)), "0.08"
    ),
    "cp-pixel: no extra for the first": (run(tier("cp-pixel", extra="0.01"), used=Used(pixels=1)), "0.05"),
    "cp-pixel: every further one for nothing": (run(tier("cp-pixel", extra="0"), used=Used(pixels=10**9)), "0.05"),
    "cp-pixel: width and height": (
        run(tier("cp-pixel"), parameters={"width": 2048, "height": "1024"}), "0.10"
    ),
    "cp-pixel: a width alone says nothing": (run(tier("cp-pixel"), parameters={"width": 4096}), "0.05"),
    "cp-pixel: a width with a point": (
        run(tier("cp-pixel"), parameters={"width": 2048.0, "height": 1024.0}), "0.10"
    ),
    "cp-pixel: a size that no picture here can have counts as none": (
        run(tier("cp-pixel"), parameters={"width": 5000, "height": 5000}, outputs=(file(MEGAPIXEL),)), "0.05"
    ),
    "cp-pixel: nobody touched width and height": (
        run(tier("cp-pixel"), parameters={"width": 0, "height": 0}, outputs=(file(3 * MEGAPIXEL),)), "0.15"
    ),
    "cp-pixel: a size": (run(tier("cp-pixel"), parameters={"size": "1024x2048"}), "0.10"),
    "cp-pixel: a resolution": (run(tier("cp-pixel"), parameters={"resolution": "1024 \u00d7 3072"}), "0.15"),
    "cp-pixel: a resolution that is none": (
        run(tier("cp-pixel"), parameters={"resolution": "2K"}, outputs=(file(2 * MEGAPIXEL),)), "0.10"
    ),
    "cp-pixel: the first picture": (
        run(tier("cp-pixel"), outputs=(file(kind="text/plain"), file(2 * MEGAPIXEL), file(9 * MEGAPIXEL))), "0.10"
    ),
    "cp-pixel: asked before looked": (
        run(tier("cp-pixel"), parameters={"size": "9x9"}, outputs=(file(9 * MEGAPIXEL),)), "0.05"
    ),
    "cp-pixel: nothing is known": (run(tier("cp-pixel")), "0.05"),
    "cp-pixel: input images, each rounded up": (
        run(tier("cp-pixel", per_input="0.002"), parameters=TWO_IMAGES), "0.056"
    ),
    "cp-pixel: inputs that cost nothing": (run(tier("cp-pixel"), parameters=TWO_IMAGES), "0.05"),
    "cp-pixel: a URL is one megapixel": (
        run(tier("cp-pixel", per_input="0.002"), parameters={"inputImageUrl": "https://a/1.png,https://a/2.png"}),
        "0.054",
    ),
    "cp-pixel: so is a broken image, and no other file": (
        run(
            tier("cp-pixel", per_input="0.002"),
            parameters={"inputImage": [file(), file(kind="audio/wav")], "inputVideo": ["https://a/v.mp4"]},
        ),
        "0.052",
    ),
    "cp-pixel: a picture counts under any name": (
        run(tier("cp-pixel", per_input="0.002"), parameters={"inputVideo": file(2 * MEGAPIXEL)}),
        "0.054",
    ),
    "cp-audiosecondslength: the sum": (
        run(
            tier("cp-audiosecondslength", "0.01"),
            parameters={"inputAudio": [file(seconds=D("1.25")), file(seconds=D("2.5"))]},
        ),
        "0.0375",
    ),
    "cp-audiosecondslength: the scenario's word": (
        run(
            tier("cp-audiosecondslength", "0.01"),
            used=Used(audio_seconds=D("12.5")),
            parameters={"inputAudio": file(seconds=D(1))},
        ),
        "0.125",
    ),
    "cp-audiosecondslength: an image is no sound": (
        run(
            tier("cp-audiosecondslength", "0.01"),
            parameters={"inputAudio": file(seconds=D(2)), "inputImage": [file(5), "https://a/1.png"]},
        ),
        "0.02",
    ),
    "cp-audiosecondslength: none": (run(tier("cp-audiosecondslength")), "0"),
    "cp-audiosecondslength: one is unknown, so by the second": (
        run(
            tier("cp-audiosecondslength"),
            parameters={"inputAudio": [file(seconds=D(2)), file(kind="audio/mpeg")]},
        ),
        "0.007",
    ),
    "cp-audiosecondslength: a URL is unknown": (
        run(tier("cp-audiosecondslength"), parameters={"inputAudioUrl": "https://a/1.mp3"}), "0.007"
    ),
    "cp-promptlength: its characters": (
        run(tier("cp-promptlength", "0.001"), parameters={"prompt": "a cät"}), "0.005"
    ),
    "cp-promptlength: of another name": (run(tier("cp-promptlength", "0.001"), parameters={"text": "cat"}), "0.003"),
    "cp-promptlength: of a conversation": (
        run(tier("cp-promptlength", "0.001"), parameters={"messages": [{"role": "user", "content": "four"}]}), "0.004"
    ),
    "cp-promptlength: no prompt": (run(tier("cp-promptlength")), "0"),
    "cp-outputVideoLength: the scenario's word": (
        run(tier("cp-outputVideoLength"), used=Used(video_seconds=D("2.5")), parameters={"duration": 10}), "0.125"
    ),
    "cp-outputVideoLength: exponent": (run(tier("cp-outputVideoLength"), parameters={"duration": "+.5e1"}), "0.25"),
    "cp-outputVideoLength: 5.0s": (run(tier("cp-outputVideoLength"), parameters={"duration": "5.0 s "}), "0.25"),
    "cp-outputVideoLength: beyond all": (
        run(tier("cp-outputVideoLength"), parameters={"duration": "1e999999999", "seconds": "1e-999999999"}), "0.007"
    ),
    "cp-outputVideoLength: a number": (run(tier("cp-outputVideoLength"), parameters={"duration": 5}), "0.25"),
    "cp-outputVideoLength: a text": (run(tier("cp-outputVideoLength"), parameters={"seconds": "8s"}), "0.40"),
    "cp-outputVideoLength: a fraction": (
        run(tier("cp-outputVideoLength"), parameters={"durationSeconds": "2.5"}), "0.125"
    ),
    "cp-outputVideoLength: unknown, so by the second": (
        run(tier("cp-outputVideoLength"), parameters={"duration": "long", "seconds": 0}), "0.007"
    ),
    "cp-realtimeturn: the turns": (run(tier("cp-realtimeturn", "0.002"), used=Used(turns=3)), "0.006"),
    "cp-realtimeturn: one": (run(tier("cp-realtimeturn", "0.002")), "0.002"),
    "cp-readoutput: the model's own": (run(tier("cp-readoutput", "9"), used=Used(price=D("0.0468416"))), "0.0468416"),
    "cp-readoutput: unknown, so by the second": (run(tier("cp-readoutput", "9")), "0.007"),
    "no tier fits: by the second": (run(tier(inputs={"resolution": "4K"})), "0.007"),
    "a tier fits by a default": (run(tier(inputs={"resolution": "1K"})), "0.05"),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_each_method_by_its_formula(case: str) -> None:
    """rest.md §8, line for line; and our choices where a quantity is unknown."""
    sample, cost = TABLE[case]
    assert f"{cost_of(sample):.12f}" == f"{D(cost):.12f}"


def test_the_table_has_every_method() -> None:
    """A method without a sample is untested."""
    assert {one.method for sample, _ in TABLE.values() for one in sample.job.model.prices} == set(METHODS)


FITS: list[tuple[dict[str, str], dict[str, object], bool]] = [
    ({}, {}, True),
    ({"resolution": "1K"}, {}, True),
    ({"resolution": "1K"}, {"resolution": ""}, True),
    ({"resolution": "1K"}, {"resolution": "2K"}, False),
    ({"resolution": "1K"}, {"resolution": "1k"}, False),
    ({"resolution": "1K"}, {"resolution": ["1K"]}, True),
    ({"resolution": "1K"}, {"resolution": ["1K", "1K"]}, False),
    ({"width": "512"}, {"width": 512}, True),
    ({"width": "512"}, {"width": 512.0}, True),
    ({"width": "512"}, {"width": "512"}, True),
    ({"width": "512"}, {}, False),
    ({"width": ""}, {}, True),
    ({"audio": "true"}, {"audio": True}, True),
    ({"audio": "true"}, {"audio": "true"}, True),
    ({"audio": "false"}, {"audio": True}, False),
    ({"resolution": "1K", "width": "1"}, {"width": 1}, True),
    ({"resolution": "1K", "width": "1"}, {"width": 2}, False),
    ({"inputImage": "QUANTITY:0"}, {}, True),
    ({"inputImage": "QUANTITY:0"}, {"inputImage": ""}, True),
    ({"inputImage": "QUANTITY:1"}, {}, False),
    ({"inputImage": "QUANTITY:1"}, {"inputImage": file()}, True),
    ({"inputImage": "QUANTITY:2"}, {"inputImage": [file(), "https://a/b.png"]}, True),
    ({"inputImage": "QUANTITY:2"}, {"inputImage": "", "inputImageUrl": "https://a/b.png,https://a/c.png"}, True),
    ({"inputImage": "QUANTITY:2"}, {"inputImage": [file(), file(), file()]}, False),
    ({"prompt": "QUANTITY: 2"}, {"prompt": "QUANTITY: 2"}, True),
]


@pytest.mark.parametrize(("inputs", "parameters", "fits"), FITS)
def test_a_tier_fits_by_its_inputs(inputs: dict[str, str], parameters: dict[str, object], fits: bool) -> None:
    """Compared as text, with the model's default for what was not sent; `QUANTITY:n` counts files and URLs."""
    one = tier(inputs=inputs)
    assert tier_of([one], parameters, {"resolution": "1K"}) is (one if fits else None)


NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from(["1", "2", ""])


@given(
    parameters=st.dictionaries(NAMES, VALUES),
    inputs=st.lists(st.dictionaries(NAMES, VALUES), max_size=6),
)
def test_the_most_specific_tier_holds(parameters: dict[str, str], inputs: list[dict[str, str]]) -> None:
    """None that fits has more conditions, and none before it has as many."""
    tiers = [tier(amount=str(place), inputs=wanted) for place, wanted in enumerate(inputs)]
    fitting = [one for one in tiers if all(parameters.get(name, "") == want for name, want in one.inputs.items())]
    chosen = tier_of(tiers, parameters, {})
    assert (chosen is None) == (not fitting)
    if chosen is not None:
        most = max(len(one.inputs) for one in fitting)
        assert chosen is next(one for one in fitting if len(one.inputs) == most)


AMOUNTS = st.decimals(0, 10**6, places=12)
COUNTS = st.integers(0, 10**18)


@given(amount=AMOUNTS, count=COUNTS)
def test_large_sums_are_exact(amount: D, count: int) -> None:
    """Twelve decimals times 10**18 has more digits than Python's decimals keep by themselves."""
    scaled = int(amount.scaleb(12)) * count
    for method, used in (("cpt", Used(tokens=count)), ("cp-realtimeturn", Used(turns=count))):
        cost = cost_of(run(Tier(price=amount, method=method), used=used))  # type: ignore[arg-type]
        assert f"{cost:.12f}" == f"{scaled // 10**12}.{scaled % 10**12:012d}"


@given(
    tiers=st.lists(
        st.builds(
            Tier, price=AMOUNTS, method=st.sampled_from(METHODS), extra=st.none() | AMOUNTS,
            per_input=st.none() | AMOUNTS, inputs=st.dictionaries(st.sampled_from(["width", "duration"]), VALUES),
        ),
        max_size=3,
    ),
    parameters=st.dictionaries(
        st.sampled_from(["width", "height", "size", "duration", "prompt", "inputImage", "inputAudio"]),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
            st.sampled_from(["1024x1024", "-5", "1e999999", "9" * 40, "5s", "٣", "https://a/b.mp3"]),
            st.lists(st.text(max_size=3), max_size=2), st.just({"a": 1}),
            st.builds(file, st.none() | COUNTS, st.none() | AMOUNTS),
        ),
    ),
    used=st.builds(
        Used, tokens=st.none() | COUNTS, audio_seconds=st.none() | AMOUNTS, video_seconds=st.none() | AMOUNTS,
        turns=st.none() | COUNTS, pixels=st.none() | COUNTS, price=st.none() | AMOUNTS,
    ),
    text=st.text(max_size=20),
    seconds=COUNTS,
)  # fmt: skip
def test_no_run_costs_less_than_nothing(
    tiers: list[Tier], parameters: dict[str, object], used: Used, text: str, seconds: int
) -> None:
    """Whatever is sent and said: a finite amount with twelve decimals."""
    cost = cost_of(run(*tiers, parameters=parameters, used=used, text=text, seconds=seconds))
    assert cost >= 0
    assert cost.as_tuple().exponent == -12


def test_the_documented_sample_costs_what_it_says() -> None:
    """6 * 0.000585 = 0.003510000000, to twelve places."""
    assert str(price(6, D("0.000585"))) == "0.003510000000"


def test_a_price_has_twelve_places_and_no_error_of_binary_fractions() -> None:
    """0.1 three times is 0.3."""
    assert str(price(3, D("0.1"))) == "0.300000000000"
    assert str(price(0, D("0.000585"))) == "0E-12"


def test_the_price_is_reckoned_from_the_printed_price_per_second() -> None:
    """A reader of Detail can redo the multiplication, also where the model's price has more decimals."""
    assert f"{price(8, D('0.0000005555555555555')):.12f}" == "0.000004444448"
    assert price(4, D("0.0000000000005")) == 0


def test_a_large_price_per_second_is_exact() -> None:
    """Thirty digits before the decimal point, and twelve after it."""
    assert f"{price(3, D('1' * 30 + '.' + '1' * 12)):.12f}" == "3" * 30 + "." + "3" * 12


def test_tiers_are_shown_as_wiro_writes_them() -> None:
    """`priceMethod`, not `method`; numbers as numbers; the further prices only where there are any."""
    tiers = [
        tier("cpr", "0.09"),
        tier("cp-pixel", "2", {"inputImage": "QUANTITY:2"}, extra="0.000000000001", per_input="0"),
    ]
    assert shown(tiers) == [
        {"inputs": {}, "price": 0.09, "priceMethod": "cpr"},
        {
            "inputs": {"inputImage": "QUANTITY:2"}, "price": 2, "priceMethod": "cp-pixel",
            "priceExtra": 1e-12, "priceInput": 0,
        },
    ]  # fmt: skip
    assert shown(()) == []


@pytest.mark.parametrize(
    ("prices", "seconds", "cost"),
    [
        ((), 10, "0.01"),
        ((), None, "0"),
        ((tier("cpr", "0.09"),), 10, "0.09"),
        ((tier("cpr", "0.09"),), None, "0.09"),
        ((tier("cpo", "0.09", {"resolution": "4K"}), tier("cpo", "0.02", {"resolution": "1K"})), 10, "0.02"),
        ((tier("cpr", "0.09", {"resolution": "4K"}),), 10, "0.01"),
        ((tier("cps", "0.02"),), 10, "0.2"),
        ((tier("cpt", "0.02"),), 10, "0.01"),
    ],
)
def test_what_a_run_costs_on_average(prices: tuple[Tier, ...], seconds: int | None, cost: str) -> None:
    """Average seconds times the price per second, or the price of a run or an output with the model's defaults."""
    assert f"{approximate_cost(model(*prices, seconds=seconds)):.12f}" == f"{D(cost):.12f}"
