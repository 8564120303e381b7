"""The loader: every complaint word for word with its place, YAML's traps, redefinitions, and refreshing."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.language.complaints import ScenarioError
from wiro_mock.language.steps import StepItem
from wiro_mock.loader import load_text


def _complaints(text: str, **where: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(text, file="f.yaml", **where)
    return str(caught.value).split("\n")


def _step(line: str) -> list[str]:
    """The complaints about one step, which stands in line 4."""
    return _complaints(f"scenario: x\nabout: y\nsteps:\n  - {line}\n  - stall:\n")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("acept: {after: 1s}", "4:5: step 1: acept: unknown key; did you mean 'accept'?"),
        (
            "zzz:",
            "4:5: step 1: zzz: unknown key; a step is one of: accept, preprocess, assign, start, print, stderr, "
            "progress, stream, produce, exit, postprocess, hold, stall, cancel, setup_error, refuse",
        ),
        ("accept: {aftr: 1s}", "4:14: step 1: accept.aftr: unknown key; did you mean 'after'?"),
        ("preprocess: {q: 1}", "4:18: step 1: preprocess.q: unknown key; the keys here are: after, for"),
        ("accept: {after: 5}", "4:21: step 1: accept.after: 5 has no unit; write 5s or 5ms"),
        ("accept: 200ms", "4:13: step 1: accept: '200ms' is not a mapping; write {after: …}, the keys here are: after"),
        ("stall", "4:5: step 1: 'stall' has no colon; write `- stall:`"),
        ("{accept: {}, start: {}}", "4:5: step 1: 2 steps in one item (accept, start); give each its own dash"),
        (
            "{}",
            "4:5: step 1: an empty step; write one of: accept, preprocess, assign, start, print, stderr, "
            "progress, stream, produce, exit, postprocess, hold, stall, cancel, setup_error, refuse",
        ),
        ("print: 5", "4:12: step 1: print.text: '5' is not text; put it in quotes"),
        ("print: [a]", "4:12: step 1: print.text: a list is not text; put it in quotes"),
        ("print:", "4:11: step 1: print.text: is missing; add it: the line; ${…} is filled in"),
        ('print: "${modl}"', "4:12: step 1: print.text: unknown name ${modl}; did you mean ${model}?"),
        (
            'print: "${zzz}"',
            "4:12: step 1: print.text: unknown name ${zzz}; there are: ${model}, ${model.owner}, ${model.slug}, "
            "${task.id}, ${scenario}, ${with.PARAMETER}",
        ),
        ('print: "${"', "4:12: step 1: print.text: '${' is not closed; write ${name}, or $$ for a dollar sign"),
        ("exit: true", "4:11: step 1: exit.code: true is not a whole number; write digits without quotes"),
        ("exit: 1.5", "4:11: step 1: exit.code: '1.5' is not a whole number; write digits without quotes"),
        ("exit: 256", "4:11: step 1: exit.code: '256' is too large; write at most 255"),
        ("progress: {steps: 0}", "4:23: step 1: progress.steps: '0' is too small; write at least 1"),
        (
            "progress: {steps: 2, log: yes}",
            "4:31: step 1: progress.log: 'yes' is not true or false; write one of the two, without quotes",
        ),
        ("hold: ''", "4:11: step 1: hold.name: is empty; write something"),
        ("stream: {text: x}", "4:13: step 1: stream.rate: is missing; add it: words per second, such as 45tps"),
        (
            "setup_error: {message: x, then: fial}",
            "4:37: step 1: setup_error.then: 'fial' is not possible; did you mean 'fail'?",
        ),
        (
            "setup_error: {message: x, then: stuck, wait: 1s}",
            "4:18: step 1: setup_error: `wait` means nothing with `then: stuck`; "
            "leave it out, or write then: fail or requeue",
        ),
        (
            "refuse: 5",
            "4:13: step 1: refuse: code 5 needs a message; only 96, 97, 98 have a known sentence",
        ),
        (
            "produce: {}",
            "4:14: step 1: produce: a file has exactly one source, here none; write one of text, json, image, file",
        ),
        (
            "produce: {text: a, json: null}",
            "4:14: step 1: produce: a file has exactly one source, here text and json; "
            "write one of text, json, image, file",
        ),
        (
            "produce: {name: a/b, text: x}",
            "4:21: step 1: produce.name: 'a/b' cannot be a file's name; write one without slashes, quotes or line ends",
        ),
        (
            "produce: {image: {color: red}}",
            "4:30: step 1: produce.image.color: 'red' has the wrong form; write \"#rrggbb\", in quotes",
        ),
        (
            "produce: {image: {width: 5000}}",
            "4:30: step 1: produce.image.width: '5000' is too large; write at most 4096",
        ),
        (
            "produce: {file: a.png}",
            "4:21: step 1: produce.file: there is no folder to look in; "
            "a `file` is found beside the YAML file that names it",
        ),
        (
            "produce: {json: {a: ['${x']}}",
            "4:21: step 1: produce.json: '${' is not closed; write ${name}, or $$ for a dollar sign",
        ),
        ("produce: {text: }", "4:21: step 1: produce.text: has no value; write one, or leave the key out"),
        ("produce: {text: a, name: }", "4:30: step 1: produce.name: has no value; write one, or leave the key out"),
        (
            "produce: {text: a, contenttype: b}",
            "4:37: step 1: produce.contenttype: 'b' has the wrong form; "
            "write a type such as text/plain; by default that of the kind",
        ),
        (
            "refuse: {code: 97, message: }",
            "4:33: step 1: refuse.message: has no value; write one, or leave the key out",
        ),
        ("exit: 0", "5:5: step 2: stall: TAIL"),
    ],
)
def test_each_mistake_in_a_step_has_its_place_and_its_way_out(line: str, complaint: str) -> None:
    """Word for word."""
    if complaint.endswith("TAIL"):  # a stall after an exit is fine: the task stays in task_end
        assert load_text(f"scenario: x\nabout: y\nsteps:\n  - {line}\n  - stall:\n")
        return
    assert _step(line) == [f"f.yaml:{complaint}"]


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (
            "scenario: My Name\nabout: ''\nmatch: {model: foo, with: {a: {b: c}, d: []}, x: 1}\nsteps: 5\nfaults: []\n",
            [
                "1:11: scenario: 'My Name' is not a name in small letters, digits and single dashes; write my-name",
                "2:8: about: is empty; write something",
                "3:16: match.model: 'foo' is not the name of a model; "
                "write it like moondream3-preview/caption or wiro/*",
                "3:31: match.with.a: {'b': 'c'} cannot be compared; write a text, a number, or a list of them",
                "3:42: match.with.d: an empty list never matches; write at least one value",
                "3:47: match.x: unknown key; the keys here are: model, with",
                "4:8: steps: '5' is not a list; begin each item with a dash",
                "5:1: faults: unknown key; the keys here are: scenario, about, match, default_for, steps",
            ],
        ),
        (
            "scenario: x\nabout: y\nmatch:\nsteps: [stall: ]\n",
            ["3:7: match: has no value; write one, or leave the key out"],
        ),
        (
            "scenario: x\nabout: y\nmatch: {with: {}}\nsteps: [stall: ]\n",
            ["3:8: match: an empty match fits every run; if that is meant, write model: '*'"],
        ),
        (
            "about: x\n",
            [
                "1:1: scenario: is missing; add it: its name, in kebab case",
                "1:1: steps: is missing; add it: what happens, in order",
            ],
        ),
        (
            "scenario: x\nabout: y\nabout: z\nsteps:\n  - exit: 0\n  - print: a\n  - accept:\n",
            [
                "3:1: about: stands here and in line 2; keep one of the two",
                "6:5: step 2: print: the process has ended by here; move it before exit [output-after-end]",
                "7:5: step 3: accept: comes too late, the task is in task_end by here; the order is accept, "
                "preprocess, assign, start, output, exit, postprocess [step-out-of-order]",
            ],
        ),
        (
            "scenario: x\nabout: y\nsteps: []\n",
            [
                "3:8: step 1: the steps end, but the task does not; "
                "end with exit, stall, hold, cancel or setup_error [success-without-exit]"
            ],
        ),
        (
            "- a\n",
            [
                "1:1: the document: a list is not a mapping; write {scenario: …}, "
                "the keys here are: scenario, about, match, default_for, steps"
            ],
        ),
        ("", ["1:1: the file: is empty; begin with `scenario: a-name`"]),
        ("# nothing\n---\n", ["1:1: the file: is empty; begin with `scenario: a-name`"]),
        ("a:\n\tb: 1\n", ["2:1: YAML: a tab cannot indent; use spaces"]),
        (
            "a: \x07\n",
            ["1:4: YAML: a character that cannot be printed; take it out, or escape it inside double quotes"],
        ),
        (
            "a: !!python/name:os.system x\n",
            ["1:4: the tag tag:yaml.org,2002:python/name:os.system is not understood here; write plain YAML"],
        ),
        ("a: !x {}\n", ["1:4: the tag !x is not understood here; write plain YAML"]),
        ("a: &x [*x]\n", ["1:8: *x stands inside &x itself; a thing cannot contain itself, write it out"]),
        ("a: *x\n", ["1:4: *x has no &x before it; define it first, or write the value out"]),
        ("? [a]\n: b\n", ["1:3: a key is a word, not a list or a mapping; values with braces need quotes"]),
        ("[" * 100_000, ["1:41: more than 40 levels deep; no scenario needs that"]),
    ],
)
def test_each_mistake_in_a_document_has_its_place_and_its_way_out(text: str, complaints: list[str]) -> None:
    """All of them at once, in the order of the lines."""
    assert _complaints(text) == [f"f.yaml:{complaint}" for complaint in complaints]


def test_syntax_errors_are_complaints() -> None:
    """The parser's own words, with the place and where to look."""
    [complaint] = _complaints("a: b: c\n")
    assert complaint.startswith("f.yaml:1:5: YAML: mapping values are not allowed in this context; look at")


@given(st.one_of(st.text(max_size=60), st.text(alphabet="{}[]&*!|>-:?,#'\"\n a1%@`\t", max_size=60)))
def test_no_text_breaks_the_loader(text: str) -> None:
    """It loads, or there is a complaint."""
    with contextlib.suppress(ScenarioError):
        load_text(text)


_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 300), st.sampled_from(["1s", "5", "x", "${model}", "a/b"])
)
_keys = st.sampled_from([*sorted(StepItem.model_fields), "after", "for", "text", "json", "code", "then", "with", "zzz"])
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3), max_leaves=6
)
_documents = st.fixed_dictionaries(
    {"scenario": st.just("x") | _values, "about": st.just("y") | _values},
    optional={
        "match": st.dictionaries(st.sampled_from(["model", "with", "x"]), _values) | _values,
        "default_for": _values,
        "steps": st.lists(st.dictionaries(_keys, _values, min_size=1, max_size=2) | _values, max_size=4) | _values,
    },
)


@given(_documents)
def test_no_document_breaks_the_loader(document: object) -> None:
    """Whatever stands where: it loads, or each complaint has a place, a thing and a way out."""
    try:
        load_text(json.dumps(document))
    except ScenarioError as error:
        complaints = error.complaints
    else:
        return
    for complaint in complaints:
        assert complaint.line == 1
        assert ";" in complaint.message
        assert "cannot stand here" not in complaint.message  # a kind of mistake that has no words of its own
