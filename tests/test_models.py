"""The models' files: what a parameter may say, what is complained of, and that every shipped model runs."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from tests.api_kit import detail, filled, make_world, post
from wiro_mock.kernel.catalog import CHOICES, FILES, Model, Parameter, readable
from wiro_mock.kernel.kinds import KINDS, Kind, kind_of
from wiro_mock.loader import Library, ScenarioError, load_models, shipped
from wiro_mock.matching import choose

HEAD = 'model: acme/painter\nid: "1"\nkind: image\ncps: "0.001"\n'


@cache
def models() -> dict[str, Model]:
    return {model.clean_name: model for model in load_models(shipped())}


def parameter(model: str, name: str) -> Parameter:
    [found] = [one for one in models()[model].parameters if one.id == name]
    return found


def read(folder: Path, text: str) -> Model:
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models" / "m.yaml").write_text(HEAD + text, encoding="utf-8")
    [model] = load_models(folder)
    return model


def complaints(folder: Path, text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        read(folder, text)
    return [str(one).partition("m.yaml:")[2] for one in caught.value.complaints]


# -- what may be written


def test_options_and_parameters_say_what_a_form_shows(tmp_path: Path) -> None:
    """Labels beside plain texts, groups, placeholders; what says no more than the option is no label."""
    model = read(
        tmp_path,
        "parameters:\n"
        "  p: {type: select, options: [a, {value: b, label: Bee}, {value: 1, label: 1}, …], default: B, group: How}\n"
        "  q: {type: text, placeholder: Say it}\n"
        "  r: {type: select, options: [{value: a}, {value: b, label: b}]}\n",
    )
    p, q, r = model.parameters
    assert (p.options, p.option_labels, p.more_options) == (("a", "b", "1"), ("", "Bee", ""), True)
    assert (p.group, q.placeholder, r.option_labels) == ("How", "Say it", ())
    assert list(p.shown_options) == [("a", "a"), ("b", "Bee"), ("1", "1")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("inputImage", "Input Image"),
        ("user_id", "User Id"),
        ("fps", "Fps"),
        ("image2URL", "Image2 URL"),
        ("top-k.max", "Top K Max"),
        ("__", "__"),
    ],
)
def test_an_id_in_words(name: str, words: str) -> None:
    """Our choice for a parameter without a label."""
    assert readable(name) == words
    assert Parameter(id=name, type="text").shown_label == words
    assert Parameter(id=name, type="text", label=name).shown_label == name


def test_a_parameter_says_it_all(tmp_path: Path) -> None:
    """Numbers without rounding, texts as written, the order kept."""
    model = read(
        tmp_path,
        "seconds: 20\nparameters:\n"
        "  z: {type: number, required: true, min: 0.10, max: 2, step: 0.05, default: 1.50, label: Zed, note: a hint}\n"
        "  on: {type: select, default: '', options: ['', 1, true, 1.10, \"16:9\", 16:10, …]}\n"
        "  f: {type: combinefileinput, entries: 4}\n"
        "  a: {type: textarea, maxlength: 9, default: Türkiye}\n",
    )
    assert model.seconds == 20
    assert model.parameters == (
        Parameter(
            id="z", type="number", required=True, minimum=Decimal("0.10"), maximum=Decimal(2), step=Decimal("0.05"),
            default="1.50", label="Zed", note="a hint",
        ),
        Parameter(
            id="on", type="select", default="", options=("", "1", "true", "1.10", "16:9", "16:10"), more_options=True
        ),
        Parameter(id="f", type="combinefileinput", entries=4),
        Parameter(id="a", type="textarea", max_length=9, default="Türkiye"),
    )  # fmt: skip
    assert list(model.defaults) == ["z", "on", "a"]


@pytest.mark.parametrize(
    "line",
    [
        "{type: number, min: 1, max: 1, default: 1}",
        "{type: number, min: -1, default: -1}",
        "{type: text, min: 0, max: 9999999999, default: 9999999999}",
        "{type: number, min: 0, max: 5, default: ''}",
        "{type: select, default: Auto, options: [auto]}",
        "{type: select, default: Bulgarian, options: [English, …]}",
        "{type: select, options: [1K, 1K, 2K]}",
        "{type: select, default: 617}",
        "{type: text, default: 'not a number'}",
        "{type: fileinput, default: 'a.png,b.png'}",
        "{type: checkbox, default: --quantization}",
    ],
)
def test_the_other_side_of_every_rule_is_allowed(tmp_path: Path, line: str) -> None:
    """The ends of a range, lists that are cut off, and what Wiro's own pages have."""
    assert read(tmp_path, f"parameters:\n  p: {line}\n").parameters[0].id == "p"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            "{type: nummber}",
            "6:13: parameters.p.type: 'nummber' is not possible; did you mean 'number'?",
        ),
        ("{type: text, tipe: number}", "6:19: parameters.p.tipe: unknown key; did you mean 'type'?"),
        ("{required: true}", "6:6: parameters.p.type: is missing; add it: its type, such as text, number, select "
         "or combinefileinput"),
        ("", "6:5: parameters.p: nothing is not a mapping; write {type: …}, the keys here are: type, required, min, "
         "max, step, options, entries, maxlength, label, note, placeholder, group, default"),
        ("{type: number, min: 3, max: 2}", "6:34: parameters.p.max: 2 is below min, which is 3; swap the two, or "
         "mend one"),
        ("{type: number, min: '3'}", "6:26: parameters.p.min: '3' is not a number; write digits without quotes"),
        ("{type: number, max: true}", "6:26: parameters.p.max: 'true' is not a number; write digits without quotes"),
        ("{type: number, min: }", "6:26: parameters.p.min: has no value; write one, or leave the key out"),
        ("{type: number, step: 0}", "6:27: parameters.p.step: 0 leads nowhere; write a number above 0, or leave it "
         "out"),
        ("{type: number, step: -1}", "6:27: parameters.p.step: -1 leads nowhere; write a number above 0, or leave it "
         "out"),
        ("{type: text, min: 1, default: 0}", "6:36: parameters.p.default: 0 is below min, which is 1; write one in "
         "the range, or mend min"),
        ("{type: number, max: 1, default: 1.01}", "6:38: parameters.p.default: 1.01 is above max, which is 1; write "
         "one in the range, or mend max"),
        ("{type: number, default: many}", "6:30: parameters.p.default: 'many' is not a number; write digits"),
        ("{type: number, default: 1e3}", "6:30: parameters.p.default: '1e3' is not a number; write digits"),
        ("{type: text, max: 1, default: x}", "6:36: parameters.p.default: 'x' is not a number; write digits"),
        ("{type: select, default: c, options: [a, b]}", "6:30: parameters.p.default: 'c' is none of the options; add "
         "it to them, or write one of them"),
        ("{type: text, options: [a]}", "6:28: parameters.p.options: a text has no options; take it out, or write "
         "another type"),
        ("{type: select, options: [{label: A}]}", "6:31: parameters.p.options.value: is missing; add it: what is sent"),
        ("{type: select, options: [{value: a, lable: A}]}",
         "6:42: parameters.p.options.lable: unknown key; did you mean 'label'?"),
        ("{type: select, options: []}", "6:30: parameters.p.options: is empty; write at least one"),
        ("{type: select, options: [[a]]}", "6:31: parameters.p.options.value: a list is not text; put it in quotes"),
        ("{type: select, options: a}", "6:30: parameters.p.options: 'a' is not a list; begin each item with a dash"),
        ("{type: select, min: 1}", "6:26: parameters.p.min: a select has no min; take it out, or write another type"),
        ("{type: number, entries: 2}", "6:30: parameters.p.entries: a number has no entries; take it out, or write "
         "another type"),
        ("{type: fileinput, entries: 0}", "6:33: parameters.p.entries: '0' is too small; write at least 1"),
        ("{type: number, maxlength: 2}", "6:32: parameters.p.maxlength: a number has no maxlength; take it out, or "
         "write another type"),
        ("{type: text, required: 1}", "6:29: parameters.p.required: '1' is not true or false; write one of the two, "
         "without quotes"),
        ("{type: text, default: }", "6:28: parameters.p.default: has no value; write one, or leave the key out"),
        ("{type: text}\n  p: {type: text}", "7:3: p: stands here and in line 6; keep one of the two"),
    ],
)  # fmt: skip
def test_a_contradiction_is_complained_of_at_its_place(tmp_path: Path, line: str, complaint: str) -> None:
    """With the way out."""
    assert complaints(tmp_path, f"parameters:\n  p: {line}\n") == [complaint]


def test_all_complaints_come_at_once(tmp_path: Path) -> None:
    """Of several parameters, and of the model around them."""
    text = (
        "seconds: 0\nparameters:\n  a: {type: tex}\n  b: {type: number, min: 2, max: 1, step: 0}\n  c d: {type: text}\n"
    )
    assert [line.partition(": ")[2].partition(":")[0] for line in complaints(tmp_path, text)] == [
        "seconds",
        "parameters.a.type",
        "parameters.b.max",
        "parameters.b.step",
    ]
    assert complaints(tmp_path, "parameters:\n  c d: {type: text}\n") == [
        "6:3: parameters: 'c d' cannot be a parameter's id; write a word such as inputImage"
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("defaults: {a: b}\nparameters:\n  a: {type: text}\n", "5:11: defaults: stands beside parameters; write "
         "`default` into the parameter itself"),
        ("seconds: ten\n", "5:10: seconds: 'ten' is not a whole number; write digits without quotes"),
        ("parameters: [a]\n", "5:13: parameters: a list is not a mapping; write `key: value`"),
    ],
)  # fmt: skip
def test_the_model_around_them(tmp_path: Path, text: str, complaint: str) -> None:
    """Each default is said once."""
    assert complaints(tmp_path, text) == [complaint]


@pytest.mark.parametrize("price", ['"-1"', "-1", '"1e3"', '"1.2.3"', '""', '"."'])
def test_a_price_is_digits_in_quotes(tmp_path: Path, price: str) -> None:
    """Never negative."""
    path = tmp_path / "models" / "m.yaml"
    path.parent.mkdir()
    path.write_text(HEAD.replace('"0.001"', price))
    with pytest.raises(ScenarioError, match=r"is not a price; write USD per second in quotes"):
        load_models(tmp_path)


# -- what is shipped


def test_the_catalogue_is_whole() -> None:
    """Moondream's skills, the dossier's popular models, and those that the server's own documents list."""
    popular = """
        google/nano-banana-pro google/nano-banana-2 google/nano-banana openai/sora-2 openai/sora-2-pro
        black-forest-labs/flux-2-pro black-forest-labs/flux-2-flex wiro/flux-2-dev wiro/virtual-try-on
        wiro/virtual-try-on-v2 openai/gpt-5-2 openai/gpt-5-mini google/gemini-3-flash google/gemini-3-pro
        google/gemini-2-5-flash qwen/qwen3-5-27b wiro/chat wiro/rag-chat klingai/kling-v3 bytedance/seedream-v4-5
        bytedance/seedream-v5-lite bytedance/seedream-v4 google/veo3-1 openai/gpt-image-2 bytedance/seedance-2-0
        bytedance/seedance-pro-v1-5 xai/grok-imagine-image xai/grok-imagine-video minimax/hailuo-2-3-fast
        runway/gen-4-5 google/lyria-3 elevenlabs/text-to-speech openai/whisper-large-v3 pruna/p-image
        wiro/remove-background xinntao/real-esrgan wiro/ai-resume-cv-parser alibaba/wan-2-6 lightricks/ltx-2-3
        moondream3-preview/caption moondream3-preview/query moondream3-preview/detect moondream3-preview/point
    """
    assert set(popular.split()) <= set(models())
    assert len(models()) == 108
    assert all(model.parameters for model in models().values())
    assert sum(model.seconds is not None for model in models().values()) == 82  # those of the server's documents


def test_facts_that_are_easily_lost() -> None:
    """An empty option, a list that is cut off, a range on a text, words that YAML would turn into something else."""
    ratio = parameter("google/nano-banana-pro", "aspectRatio")
    assert (ratio.options[:2], ratio.default, ratio.more_options) == (("", "1:1"), "", False)
    assert parameter("google/nano-banana-pro", "inputImage").entries == 14
    assert parameter("google/nano-banana-pro", "safetySetting").default == "OFF"
    assert parameter("klingai/kling-v2-6", "sound").options == ("on", "off")
    assert parameter("black-forest-labs/flux-2-pro", "width").step == 16
    source = parameter("google/translate-gemma-12b-it", "sourceLng")
    assert (source.type, len(source.options), source.more_options) == ("selectwithcover", 14, True)
    seed = parameter("bytedance/seedance-pro-v1-5", "seed")
    assert (seed.minimum, seed.maximum, seed.default) == (Decimal(-1), Decimal(4294967295), "1")
    assert parameter("qwen/qwen-image", "seed").type == "text"
    assert parameter("wiro/ai-resume-cv-parser", "inputDocumentMultiple").type == "multifileinput"
    assert models()["lightricks/ltx-2-3"].slug == " ltx-2.3"


def test_every_file_says_whose_facts_these_are() -> None:
    """The comment at its head names the source with its date, and what is our choice."""
    for path in (shipped() / "models").glob("*.yaml"):
        comment = " ".join(line[1:].strip() for line in path.read_text().split("model:")[0].splitlines())
        assert re.search(r"From Wiro .*20\d\d.*Our choice", comment), path


def test_types_and_limits_go_together() -> None:
    """What a form needs to know of each."""
    for model in models().values():
        assert len({one.id for one in model.parameters}) == len(model.parameters)
        for one in model.parameters:
            assert not one.options or one.type in CHOICES
            assert one.entries is None or one.type in FILES


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_output_has_a_scenario(kind: Kind) -> None:
    """So choosing never fails, of models that a user adds neither."""
    model = replace(models()["moondream3-preview/caption"], kind=kind)
    assert kind in choose(Library().scenarios, model, {}).scenario.default_for


@pytest.mark.parametrize("name", models())
def test_the_categories_tell_of_the_kind(name: str) -> None:
    """Wiro says nowhere what comes out; a client infers it from categories that are documented, or ours."""
    model = models()[name]
    assert kind_of(model.categories) == model.kind
    # Wiro's own sample of a model begins with `tool`, which tells of nothing.
    assert {kind_of([one]) for one in model.categories if one != "tool"} == {model.kind}


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("vdieo", "3:7: kind: 'vdieo' is not possible; did you mean 'video'?"),
        ("Image", "3:7: kind: 'Image' is not possible; did you mean 'image'?"),
        ("sound", "3:7: kind: 'sound' is not possible; did you mean 'audio'?"),
        ("nonsense", "3:7: kind: 'nonsense' is not possible; write one of: " + ", ".join(KINDS)),
        ("[image]", "3:7: kind: a list is not possible; did you mean 'image'?"),
        ("", "3:6: kind: nothing is not possible; write one of: " + ", ".join(KINDS)),
    ],
)
def test_a_kind_is_one_of_a_list(tmp_path: Path, kind: str, complaint: str) -> None:
    """For then it has a scenario, and a slip of the pen is found."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.yaml").write_text(HEAD.replace("image", kind))
    with pytest.raises(ScenarioError) as caught:
        load_models(tmp_path)
    assert [str(one).partition("m.yaml:")[2] for one in caught.value.complaints] == [complaint]


def test_every_shipped_model_runs() -> None:
    """Once each, to a successful end with one file, under the slug of its page and under that of the URL.

    But for those of realtime sessions, which send no file, and wait for somebody to speak.
    """
    world = make_world(time="auto")
    for clean, model in models().items():
        owner, slug = model.owner, model.slug.replace(" ", "%20")
        for path in (f"/v1/Run/{clean}", f"/v1/Run/{owner}/{slug}"):
            answer = post(world, path, filled(model)).json
            assert answer["result"], (model.name, answer)
        task = detail(world, answer["taskid"])
        if model.kind in ("realtime-voice", "realtime-stt"):
            assert world.sim.waiting_for(answer["taskid"]).startswith("the client")
            continue
        if model.kind == "realtime-tts":
            assert (task["status"], task["outputs"]) == ("task_postprocess_end", []), model.name
            continue
        assert (task["status"], task["pexit"], len(task["outputs"])) == ("task_postprocess_end", "0", 1), model.name
