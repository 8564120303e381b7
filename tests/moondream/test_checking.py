"""`wiro-mock moondream check` and `bench`: at toy size they find what there is to find, and say what they ran on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")

from tests.moondream.kit import ended
from tests.moondream.stand_in_kit import stand_in
from wiro_mock.moondream.bounds import bounds_of
from wiro_mock.moondream.checking import Report, check, drawings
from wiro_mock.moondream.job import Engine
from wiro_mock.moondream.loading import Wanted
from wiro_mock.moondream.toy import FULL, write_folder

NAMES = list(drawings())


def steps(report: Report) -> dict[str, bool]:
    return {step["step"]: step["ok"] for step in report.steps}


def checked(folder: Path, against: Callable[[], Engine] | None = None) -> Report:
    said: list[str] = []
    report = check(Wanted(weights=folder, device="cpu", slots=1), against, said.append, 24)
    assert len(said) == len(report.steps)
    return report


def test_random_weights_are_whole_and_make_no_sense(weights: Path) -> None:
    """Nine captions that find no end, a square that is not found: all of it told, and the report fails."""
    report = checked(weights)
    found = steps(report)
    assert found.pop("every tensor's name, kind and shape")
    assert len(found) == 9 + 2
    assert not report.ok
    told = report.as_json()
    assert told["ran_on"]["gpu"].startswith("none: this ran on a processor")
    assert next(step for step in told["steps"] if "caption" in step["step"])["why"] == "no end in 24 tokens"


def reference(folder: Path) -> Callable[[], Engine]:
    pytest.importorskip("transformers", reason="transformers is not installed: pip install 'wiro-mock[moondream-hf]'")

    def make() -> Engine:
        from wiro_mock.moondream.reference import Reference
        from wiro_mock.moondream.remote_code import Source

        return Reference.load(Source(weights=str(folder), trusted=True, device="cpu", dtype="float32"))

    return make


def compared(report: Report) -> dict[str, bool]:
    return {
        name: ok for name, ok in steps(report).items() if name.startswith(("the first", "the greedy", "the official"))
    }


def test_the_same_weights_give_the_same_logits_and_words(weights: Path, tmp_path: Path) -> None:
    folder = stand_in(weights, tmp_path / "check_same")
    report = checked(folder, reference(folder))
    expected = [
        title for name in NAMES for title in (f"the first 20 logits for {name}", f"the greedy caption of {name}")
    ]
    assert compared(report) == dict.fromkeys(expected, True)


def test_other_weights_are_noticed(weights: Path, tmp_path: Path) -> None:
    """What would be a module that computes something else."""
    other = stand_in(write_folder(tmp_path / "weights", seed=2), tmp_path / "check_other")
    report = checked(weights, reference(other))
    assert len(compared(report)) == 6
    assert not any(compared(report).values())
    assert all(step["why"] for step in report.steps if not step["ok"])


def test_the_command_writes_its_report_and_fails_where_something_fails(weights: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    (tmp_path / "none").mkdir()
    done = ended("check", "--weights", tmp_path / "none", "--report", report)
    assert done.returncode == 1
    (step,) = json.loads(report.read_text())["steps"]
    assert "model.safetensors is missing" in step["why"]
    assert done.stdout.startswith("FAIL every tensor's name, kind and shape: ")


def test_the_bounds_are_those_that_were_derived() -> None:
    """Report §3.4, at 900 positions and 4.8 TB/s."""
    bounds = bounds_of(FULL)
    assert bounds.total == 9_268_626_928
    assert bounds.one == pytest.approx(6.29e6, rel=1e-3)
    assert [round(bounds.experts(batch), 1) for batch in (1, 4, 8, 16, 32)] == [8.0, 26.5, 42.0, 56.4, 63.1]
    assert [round(bounds.step_bytes(batch, 900) / 1e9, 2) for batch in (1, 4, 32)] == [3.5, 8.68, 22.85]
    assert [round(bounds.ceiling(batch, 900, 4.8e12)) for batch in (1, 32)] == pytest.approx([1372, 6721], rel=1e-3)


def test_the_benchmark_runs_at_toy_size_and_says_what_it_ran_on(tmp_path: Path) -> None:
    """Every figure of the report is there; how large they are is the machine's affair."""
    file = tmp_path / "bench.json"
    done = ended(
        "bench", "--batches", "2,1", "--tokens", "5", "--report", file, "--device", "cpu", "--scratch", tmp_path
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(file.read_text())
    assert report["ran_on"]["gpu"].startswith("none")
    assert [row["batch"] for row in report["parts"]["decode"]] == [1, 2]
    assert [row["clients"] for row in report["server"]["clients"]] == [1, 2]
    assert report["server"]["clients"][1]["tokens"] <= 10
    ceilings = [row["ceiling_tokens_s"] for row in report["parts"]["decode"]]
    shares = [row["tokens_s"] / row["of_ceiling"] for row in report["server"]["clients"]]
    assert shares == pytest.approx(ceilings)
    assert len(report["server"]["kill_to_free_ms"]) == 5
    assert report["server"]["health"]["active"] == 0
    assert [one.name for one in tmp_path.iterdir()] == ["bench.json"]


@pytest.mark.parametrize("batches", ["", "0", "1,x", "257"])
def test_batches_that_are_none_are_told(batches: str, tmp_path: Path) -> None:
    done = ended("bench", "--batches", batches, "--report", tmp_path / "x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "it is numbers from 1 to 256, such as 1,4,8" in done.stderr
