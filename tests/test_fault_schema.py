"""The JSON Schema of fault sets, for editors: it takes what the loader takes, and describes every key."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema
import pytest
import yaml

from tests.test_cli import play
from tests.test_fault_doors import CASES
from tests.test_socket_faults import TABLE
from wiro_mock.language.fault_sets import FaultSet, schema
from wiro_mock.language.verbs import PLACES, VERBS
from wiro_mock.shipped import shipped

SCHEMA: Final = schema()


def takes(document: object) -> bool:
    """Whether the schema has nothing to say against it."""
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(document))


def a_set(**fault: Any) -> dict[str, Any]:
    return {"fault_set": "x", "faults": [fault]}


def test_the_command_prints_it() -> None:
    """Beside that of scenarios, which is what is printed by itself; nothing else is taken."""
    assert json.loads(play("schema", "fault-set").stdout) == SCHEMA
    assert json.loads(play("schema").stdout)["title"] == "wiro_mock scenario"
    result = play("schema", "faults")
    assert result.exit_code == 2
    assert "'fault-set'" in result.stderr


def test_it_is_a_schema_and_describes_every_key() -> None:
    """Editors show a description wherever they complete a key."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == {"fault_set", "about", "faults", "delays"}
    for kind in SCHEMA["$defs"].values():
        for form in (kind, *kind.get("anyOf", ())):
            for key, value in form.get("properties", {}).items():
                assert "description" in value or "$ref" in value, key


@pytest.mark.parametrize("path", sorted((shipped() / "faults").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_sets_are_valid(path: Any) -> None:
    """As they stand in their files."""
    assert takes(yaml.safe_load(path.read_text().replace("- {on:", '- {"on":')))


@pytest.mark.parametrize("case", CASES)
def test_every_verb_of_answers_is_valid(case: str) -> None:
    """In the words of the keyword arguments, conditions apart."""
    words = {key: value for key, value in CASES[case][0].items() if key != "after_bytes"}
    assert takes(a_set(on="Task/List", do=words))
    FaultSet.model_validate(a_set(on="Task/List", do=words))


@pytest.mark.parametrize("verb", TABLE)
def test_every_verb_of_the_socket_is_valid(verb: str) -> None:
    """As a word, or with its value."""
    assert takes(a_set(on="socket", do=TABLE[verb][0], when={"frame": "task_start", "nth": 2}))


def test_words_and_places_are_closed_lists() -> None:
    """A misspelt one is told of in the editor already."""
    assert all(takes(a_set(on=place, do="reset")) for place in (*PLACES, "Run", "Task/*"))
    assert all(takes(a_set(on="*", do=name)) is verb.word for name, verb in VERBS.items())
    wrong = [
        a_set(on="Rnu", do="reset"),
        a_set(on="Run", do="rest"),
        a_set(on="Run"),
        a_set(on="Run", do={"status": 200}),
        a_set(on="Run", do="reset", effect="during"),
        a_set(on="Run", do="reset", times=0),
        a_set(on="socket", do="drop", when={"frame": "task_strat"}),
        {"fault_set": "X y", "faults": [{"on": "Run", "do": "reset"}]},
        {"fault_set": "x"},
        {"fault_set": "x", "delays": [{"before": "task_queue", "by": "2s"}]},
    ]
    assert [document for document in wrong if takes(document)] == []
    assert takes({"fault_set": "x", "delays": [{"before": "task_start", "by": {"lognormal": "2s", "sd": "1s"}}]})
