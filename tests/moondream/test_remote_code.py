"""The official code's loading, on a repository of our own with the same traps; each trap is sprung once."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'wiro-mock[moondream]'")
pytest.importorskip("transformers", reason="transformers is not installed: pip install 'wiro-mock[moondream-hf]'")

import queue

from tests.moondream.kit import PATIENCE, body
from tests.moondream.stand_in_kit import stand_in
from wiro_mock.moondream import remote_code
from wiro_mock.moondream.asking import Skill, ask_of
from wiro_mock.moondream.job import Chunk, Done, Event, Job
from wiro_mock.moondream.loading import Wanted
from wiro_mock.moondream.loading import load as load_torch
from wiro_mock.moondream.pictures import decoded
from wiro_mock.moondream.reference import Reference
from wiro_mock.moondream.refusals import CannotStart, Failure
from wiro_mock.moondream.remote_code import Source, folder_of, load
from wiro_mock.moondream.slots import Slots


@pytest.fixture
def repository(weights: Path, tmp_path: Path) -> Path:
    """Weights and code in one folder, as a hub's repository; named for the test, since Python knows modules by name."""
    return stand_in(weights, tmp_path / f"code{abs(hash(str(tmp_path)))}")


def source(folder: Path, **more: Any) -> Source:
    return Source(**{"weights": str(folder), "trusted": True, "device": "cpu", "dtype": "float32", **more})


def asked(engine: Any, skill: Skill, told: dict[str, Any]) -> tuple[Job, queue.Queue[Event]]:
    heard: queue.Queue[Event] = queue.Queue()
    ask = ask_of(skill, told)
    job = Job(ask=ask, prepared=engine.prepare(ask, decoded(ask.picture)), post=heard.put)
    engine.submit(job)
    return job, heard


def end(heard: queue.Queue[Event]) -> Done | Failure:
    while isinstance(event := heard.get(timeout=PATIENCE), Chunk):
        pass
    return event


def test_the_official_way_and_ours_say_the_same(repository: Path) -> None:
    """The whole engine: four skills, streams in turn though they are asked for together, a stream that is left."""
    engine = Reference.load(source(repository))
    ours = Slots(*load_torch(Wanted(weights=repository, device="cpu")), slots=2, length=1024)
    try:
        expected = [end(asked(ours, "caption", body(number))[1]) for number in range(3)]
        heard = [asked(engine, "caption", body(number))[1] for number in range(3)]
        done = [end(one) for one in heard]
        assert [one.answer for one in done] == [one.answer for one in expected]  # type: ignore[union-attr]
        query = end(asked(engine, "query", body(reasoning=True, spatial_refs=[[0.5, 0.5]]))[1])
        assert isinstance(query, Done)
        assert query.answer.keys() == {"reasoning", "answer"}
        detected = end(asked(engine, "detect", body())[1])
        assert isinstance(detected, Done)
        assert [*detected.answer] == ["objects"]
        assert isinstance(end(asked(engine, "point", body())[1]), Done)
        job, stream = asked(engine, "caption", body(settings={"max_tokens": 250}))
        assert isinstance(stream.get(timeout=PATIENCE), Chunk)
        engine.cancel(job)
        left = end(stream)
        assert isinstance(left, Done)
        assert (left.reason, left.tokens < 250) == ("cancelled", True)
        assert end(asked(engine, "caption", body())[1]) == done[0]
    finally:
        engine.close()
        ours.close()


@pytest.fixture
def uninitialised_is_no_number() -> Iterator[None]:
    """Memory that nobody has written is NaN, and not by chance what was there before."""
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(mode=False)


@pytest.mark.usefixtures("uninitialised_is_no_number")
def test_without_the_twin_the_buffers_are_spoilt(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trap is there, and the mending is what makes the model right."""
    mended, _, _ = load(source(repository))
    assert bool(mended.model.attn_mask[0, 0, 0, 0])
    assert torch.allclose(mended.model.text.freqs_cis.abs(), torch.ones(()))
    monkeypatch.setattr(remote_code, "_refresh", lambda *given: None)
    spoilt, _, _ = load(source(repository))
    assert bool(spoilt.model.text.freqs_cis.isnan().all())


def test_buffers_that_stay_spoilt_are_no_start(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should another version make the twin empty, too."""
    code = repository / "masks.py"
    code.write_text(code.read_text().replace("    return mask", "    return mask & False"))
    with pytest.raises(CannotStart, match=r"the buffer model\.attn_mask is empty after loading"):
        load(source(repository))


def test_a_file_that_has_changed_is_not_taken_from_a_cache(repository: Path) -> None:
    """Even under the same folder's name: each load copies the code anew."""
    first, _, _ = load(source(repository))
    code = repository / "stand_in.py"
    code.write_text(code.read_text().replace('"so it is"', '"so it was"'))
    second, _, _ = load(source(repository))
    trace = {
        one: one.query(*_picture(), reasoning=True, settings=SETTINGS)["reasoning"]["text"] for one in (first, second)
    }
    assert list(trace.values()) == ["so it is", "so it was"]


SETTINGS = {"max_tokens": 1, "variant": None}


def _picture() -> tuple[Any, str]:
    return decoded(ask_of("caption", body()).picture), "what?"


def test_code_runs_only_when_it_may(repository: Path) -> None:
    with pytest.raises(
        CannotStart, match="--trust-remote-code allows that, and --engine torch runs our own module instead"
    ):
        load(source(repository, trusted=False))


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("no code", "holds no code that transformers can load"),
        ("broken code", "holds no code that transformers can load: SyntaxError"),
        ("cut", "is cut short"),
        ("missing", "tensors are missing, such as model.text.wte"),
        ("tokenizer", "`hf download moondream/starmie-v1` fetches it"),
    ],
)
def test_what_cannot_be_loaded_is_told(repository: Path, how: str, told: str) -> None:
    from safetensors.torch import load_file, save_file

    config = json.loads((repository / "config.json").read_text())
    if how == "no code":
        del config["auto_map"]
        (repository / "config.json").write_text(json.dumps(config))
    elif how == "broken code":
        (repository / "hf_stand_in.py").write_text("def :")
    elif how == "cut":
        os.truncate(next(repository.glob("*2-of*.safetensors")), 1000)
    elif how == "missing":
        file = next(one for one in repository.glob("*.safetensors") if "model.text.wte" in load_file(one))
        save_file({n: t for n, t in load_file(file).items() if n != "model.text.wte"}, file)
    else:
        code = repository / "stand_in.py"
        code.write_text(
            code.read_text().replace(
                'Tokenizer.from_file(str(Path(told["tokenizer_file"])))',
                'Tokenizer.from_pretrained("moondream/starmie-v1")',
            )
        )
    with pytest.raises(CannotStart) as refused:
        load(source(repository))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_old_transformers_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    monkeypatch.setattr(transformers, "__version__", "4.57.6")
    with pytest.raises(CannotStart, match=r"transformers 4\.57\.6 loads no code from a folder as it should"):
        load(source(repository))


def test_a_name_of_the_hub_is_looked_for_in_the_cache_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pinned, and never fetched."""
    with pytest.raises(CannotStart, match="there is no folder"):
        folder_of(str(tmp_path / "none"), "")
    with pytest.raises(CannotStart, match="needs --revision, a commit of 40"):
        folder_of("moondream/moondream3-preview", "main")
    with pytest.raises(
        CannotStart, match="is not in the cache of this machine; `hf download moondream/moondream3-preview"
    ):
        folder_of("moondream/moondream3-preview", "5" * 40)
