"""The JSON Schema of a scenario, for editors."""

from __future__ import annotations

from typing import Any

from wiro_mock.language.steps import StepItem, step_kinds
from wiro_mock.language.strict import DRAFT, tidy
from wiro_mock.scenario import Scenario


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one document, for editors."""
    made = Scenario.model_json_schema(by_alias=True)
    tidy(made)
    definitions = made["$defs"]
    steps = {}
    for name, kind in step_kinds().items():
        forms = [definitions[kind.__name__]]
        if kind.shorthand:
            forms.append(dict(forms[0]["properties"][kind.shorthand]))
        if not kind.least:
            forms.append({"type": "null"})
        definitions[kind.__name__] = {"description": kind.__doc__, "anyOf": forms}
        steps[name] = {"$ref": f"#/$defs/{kind.__name__}", "description": kind.__doc__}
    definitions["StepItem"] = {
        "description": StepItem.__doc__,
        "anyOf": [
            {
                "type": "object",
                "properties": steps,
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
            {"type": "string", "enum": [name for name, kind in step_kinds().items() if not kind.least]},
        ],
    }
    backend = definitions["BackendItem"]
    definitions["BackendItem"] = {"anyOf": [backend, dict(backend["properties"]["use"])]}
    made["required"].remove("steps")
    made["oneOf"] = [{"required": ["steps"]}, {"required": ["backend"]}]
    made["properties"]["scenario"]["pattern"] = "^[a-z0-9]+(-[a-z0-9]+)*$"
    return {"$schema": DRAFT, **made, "title": "wiro_mock scenario"}
