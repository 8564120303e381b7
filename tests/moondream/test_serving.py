"""The server as a process: real weights files, real sockets, signals, and every way in which it cannot start."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.moondream.kit import PATIENCE, Running, body, ended, events, moondream, picture, running, url
from wiro_mock.moondream.checkpoint import INDEX, SINGLE

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")

SERVE = ("serve", "--engine", "torch", "--device", "cpu", "--port", "0", "--slots", "2", "--length", "1024")
ENDLESS = {"temperature": 100, "top_p": 1, "max_tokens": 100_000, "seed": 1}
STAND_IN = Path(__file__).parent / "broken_server.py"


@pytest.fixture(scope="module")
def server(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(moondream(*SERVE, "--weights", weights), tmp_path_factory.mktemp("server")) as server:
        yield server


def test_the_four_skills_over_http(server: Running) -> None:
    answers = {skill: server.ask(skill, body()).json() for skill in ("caption", "query", "detect", "point")}
    assert answers["caption"]["caption"]
    assert answers["query"]["answer"]
    assert [len(one) for one in answers["detect"]["objects"]] == [4, 4, 4]
    assert [len(one) for one in answers["point"]["points"]] == [2, 2, 2]


def test_a_stream_joined_is_the_whole_answer(server: Running) -> None:
    whole = server.ask("caption", body()).json()["caption"]
    *chunks, last = events(server.ask("v1/caption", body(stream=True)).text)
    assert "".join(chunk["chunk"] for chunk in chunks) == whole
    assert last == {"completed": True, "finish_reason": "length", "tokens": 24}


def test_interleaved_streams_are_as_alone(server: Running) -> None:
    """More clients than slots, streams and whole answers: each gets its own text."""
    alone = [server.ask("caption", body(number)).json()["caption"] for number in range(4)]
    with ThreadPoolExecutor(8) as pool:
        streams = [pool.submit(server.ask, "caption", body(number, stream=True)) for number in range(4)]
        wholes = [pool.submit(server.ask, "caption", body(number)) for number in range(4)]
        joined = ["".join(one.get("chunk", "") for one in events(each.result().text)) for each in streams]
        assert joined == alone
        assert [each.result().json()["caption"] for each in wholes] == alone
    assert len(set(alone)) > 1


def test_a_client_that_leaves_frees_its_slot(server: Running) -> None:
    """All slots play without an end; when their clients leave, the next is served at once."""
    with httpx.Client(base_url=server.origin, trust_env=False, timeout=PATIENCE) as client:
        for _ in range(2):
            with client.stream("POST", "/caption", json=body(settings=ENDLESS, stream=True)) as answer:
                assert next(answer.iter_lines()).startswith('data: {"chunk"')
    assert server.ask("caption", body()).status_code == 200
    while server.health()["active"]:
        pass


@pytest.mark.parametrize(
    ("told", "status", "sentence"),
    [
        (body(length="medium"), 400, "one of short, normal, long"),
        (body(settings={"temperature": "warm"}), 400, "is a number"),
        (body(image_url=url(b"%PDF-1.4")), 400, "holds a PDF"),
        (body(image_url=url(b"")), 400, "0 bytes"),
        (body(image_url="http://127.0.0.1/"), 400, "fetches nothing"),
    ],
)
def test_what_cannot_be_played_is_said(server: Running, told: dict[str, Any], status: int, sentence: str) -> None:
    answer = server.ask("caption", told)
    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True)


def test_a_picture_of_any_size_is_captioned(server: Running) -> None:
    for size in ((1, 1), (1, 500), (2000, 3), (1500, 1000)):
        told = body(image_url=url(picture(size=size, form="JPEG"), "image/jpeg"))
        assert server.ask("caption", told).status_code == 200, size


def test_health_tells_what_is_served(server: Running) -> None:
    expected = {"status": "ok", "engine": "torch", "model": "toy", "device": "cpu", "slots": 2}
    assert server.health().items() >= expected.items()


def test_a_second_server_on_the_port_says_so(server: Running, weights: Path) -> None:
    port = server.origin.rpartition(":")[2]
    done = ended("serve", "--engine", "torch", "--port", port, "--weights", weights)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"wiro-mock: cannot listen on 127.0.0.1:{port}: ")
    assert done.stderr.count("\n") == 1


def damaged(weights: Path, folder: Path, how: str) -> Path:
    """A copy of the weights with something wrong; the folder for --weights."""
    if how == "none":
        return folder
    copy = folder / "copy"
    shutil.copytree(weights, copy)
    shards = sorted(copy.glob("*.safetensors"))
    if how == "shard":
        shards[1].unlink()
    elif how == "cut":
        os.truncate(shards[1], shards[1].stat().st_size - 1)
    elif how == "other":
        config = json.loads((copy / "config.json").read_text())
        config["config"]["text"]["dim"] = 256
        (copy / "config.json").write_text(json.dumps(config))
    elif how == "config":
        (copy / "config.json").write_text("{")
    elif how == "tokenizer":
        (copy / "tokenizer.json").unlink()
    elif how == "vocabulary":
        config = json.loads((copy / "config.json").read_text())
        told = json.loads((copy / "tokenizer.json").read_text())
        told["model"]["vocab"] |= {f"more{number}": number for number in range(300, 310)}
        (copy / "tokenizer.json").write_text(json.dumps(told))
    return copy


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("none", f"{SINGLE} is missing; there is no {INDEX} either"),
        ("shard", "model-00002-of-00005.safetensors is missing; take it from the weights' repository again"),
        ("cut", "model-00002-of-00005.safetensors is cut short"),
        ("other", "and the model's is (256"),
        ("config", "config.json cannot be read"),
        ("tokenizer", "tokenizer.json is missing; --tokenizer is"),
        ("vocabulary", "has 310 tokens and the model 300"),
    ],
)
def test_weights_that_cannot_be_served_are_told(weights: Path, tmp_path: Path, how: str, sentence: str) -> None:
    """The loader is called as the command calls it; one process for all of these would do nothing more."""
    from wiro_mock.moondream.loading import Wanted, load
    from wiro_mock.moondream.refusals import CannotStart

    with pytest.raises(CannotStart) as refused:
        load(Wanted(weights=damaged(weights, tmp_path, how), device="cpu"))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_server_that_cannot_start_ends_with_a_sentence_and_status_2(weights: Path, tmp_path: Path) -> None:
    done = ended(*SERVE, "--weights", damaged(weights, tmp_path, "cut"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "is cut short" in done.stderr


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch is built with CUDA")
def test_a_cpu_torch_that_is_asked_for_cuda_says_so() -> None:
    from wiro_mock.moondream.loading import device_for
    from wiro_mock.moondream.refusals import CannotStart

    with pytest.raises(CannotStart, match="is built without CUDA; install one with, or --device cpu"):
        device_for("cuda:0")
    with pytest.raises(CannotStart, match="--device 'gpu' is none; it is auto, cpu, cuda"):
        device_for("gpu")


@pytest.mark.parametrize("way", ["signal", "stdin"])
def test_stopping_lets_what_plays_come_to_its_end(weights: Path, tmp_path: Path, way: str) -> None:
    """A stream that has begun is finished; the status is 0."""
    more = ("--stop-at-eof",) if way == "stdin" else ()
    with (
        running(moondream(*SERVE, "--weights", weights, *more), tmp_path) as server,
        httpx.Client(base_url=server.origin, trust_env=False, timeout=PATIENCE) as client,
    ):
        told = body(stream=True, settings={"max_tokens": 60})
        with client.stream("POST", "/caption", json=told) as answer:
            lines = answer.iter_lines()
            next(lines)
            if way == "signal":
                server.process.send_signal(signal.SIGTERM)
            else:
                assert server.process.stdin is not None
                server.process.stdin.close()
            last = events("\n".join(lines))[-1]
        assert last["completed"] is True
        assert server.end() == 0


def test_who_plays_without_an_end_is_cut_off_after_the_grace(weights: Path, tmp_path: Path) -> None:
    with (
        running(moondream(*SERVE, "--weights", weights, "--grace", "0"), tmp_path) as server,
        httpx.Client(base_url=server.origin, trust_env=False, timeout=PATIENCE) as client,
        client.stream("POST", "/caption", json=body(stream=True, settings=ENDLESS)) as answer,
    ):
        next(answer.iter_lines())
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == 0


def test_a_broken_device_ends_the_process_with_status_70(weights: Path, tmp_path: Path) -> None:
    """Memory that runs out does not: the server answers 507, an event in mid-stream, and serves on."""
    with running([sys.executable, str(STAND_IN), str(weights)], tmp_path) as server:
        assert server.ask("query", body(question="out of memory")).status_code == 507
        late = events(server.ask("query", body(question="out of memory later", stream=True)).text)
        assert "chunk" in late[0]
        assert "out of memory" in late[-1]["error"]
        assert server.ask("query", body()).status_code == 200
        answer = server.ask("query", body(question="break it"))
        assert (answer.status_code, "the device is broken" in answer.json()["error"]) == (500, True)
        assert server.end() == 70
        assert "CUDA error" in server.stderr.read_text()
