"""The room stands alone: importing it brings no torch, and without its extra it says what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.moondream.kit import ended
from wiro_mock.moondream import loading
from wiro_mock.moondream.loading import EXTRA, Wanted, fits, need
from wiro_mock.moondream.refusals import CannotStart
from wiro_mock.moondream.sizes import Sizes

HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "PIL")
ROOM = Path(loading.__file__).parent
MODULES = sorted(f"wiro_mock.moondream.{path.stem}" for path in ROOM.glob("*.py") if path.stem != "__init__")


def test_no_module_of_the_room_imports_what_is_heavy() -> None:
    """Nor does the command; only `network/` does, which nobody imports before an engine is asked for."""
    names = ", ".join(("sys", "wiro_mock.commands.moondream", *MODULES))
    script = f"import {names}\nprint([one for one in {HEAVY} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("extra", EXTRA)
def test_what_is_not_installed_is_told_with_the_extra_that_brings_it(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        CannotStart, match=rf"{EXTRA[extra][0]} is not installed; pip install 'wiro-mock\[{extra}\]' brings it"
    ):
        need(extra)


def test_weights_that_do_not_fit_are_told_with_the_sum() -> None:
    """A card of 24 GB is enough for four slots of 2048, and not for ten."""
    wanted = Wanted(weights=Path(), device="cuda:0", slots=4, length=2048)
    fits(Sizes(), wanted, 18_540_000_000, 2, 24_000_000_000)
    many = Wanted(weights=Path(), device="cuda:0", slots=10, length=2048)
    with pytest.raises(
        CannotStart, match=r"cuda:0 has 24.0 GB free and 24.7 GB are needed \(18.5 GB of weights, 4.0 GB for"
    ):
        fits(Sizes(), many, 18_540_000_000, 2, 24_000_000_000)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["serve"], "Missing option '--weights'"),
        (["serve", "--weights", "/none", "--engine", "vllm"], "'vllm' is not one of 'transformers', 'torch'"),
        (["serve", "--weights", "/none", "--slot"], "no option --slot; did you mean --slots?"),
        (["sevre"], "did you mean 'serve'?"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], told: str) -> None:
    done = ended(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert told in done.stderr


def test_the_official_code_is_not_run_unasked(tmp_path: Path) -> None:
    """The default engine; torch is not even looked for before that is said."""
    done = ended("serve", "--port", "0", "--weights", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--trust-remote-code allows that" in done.stderr
