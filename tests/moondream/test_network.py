"""Our own module: its size, its names, its numbers. Numbers are compared, not texts: the likeliest word hides much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")

from hypothesis import given, settings
from hypothesis import strategies as st

from wiro_mock.moondream.loading import Wanted, load
from wiro_mock.moondream.network.crops import crops_of, tiling_of
from wiro_mock.moondream.network.model import empty, filled
from wiro_mock.moondream.sizes import as_config, from_config
from wiro_mock.moondream.toy import FULL, TOY

PARAMETERS = 9_268_626_928
"""Of the full size: the published 9.27 B (report §0)."""
GOLDEN: dict[str, list[float]] = {
    "tiling": [1, 2],
    "crops": [-1, -0.4039215],
    "eye": [0.04621903, 0.02784131, -0.2715412, 0.4536864],
    "hidden": [-0.4666989, 1.54127, 0.3981209, 2.416877],
    "logits": [-0.6112908, -0.5354272, -0.6252283, 1.480539, 0.289417, -1.039376, -0.4695905, 0.3926978],
    "place": [0.1259766, 0.008087185, 0.02265038],
    "written": [0.1712641, 0.2451555, -0.489724, 0.4458842],
}
"""Made once, with torch 2.13.0 on a processor; equal to the prototype's, which two independent modules agreed with."""


def test_at_full_size_it_has_the_published_number_of_parameters() -> None:
    assert sum(parameter.numel() for parameter in empty(FULL, torch.bfloat16).parameters()) == PARAMETERS


def toy_numbers() -> dict[str, list[float]]:
    """A few numbers of each part, for a made-up picture."""
    model = filled(TOY, seed=7)
    picture = Image.linear_gradient("L").resize((900, 500)).convert("RGB")
    with torch.inference_mode():
        crops, tiling = crops_of(picture, TOY.vision, torch.float32)
        x = model.embedded(crops, tiling, list(TOY.tokens.caption["normal"]))
        cache = model.text.cache(2, 800)
        hidden = model.prefill(x, cache, 1)
        shown = model.prefill(x.flip(1), cache, 0)
        both = model.step(torch.cat([hidden, shown]), torch.tensor([735, 735]), cache, 736)
        logits = model.logits(both)
        region = model.region
        return {
            "tiling": [float(one) for one in tiling],
            "crops": crops.flatten()[::900_000].tolist(),
            "eye": x[0, 1:730:200, 3].tolist(),
            "hidden": hidden[0, :4].tolist(),
            "logits": logits[:, ::75].flatten().tolist(),
            "place": [*region.place_of(hidden).tolist(), *region.extent_of(hidden)[0].tolist()],
            "written": [
                *region.place(torch.tensor([0.3]))[0, :2].tolist(),
                *region.extent(torch.tensor([[0.3, 0.6]]))[0, :2].tolist(),
            ],
        }


def test_the_numbers_are_those_of_the_day_when_it_was_compared() -> None:
    numbers = toy_numbers()
    assert numbers.keys() == GOLDEN.keys()
    for name, golden in GOLDEN.items():
        assert numbers[name] == pytest.approx(golden, rel=1e-4, abs=1e-5), name


def test_a_slot_knows_nothing_of_its_neighbour() -> None:
    """The same picture in two slots, alone and beside another, gives the same hidden states."""
    model = filled(TOY, seed=3)
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(1, 740, TOY.text.dim, generator=generator) for _ in range(2))
    with torch.inference_mode():
        alone, beside = model.text.cache(1, 800), model.text.cache(2, 800)
        hidden = model.prefill(first, alone, 0)
        model.prefill(second, beside, 0)
        assert torch.equal(model.prefill(first, beside, 1), hidden)
        next_one = model.step(hidden, torch.tensor([740]), alone, 741)
        pair = model.step(torch.cat([hidden, hidden]), torch.tensor([740, 740]), beside, 741)
    assert torch.allclose(pair[1], next_one[0], atol=1e-4)
    assert not torch.allclose(pair[0], next_one[0], atol=1e-2)


def test_step_by_step_is_what_all_at_once_is() -> None:
    """Positions after the picture's: read one by one, they give what reading them together gives."""
    model = filled(TOY, seed=3)
    x = torch.randn(1, 740, TOY.text.dim, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole, steps = model.text.cache(1, 800), model.text.cache(1, 800)
        hidden = model.prefill(x, whole, 0)
        got: Any = model.prefill(x[:, :730], steps, 0)
        for place in range(730, 740):
            got = model.step(x[:, place], torch.tensor([place]), steps, place + 1)
    assert torch.allclose(got, hidden, atol=1e-4)


def test_the_loader_gives_back_what_was_saved(weights: Path) -> None:
    network, tokenizer = load(Wanted(weights=weights, device="cpu"))
    expected = filled(TOY, seed=1).state_dict()
    assert network.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())
    assert network.sizes == TOY
    assert tokenizer.decode(tokenizer.encode("a cät").ids) == "a cät"


@given(st.integers(1, 6000), st.integers(1, 6000), st.integers(1, 16))
def test_tiles_are_as_many_as_allowed_unless_they_are_a_strip(height: int, width: int, most: int) -> None:
    """Of a very long picture the official code makes more in one row, and so does ours."""
    rows, columns = tiling_of(height, width, 266, most)
    assert min(rows, columns) >= 1
    assert rows * columns <= most or min(rows, columns) == 1


@settings(max_examples=10)
@given(st.integers(1, 900), st.integers(1, 900))
def test_crops_are_as_many_as_their_tiling_says(height: int, width: int) -> None:
    crops, (rows, columns) = crops_of(Image.new("RGB", (width, height)), TOY.vision, torch.float32)
    assert crops.shape == (1 + rows * columns, 3, 378, 378)
    assert crops.unique().tolist() == [-1.0]


def test_sizes_survive_their_config() -> None:
    assert from_config(as_config(TOY)) == TOY
    assert from_config({}) == FULL
