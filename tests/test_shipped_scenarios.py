"""Every shipped scenario runs to its documented end, and the guide's examples load."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.scenarios_kit import keep, stored
from wiro_mock.kernel.account import Account, Terms
from wiro_mock.kernel.catalog import Catalog, Model
from wiro_mock.kernel.events import SECOND, Job
from wiro_mock.kernel.orders import Order
from wiro_mock.kernel.plan import Plan
from wiro_mock.kernel.refusals import Refusal
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.status import Status
from wiro_mock.kernel.task import Task
from wiro_mock.language.plan_table import FRAMES
from wiro_mock.language.yaml_source import read_documents
from wiro_mock.loader import Library, load_fault_sets, load_models, load_text, plan_rows, shipped
from wiro_mock.matching import choose
from wiro_mock.scenario import Scenario
from wiro_mock.scenario_schema import schema

NAMES = [
    "3d",
    "account-suspended",
    "audio",
    "cancelled-in-queue",
    "caption",
    "concurrency-limit",
    "document",
    "empty-output",
    "failure",
    "gpu-out-of-memory",
    "image",
    "insufficient-balance",
    "json",
    "killed-while-running",
    "llm-alternating",
    "llm-cut-off",
    "llm-progress-only",
    "llm-tool-call",
    "llm",
    "member-spend-limit",
    "members-only",
    "model-not-found",
    "never-starts",
    "realtime-stt",
    "realtime-tts",
    "realtime-voice",
    "setup-error-fail",
    "setup-error-requeue",
    "setup-error-stuck",
    "slow-queue",
    "stderr-warnings",
    "team-model-not-allowed",
    "team-spend-limit",
    "video",
]
GUIDE = re.findall(r"```yaml\n(.*?)```", (shipped() / "README.md").read_text(), re.DOTALL)


@cache
def _library() -> Library:
    return Library()


def _model(name: str = "moondream3-preview/caption") -> Model:
    return Catalog(_library().models).resolve(*name.split("/"))


def _scenario(name: str) -> Scenario:
    return choose(_library().scenarios, _model(), {}, name).scenario


def _played(name: str | None, model: str = "moondream3-preview/caption") -> tuple[Simulation, Task]:
    def planner(job: Job) -> Plan:
        return choose(_library().scenarios, job.model, job.parameters, name).scenario.compile(job, keep)

    def outlook(job: Job) -> Terms:
        return choose(_library().scenarios, job.model, job.parameters, name).scenario.terms

    simulation = Simulation(seed="s", account=Account(uuid="u"), planner=planner, outlook=outlook)
    owner, _, slug = model.partition("/")
    order = Order(model=_model(model), owner=owner, project=slug, project_id="p", parameters={"prompt": "a cat"})
    task = simulation.submit(order)
    simulation.advance(3600 * SECOND)
    ended = simulation.task(task.job.id)
    assert ended is not None
    return simulation, ended


def _frames(simulation: Simulation, task: Task) -> list[str]:
    """The frames on the socket, repetitions of one type once."""
    frames: list[str] = []
    for entry in simulation.log(task.job.id):
        frame = FRAMES[type(entry.event)]
        if frame != "produce" and frames[-1:] != [frame]:
            frames.append(frame)
    return frames


LIFE = ["task_queue", "task_accept", "task_preprocess_start", "task_preprocess_end", "task_assign", "task_start"]
SHORT = [frame for frame in LIFE if "preprocess" not in frame]
END = ["task_output_full", "task_end", "task_postprocess_start", "task_postprocess_end"]
END_WITH_STDERR = ["task_output_full", "task_error_full", *END[1:]]


MADE = ["3d", "audio", "document", "image", "json", "llm", "video"]


def test_the_library_has_exactly_the_documented_names() -> None:
    """One file each, named like its scenario, beginning with a comment."""
    assert [scenario.name for scenario in _library().scenarios] == NAMES
    for scenario in _library().scenarios:
        text = (shipped() / f"{scenario.name}.yaml").read_text()
        assert text.startswith("# Plays: ")
        assert "\n# Source: " in text


@pytest.mark.parametrize(
    ("name", "frames", "exit_code"),
    [
        ("caption", [*LIFE, "task_output", *END], 0),
        *((kind, [*LIFE, "task_output", *END], 0) for kind in MADE),
        ("stderr-warnings", [*SHORT, *["task_error", "task_output"] * 2, *END_WITH_STDERR], 0),
        ("failure", [*SHORT, "task_output", "task_error", *END_WITH_STDERR], 1),
        ("gpu-out-of-memory", [*SHORT, "task_output", "task_error", *END_WITH_STDERR], 1),
        ("slow-queue", [*SHORT, "task_output", *END], 0),
        ("never-starts", ["task_queue"], None),
        ("cancelled-in-queue", ["task_queue", "task_cancel"], None),
        ("killed-while-running", [*SHORT, "task_output", "task_cancel"], None),
        ("setup-error-fail", ["task_queue", "task_accept", "task_error", "task_postprocess_end"], 1),
        ("setup-error-requeue", ["task_queue", "task_accept", "task_error", *SHORT, "task_output", *END], 0),
        ("setup-error-stuck", ["task_queue", "task_accept", "task_error"], None),
        ("empty-output", [*SHORT, "task_output", *END], 0),
    ],
)
def test_each_runs_to_its_documented_end(name: str, frames: list[str], exit_code: int | None) -> None:
    """The frames in the canonical order, and the exit code."""
    simulation, task = _played(name)
    assert _frames(simulation, task) == frames
    assert task.exit_code == exit_code
    assert task.finished == (name not in {"never-starts", "setup-error-stuck"})


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("insufficient-balance", 97, "Insufficient balance"),
        ("members-only", 98, "sign in to run this model"),
        (
            "account-suspended",
            0,
            "Your account has been suspended. Please contact support if you believe this is a mistake.",
        ),
        (
            "concurrency-limit",
            96,
            "You have reached your concurrent task limit. With your current balance of $50.00, you can run up to "
            "5 tasks at the same time. Add funds to increase your limit.",
        ),
        ("team-model-not-allowed", 0, "This model is not available for your team"),
        ("team-spend-limit", 0, "Team spend limit has been reached"),
        ("member-spend-limit", 0, "Your personal spend limit in this team has been reached"),
        ("model-not-found", 1, "slug-owner-project-not-exist"),
    ],
)
def test_refusals_come_word_for_word(name: str, code: int, message: str) -> None:
    """Run itself answers, and there is no task."""
    with pytest.raises(Refusal) as caught:
        _played(name)
    assert (caught.value.code, caught.value.message) == (code, message)


def test_caption_keeps_its_times() -> None:
    """4 to 8 s in all, 1 s before the start, half a second in the queue, 2 s from assign to end."""
    _, task = _played(None)
    times = task.times
    assert task.job.scenario == "caption"
    assert 4 * SECOND <= times[Status.POSTPROCESS_END] - times[Status.QUEUE] <= 8 * SECOND
    assert times[Status.START] - times[Status.QUEUE] >= SECOND
    assert times[Status.ACCEPT] - times[Status.QUEUE] >= SECOND // 2
    assert times[Status.END] - times[Status.ASSIGN] >= 2 * SECOND


@pytest.mark.parametrize("glob", ["*", "*/*", "*/caption", "moondream3-preview/*"])
def test_any_match_of_ones_own_wins(glob: str) -> None:
    """The shipped scenarios have none: they play by the model's kind of output, or when asked for."""
    assert [scenario.name for scenario in _library().scenarios if scenario.match] == []
    [mine] = load_text(f"scenario: mine\nmatch: {{model: '{glob}'}}\nsteps: [stall]\n")
    assert choose([mine, *_library().scenarios], _model(), {}).scenario.name == "mine"
    assert choose(_library().scenarios, _model(), {}).how == "default for text"


def test_caption_says_the_same_in_print_and_in_its_file() -> None:
    """`debugoutput` is exactly the caption, and so is the text file."""
    _, task = _played("caption")
    [file] = task.outputs
    assert file.name == "0.txt"
    assert file.blob.contenttype == "text/plain"
    assert stored[file.blob.digest].decode() == task.debugoutput
    assert "\n" not in task.debugoutput


def test_image_leaves_its_bar_in_the_log() -> None:
    """Ten lines of it, and the word that Wiro's sample ends with."""
    _, task = _played(None, "google/nano-banana-pro")
    lines = task.debugoutput.split("\n")
    assert (task.job.scenario, len(lines), lines[-1]) == ("image", 11, "Done.")
    assert lines[-2].startswith("100%|██████████| 10/10 [")
    assert stored[task.outputs[0].blob.digest].startswith(b"\x89PNG")


def test_outputs_and_errors_are_as_documented() -> None:
    """Empty output has no file; failures have text on stderr; a requeued task forgets its first error."""
    assert _played("empty-output")[1].outputs == ()
    assert "CUDA out of memory" in _played("gpu-out-of-memory")[1].stderr
    assert _played("failure")[1].stderr.startswith("Traceback")
    assert _played("setup-error-requeue")[1].stderr == ""
    assert _played("setup-error-stuck")[1].stderr == "User has no output folder"
    assert _played("killed-while-running")[1].killed
    assert not _played("cancelled-in-queue")[1].killed


def test_the_models_are_on_offer() -> None:
    """Moondream's four skills, and the price and the defaults of the one on the saved page."""
    models = {model.name: model for model in load_models(shipped())}
    skills = ["caption", "query", "detect", "point"]
    assert [name for name in models if "moondream" in name] == [f"moondream3-preview/{skill}" for skill in skills]
    caption = models["moondream3-preview/caption"]
    assert (caption.id, str(caption.cps), caption.kind) == ("598", "0.000585", "text")
    assert caption.defaults == {"length": "normal", "temperature": "0.7", "top_p": "0.95"}
    assert len({model.id for model in models.values()}) == len(models)


def test_the_plan_of_each_is_a_table() -> None:
    """Instants, names on the wire, details."""
    job = _played("caption")[1].job
    rows = plan_rows(_scenario("caption").compile(job, keep))
    assert rows[:3] == [
        ("+0.000s", "task_queue", ""),
        ("+0.700s", "task_accept", ""),
        ("+0.700s", "task_preprocess_start", ""),
    ]
    assert ("+2.700s", "task_output", "20% (1/5)") in rows
    assert ("+5.000s", "task_end", "exit code 0") in rows
    stall = plan_rows(_scenario("never-starts").compile(job, keep))
    assert stall[-1] == ("+0.000s", "stall", "nothing more happens by itself")


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_accepts_the_shipped_files(name: str) -> None:
    """Editors must not underline what the loader takes."""
    [document], _ = read_documents((shipped() / f"{name}.yaml").read_text())
    assert not _mistakes(document.data, schema(), schema())


def test_the_schema_refuses_what_the_loader_refuses() -> None:
    """A few mistakes of the usual kinds."""
    good: dict[str, Any] = {"scenario": "x", "steps": [{"exit": 0}]}
    assert not _mistakes(good, schema(), schema())
    short: list[Any] = [
        "start",
        {"preprocess": "1s"},
        {"cancel": None},
        {"print": 5},
        {"stream": "x"},
        {"accept": "1s"},
    ]
    assert not _mistakes({**good, "steps": short}, schema(), schema())
    steps: list[Any] = [{"exot": 0}, {"accept": {"after": 5}}, "hold", {"hold": None}, "x", {"start": 5}]
    wrong: list[dict[str, Any]] = [{"steps": [step]} for step in steps]
    for bad in (*wrong, {"scenario": "No"}, {"wishes": []}, {"faults": [{"on": "Run"}]}):
        assert _mistakes({**good, **bad}, schema(), schema())


@pytest.mark.parametrize("block", GUIDE)
def test_the_guides_examples_load(block: str, tmp_path: Any) -> None:
    """Scenarios as scenarios, models as models, fault sets as fault sets; each fits the schema."""
    if block.startswith("model:"):
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "guide.yaml").write_text(block)
        assert load_models(tmp_path)
        return
    if block.startswith("fault_set:"):
        (tmp_path / "faults").mkdir()
        (tmp_path / "faults" / "guide.yaml").write_text(block)
        assert load_fault_sets(tmp_path)
        return
    assert load_text(block)
    for document in read_documents(block)[0]:
        assert not _mistakes(document.data, schema(), schema())


def _mistakes(value: Any, part: dict[str, Any], root: dict[str, Any]) -> list[str]:
    """What a JSON Schema validator would find: as much of one as our schema uses."""
    if "$ref" in part:
        part = root["$defs"][part["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in part:
        tries = [_mistakes(value, option, root) for option in part["anyOf"]]
        return [] if not all(tries) else [f"{value!r} fits none"]
    kinds = part.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(_KINDS[kind](value) for kind in kinds):
        return [f"{value!r} is not {kinds}"]
    if isinstance(value, str):
        wrong = "pattern" in part and not re.search(part["pattern"], value)
        return [f"{value!r}: pattern"] if wrong or value not in part.get("enum", [value]) else []
    if isinstance(value, list):
        return [found for item in value for found in _mistakes(item, part.get("items", {}), root)]
    if not isinstance(value, dict):
        return []
    found = [f"{key} is missing" for key in part.get("required", []) if key not in value]
    for key, item in value.items():
        known, other = part.get("properties", {}), part.get("additionalProperties", {})
        if key in known or other is not False:
            found += _mistakes(item, known.get(key, other if isinstance(other, dict) else {}), root)
        else:
            found.append(f"{key} is unknown")
    return found


_KINDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
