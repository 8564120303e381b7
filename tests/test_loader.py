"""The loader: every complaint word for word with its place, YAML's traps, redefinitions, and refreshing."""

from __future__ import annotations

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
            "progress, tick, stream, answer, session, produce, exit, postprocess, hold, stall, cancel, "
            "setup_error, refuse",
        ),
        ("accept: {aftr: 1s}", "4:14: step 1: accept.aftr: unknown key; did you mean 'after'?"),
        ("preprocess: {q: 1}", "4:18: step 1: preprocess.q: unknown key; the keys here are: after, for"),
        ("accept: {after: 5}", "4:21: step 1: accept.after: 5 has no unit; write 5s or 5ms"),
        ("accept: 200", "4:13: step 1: accept.after: 200 has no unit; write 200s or 200ms"),
        ("preprocess: 1", "4:17: step 1: preprocess.for: 1 has no unit; write 1s or 1ms"),
        (
            "produce: x",
            "4:14: step 1: produce: 'x' is not a mapping; write {name: …}, the keys here are: name, text, "
            "json, image, audio, table, filler, sample, file, contenttype, after",
        ),
        ("hold", "4:5: step 1: 'hold' needs a value; write `- hold: NAME`"),
        ("hold:", "4:10: step 1: hold.name: is missing; add it: by which a test releases it: hold: NAME"),
        ("exit", "4:5: step 1: 'exit' needs a value; write `- exit: 0`"),
        ("print hello", "4:5: step 1: 'print hello' has no colon; write `- print: hello`"),
        ("acept", "4:5: step 1: 'acept' is not a step; did you mean 'accept'?"),
        (
            "zzz",
            "4:5: step 1: 'zzz' is not a step; a step is one of: accept, preprocess, assign, start, print, stderr, "
            "progress, tick, stream, answer, session, produce, exit, postprocess, hold, stall, cancel, "
            "setup_error, refuse",
        ),
        ("{accept: {}, start: {}}", "4:5: step 1: 2 steps in one item (accept, start); give each its own dash"),
        (
            "{}",
            "4:5: step 1: an empty step; write one of: accept, preprocess, assign, start, print, stderr, "
            "progress, tick, stream, answer, session, produce, exit, postprocess, hold, stall, cancel, "
            "setup_error, refuse",
        ),
        ("print: true", "4:12: step 1: print.text: true is not text; put it in quotes"),
        ("print: [a]", "4:12: step 1: print.text: a list is not text; put it in quotes"),
        ("print:", "4:11: step 1: print.text: is missing; add it: the line; ${…} is filled in"),
        ('print: "${modl}"', "4:12: step 1: print.text: unknown name ${modl}; did you mean ${model}?"),
        (
            'print: "${zzz}"',
            "4:12: step 1: print.text: unknown name ${zzz}; there are: ${model}, ${model.owner}, ${model.slug}, "
            "${task.id}, ${scenario}, ${prompt}, ${session.turn}, ${session.prompt}, ${session.answer}, "
            "${with.PARAMETER}",
        ),
        (
            'print: "${Modl} ${foo} ${Modl} ${bar} ${model} ${"',
            "4:12: step 1: print.text: unknown names ${Modl} (did you mean ${model}?), ${foo} and ${bar}; "
            "there are: ${model}, ${model.owner}, ${model.slug}, ${task.id}, ${scenario}, ${prompt}, ${session.turn}, "
            "${session.prompt}, ${session.answer}, ${with.PARAMETER}; "
            "and '${' is not closed; write ${name}, or $$ for a dollar sign",
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
            "produce: {}",
            "4:14: step 1: produce: a file has exactly one source, here none; "
            "write one of text, json, image, audio, table, filler, sample, file",
        ),
        (
            "produce: {text: a, json: null}",
            "4:14: step 1: produce: a file has exactly one source, here text and json; "
            "write one of text, json, image, audio, table, filler, sample, file",
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
            "scenario: My Name\nabout: ''\nmatch: {model: foo, with: {a: {b: c}, d: []}, x: 1}\nsteps: 5\nwishes: []\n",
            [
                "1:11: scenario: 'My Name' is not a name in small letters, digits and single dashes; write my-name",
                "2:8: about: is empty; write something",
                "3:16: match.model: 'foo' is not the name of a model; "
                "write it like moondream3-preview/caption or wiro/*",
                "3:31: match.with.a: {'b': 'c'} cannot be compared; write a text, a number, or a list of them",
                "3:42: match.with.d: an empty list never matches; write at least one value",
                "3:47: match.x: unknown key; the keys here are: model, with, nth",
                "4:8: steps: '5' is not a list; begin each item with a dash",
                "5:1: wishes: unknown key; "
                "the keys here are: scenario, about, match, default_for, account, inputs, backend, steps, faults",
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
                "the keys here are: scenario, about, match, default_for, account, inputs, backend, steps, faults"
            ],
        ),
        (
            "scenario: x\nsteps:\n  - refuse: 5\n",
            ["3:13: step 1: refuse: code 5 needs a message; only 96, 97, 98 have a known sentence"],
        ),
        (
            "scenario: x\nsteps:\n  - refuse: {code: 97, message: }\n",
            ["3:33: step 1: refuse.message: has no value; write one, or leave the key out"],
        ),
        (
            "scenario: x\nsteps:\n  - print: '${Model} ${foo}'\n  - start: {after: 5}\n  - exit: 0\n  - print: late\n",
            [
                "3:12: step 1: print.text: unknown names ${Model} (did you mean ${model}?) and ${foo}; there are: "
                "${model}, ${model.owner}, ${model.slug}, ${task.id}, ${scenario}, ${prompt}, ${session.turn}, "
                "${session.prompt}, ${session.answer}, ${with.PARAMETER}",
                "4:5: step 2: start: comes too late, the task is in task_output by here; the order is accept, "
                "preprocess, assign, start, output, exit, postprocess [step-out-of-order]",
                "4:20: step 2: start.after: 5 has no unit; write 5s or 5ms",
                "6:5: step 4: print: the process has ended by here; move it before exit [output-after-end]",
            ],
        ),
        (
            "scenario: x\nabuot: y\nsteps:\n  - start\n  - accept\n  - print: hi\n",
            [
                "2:1: abuot: unknown key; did you mean 'about'?",
                "5:5: step 2: accept: comes too late, the task is in task_start by here; the order is accept, "
                "preprocess, assign, start, output, exit, postprocess [step-out-of-order]",
                "6:5: step 3: the steps end, but the task does not; end with exit, stall, hold, cancel or setup_error "
                "[success-without-exit]",
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


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ("- exot: 0", ""),  # counts as what it was meant for
        ("- exit 0", ""),
        ("- exit: {cod: 1}", ""),
        ("- exit: yes", ""),
        ("- print: hi\n    exit: 0", ""),
        ("- start:\n    after: 1s\n  - exit: 0", ""),
        ("- setup_error: {message: x, then: requeu}\n  - accept\n  - exit: 0", ""),
        ("- setup_error: {mesage: x}\n  - accept\n  - exit: 0", ""),  # may have been a `then`
        ("- setup_error: {message: [x]}\n  - accept", "nothing-after-end"),
        ("- zzz: 1", ""),  # may have been an end
        ("- 5", ""),
        ("- zzz: 1\n  - accept\n  - postprocess", ""),
        ("- start\n  - zzz: 1\n  - accept\n  - exit: 0", "step-out-of-order"),
        ("- exit: 0\n  - zzz: 1\n  - print: {}", "output-after-end"),
        ("- prnt: x", "success-without-exit"),
        ("- zzz\n  - refuse: 97", "refuse-alone"),
    ],
)
def test_a_broken_step_brings_no_false_complaint(steps: str, line: str) -> None:
    """About the timeline is said only what stays true once the step is mended."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\nsteps:\n  {steps}\n")
    rules = {complaint.rule for complaint in caught.value.complaints} - {""}
    assert rules == ({line} if line else set())


def test_a_name_that_is_taken_twice_is_told_whatever_else_is_wrong() -> None:
    """Of scenarios in one text."""
    text = "scenario: x\nsteps: [exit: 300]\n---\nscenario: x\nsteps: [exit: 0]\n---\nscenario: x\nsteps: [{exit: }]\n"
    assert _complaints(text) == [
        "f.yaml:2:15: step 1: exit.code: '300' is too large; write at most 255",
        "f.yaml:4:1: x: is defined here and at f.yaml:1; rename one of the two",
        "f.yaml:7:1: x: is defined here and at f.yaml:1; rename one of the two",
        "f.yaml:8:16: step 1: exit.code: is missing; add it: the exit code; 0 is success",
    ]


def test_a_scenario_is_a_name_and_steps() -> None:
    """The rest may be left out."""
    [scenario] = load_text("scenario: x\nsteps: [start, {print: 1.50}, {print: +5}, {print: 0.10}, {exit: 0}]\n")
    assert scenario.about == ""
    assert [item.print.text for item in scenario.steps if item.print] == ["1.50", "+5", "0.10"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: b: c\n", "1:5: YAML: mapping values are not allowed in this context"),
        ('a: 1\nb:\n  - c:\n  - d: "e\n', "4:8: YAML: found unexpected end of stream"),
        ("a: 1\nb:\n  - c:\n  - d: {e: 1s\n\n", "4:8: YAML: did not find expected ',' or '}'"),
        ("a: 1\nb:\n  - c: 0\nd\n", "4:1: YAML: could not find expected ':'"),
        ("a: 1\nb:\n  - c: 0\n - d\n", "4:2: YAML: did not find expected key"),
        ("a: [x\nb: 1\n", "2:2: YAML: did not find expected ',' or ']'"),
    ],
)
def test_syntax_errors_are_complaints(text: str, complaint: str) -> None:
    """The parser's own words, with the place of what has to be mended and where to look."""
    assert _complaints(text) == [f"f.yaml:{complaint}; look at the quotes, colons and indentation"]


@given(st.one_of(st.text(max_size=60), st.text(alphabet="{}[]&*!|>-:?,#'\"\n a1%@`\t", max_size=60)))
def test_no_text_breaks_the_loader(text: str) -> None:
    """It loads, or there is a complaint."""
    told = ["nothing to complain of"]
    try:
        load_text(text, file="f.yaml")
    except ScenarioError as error:
        told = str(error).split("\n")
    assert all(line == "nothing to complain of" or line.startswith("f.yaml:") for line in told)
    assert told


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


def test_a_complaint_is_one_line_even_of_a_key_that_is_two() -> None:
    """So that a log, a terminal and an editor can count on it."""
    assert _complaints('scenario: a\nsteps: [exit: 0]\n? "x\\ny"\n: 1\n') == [
        "f.yaml:3:3: x\\ny: unknown key; the keys here are: "
        "scenario, about, match, default_for, account, inputs, backend, steps, faults"
    ]
