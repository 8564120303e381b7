"""Moondream's own client, from PyPI, against our server: the protocol is what it speaks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")
official = pytest.importorskip("moondream", reason="no official client: pip install --no-deps moondream==2.6.1")

from tests.moondream.kit import Running, moondream, picture, running

SETTINGS = {"temperature": 0, "max_tokens": 12, "max_objects": 2}


@pytest.fixture(scope="module")
def server(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    serve = ("serve", "--engine", "torch", "--device", "cpu", "--port", "0", "--length", "1024")
    with running(moondream(*serve, "--weights", weights), tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Any:
    return official.vl(endpoint=f"{server.origin}/v1")


@pytest.fixture
def image() -> Image.Image:
    return Image.open(io.BytesIO(picture()))


def test_the_four_skills(client: Any, image: Image.Image) -> None:
    assert client.caption(image, length="short", settings=SETTINGS)["caption"]
    assert client.query(image, "what?", settings=SETTINGS)["answer"]
    assert [set(one) for one in client.detect(image, "cat", settings=SETTINGS)["objects"]] == [
        {"x_min", "y_min", "x_max", "y_max"}
    ] * 2
    assert [set(one) for one in client.point(image, "cat", settings=SETTINGS)["points"]] == [{"x", "y"}] * 2


def test_a_stream_is_the_whole(client: Any, image: Image.Image) -> None:
    whole = client.caption(image, settings=SETTINGS)["caption"]
    stream = client.caption(image, stream=True, settings=SETTINGS)["caption"]
    assert "".join(stream) == whole


def test_a_stream_that_is_closed_frees_its_slot(client: Any, image: Image.Image, server: Running) -> None:
    stream = client.caption(image, stream=True, settings={"temperature": 100, "top_p": 1, "max_tokens": 768})["caption"]
    next(stream)
    stream.close()
    while server.health()["active"]:
        pass
