"""What a run costs, as a client sees it: the bill can be checked against everything else that Detail shows."""

from __future__ import annotations

import copy
import json
import math
from decimal import Decimal
from typing import Any

import pytest

from tests.api.test_measure import sound
from tests.api_kit import detail, make_world, part, post, post_parts, run, shipped_library, upload
from tests.kernel.test_bill import PARAMETERS, tier
from wiro_mock.api.profile import Profile
from wiro_mock.kernel.bill import MEGAPIXEL
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.prices import Tier
from wiro_mock.language.media import png
from wiro_mock.loader import load_text
from wiro_mock.mock import World

PATH = "/v1/Run/acme/painter"
SCENARIO = """
scenario: played
match: {model: acme/*}
steps:
  - accept: 1s
  - start: 2s
  - print: two cats
  - produce: {text: one}
  - produce: {image: {width: 2048, height: 1024}}
  - END
"""


def world_with(*prices: Tier, end: str = "exit: 0", **settings: Any) -> World:
    """A world that offers `acme/painter` at these prices."""
    painter = Model(
        id="9", owner="acme", slug="painter", kind="image", cps=Decimal("0.001"), parameters=PARAMETERS, prices=prices
    )
    world = make_world(time="auto", **settings)
    made = copy.copy(shipped_library())
    made.models = [*made.models, painter]
    made.scenarios = [*made.scenarios, *load_text(SCENARIO.replace("END", end))]
    world.casting._library = made
    return world


def cost(world: World, fields: object = None) -> str:
    """What a run costs, checked against the balance."""
    before = world.sim.balance
    shown = detail(world, run(world, fields, path=PATH)[0])
    assert shown["pexit"] == "0"
    assert before - world.sim.balance == Decimal(shown["totalcost"])
    return str(shown["totalcost"])


def recomputed(task: dict[str, Any]) -> Decimal:
    """The cost once more, by rest.md §8 from what Detail shows."""
    (one,) = json.loads(task["dynamicprice"], parse_float=Decimal, parse_int=Decimal)
    price = one["price"]
    match one["priceMethod"]:
        case "cpr":
            return Decimal(price)
        case "cps":
            return Decimal(price * Decimal(task["elapsedseconds"]))
        case "cpo" | "cp-outputPictureCount":
            return Decimal(price * max(1, len(task["outputs"])))
        case "cp-promptlength":
            return Decimal(price * len(task["parameters"]["prompt"]))
        case "cp-outputVideoLength":
            return Decimal(price * Decimal(task["parameters"]["duration"]))
        case "cp-pixel":
            pixels = task["parameters"]["width"] * task["parameters"]["height"]
            return Decimal(price + (math.ceil(pixels / MEGAPIXEL) - 1) * one["priceExtra"])
        case other:
            raise AssertionError(other)


@pytest.mark.parametrize(
    "one",
    [
        tier("cpr", "0.09"), tier("cps", "0.000585"), tier("cpo", "0.000000000001"), tier("cp-outputPictureCount", "3"),
        tier("cp-promptlength", "0.0001"), tier("cp-outputVideoLength", "0.35"),
        tier("cp-pixel", "0.03", extra="0.015"),
    ],
    ids=lambda one: one.method,
)  # fmt: skip
def test_the_bill_can_be_checked_with_what_detail_shows(one: Tier) -> None:
    """Every quantity that Detail shows is the one that was charged; to the last of the twelve decimals."""
    world = world_with(one)
    shown = detail(world, run(world, {"prompt": "a cät", "duration": 5, "width": 2048, "height": 1536}, path=PATH)[0])
    assert Decimal(shown["totalcost"]) == recomputed(shown)
    assert len(shown["totalcost"].partition(".")[2]) == 12
    assert Decimal(shown["totalcost"]) > 0


def test_dynamicprice_is_json_in_a_string() -> None:
    """All tiers of the model, and an empty list where it has none (rest.md §2.6)."""
    many = (tier("cpr", "0.09"), tier("cpo", "0.02", {"resolution": "2K"}))
    world = world_with(*many)
    assert detail(world, run(world, path=PATH)[0])["dynamicprice"] == (
        '[{"inputs":{},"price":0.09,"priceMethod":"cpr"},'
        '{"inputs":{"resolution":"2K"},"price":0.02,"priceMethod":"cpo"}]'
    )
    assert detail(world, run(world)[0])["dynamicprice"] == "[]"


def test_the_parameters_choose_the_tier() -> None:
    """The most specific one; a default counts; files and URLs are counted in every spelling."""
    world = world_with(
        tier("cpr", "1"),
        tier("cpr", "2", {"resolution": "2K"}),
        tier("cpr", "3", {"resolution": "2K", "inputImage": "QUANTITY:2"}),
        tier("cpr", "4", {"resolution": "1K", "inputImage": "QUANTITY:1"}),
    )
    assert cost(world) == "1.000000000000"
    assert cost(world, {"resolution": "2K"}) == "2.000000000000"
    two = {"resolution": "2K", "inputImage": ["https://a.test/1.png", "https://a.test/2.png"]}
    assert cost(world, two) == "3.000000000000"
    assert cost(world, {"inputImageUrl": "https://a.test/1.png"}) == "4.000000000000"
    parts = [part("resolution", "2K"), *(part("inputImage", png(1, 1, "#ffffff"), filename="a.png") for _ in "ab")]
    task_id = post_parts(world, PATH, *parts).json["taskid"]
    assert detail(world, task_id)["totalcost"] == "3.000000000000"


def test_pictures_are_measured() -> None:
    """Two megapixels come out; a file of two goes in, and the same one by its URL, and a URL of somebody else's."""
    world = world_with(tier("cp-pixel", "1", per_input="0.01"))
    assert cost(world) == "2.000000000000"
    data = png(2048, 1024, "#aabbcc")
    task_id = post_parts(world, PATH, part("inputImage", data, filename="a.png", kind="image/png")).json["taskid"]
    assert detail(world, task_id)["totalcost"] == "2.020000000000"
    url = upload(world, data)["url"]
    assert cost(world, {"inputImage": url}) == "2.020000000000"
    assert cost(world, {"inputImage": [url, "https://a.test/1.png"]}) == "2.030000000000"
    assert cost(world, {"inputImage": url.replace("picture", "other")}) == "2.010000000000"
    assert cost(world, {"inputImage": "http://[broken"}) == "2.010000000000"


def test_sounds_are_measured() -> None:
    """Of an upload, and of its URL; a URL of somebody else's is unknown, and the run paid by the second."""
    world = world_with(tier("cp-audiosecondslength", "0.01"))
    data = sound(12_000)
    sent = part("inputAudio", data, filename="a.wav", kind="audio/wav")
    assert detail(world, post_parts(world, PATH, sent, sent).json["taskid"])["totalcost"] == "0.030000000000"
    url = upload(world, data, "a.wav", "audio/wav")["url"]
    assert cost(world, {"inputAudio": url}) == "0.015000000000"
    assert cost(world, {"inputAudio": "https://a.test/1.wav"}) == "0.002000000000"


@pytest.mark.parametrize(
    ("one", "leave", "charged"),
    [
        (tier("cpt", "0.000001"), "{code: 0, usage: {tokens: 1200}}", "0.001200000000"),
        (tier("cpt", "1"), "0", "2.000000000000"),
        (tier("cp-audiosecondslength", "0.01"), "{code: 0, usage: {audio_seconds: 12.5}}", "0.125000000000"),
        (tier("cp-outputVideoLength", "0.1"), "{code: 0, usage: {video_seconds: 5}}", "0.500000000000"),
        (tier("cp-realtimeturn", "0.002"), "{code: 0, usage: {turns: 3}}", "0.006000000000"),
        (tier("cp-pixel", "0.01"), "{code: 0, usage: {pixels: 1048577}}", "0.020000000000"),
        (tier("cp-readoutput", "1"), '{code: 0, usage: {price: "0.0468416"}}', "0.046841600000"),
    ],
)
def test_a_scenario_says_what_was_used(one: Tier, leave: str, charged: str) -> None:
    """`exit: {code: 0, usage: {…}}`; the prompt is empty and two words were printed where it says nothing."""
    assert cost(world_with(one, end=f"exit: {leave}")) == charged


@pytest.mark.parametrize("leave", ["1", '{code: 1, usage: {price: "5"}}'])
def test_a_failure_costs_nothing(leave: str) -> None:
    """`totalcost` is the short zero of the documentation (rest.md §8)."""
    world = world_with(tier("cp-readoutput", "1"), end=f"exit: {leave}")
    shown = detail(world, run(world, path=PATH)[0])
    assert (shown["pexit"], shown["totalcost"], world.sim.balance) == ("1", "0", Decimal(1000))


@pytest.mark.parametrize(("switch", "shown"), [("zero", "0"), ("charged", "9.000000000000")])
def test_a_killed_run_shows_its_price_where_the_profile_says_so(switch: Any, shown: str) -> None:
    """The switch `cancelled_cost` shows what a success would have cost, by its tier; nothing is charged."""
    world = world_with(tier("cpr", "9"), end="cancel: 2s", profile=Profile(cancelled_cost=switch))
    task = detail(world, run(world, path=PATH)[0])
    assert (task["status"], task["totalcost"], world.sim.balance) == ("task_cancel", shown, Decimal(1000))


def test_the_price_of_a_shipped_model() -> None:
    """Virtual Try-On is 0.09 USD a run (rest.md §2.6), however long it takes."""
    world = make_world(time="auto")
    fields = {"inputImageHuman": "https://a.test/1.png"}
    answer = post(world, "/v1/Run/wiro/virtual-try-on", fields).json
    shown = detail(world, answer["taskid"])
    assert shown["totalcost"] == "0.090000000000"
    assert shown["dynamicprice"] == '[{"inputs":{},"price":0.09,"priceMethod":"cpr"}]'
    assert world.sim.balance == Decimal("999.91")
