"""`llms.txt` and `llms-full.txt`: a model's page for language models, in the form that page.md describes.

Older pages say "Tool" where newer ones say "Model". Texts may run over several lines, and what stands in them may
look like a key, so a key of a parameter counts only where the order and the indentation of the page have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from wiro_mock.published.draft import Draft, Found, NotAModel
from wiro_mock.published.values import line, seconds, texts

FORM: Final = "page for language models"
LACKS: Final = "such a page says neither which parameters are required nor what their ranges are"
_HEADING: Final = re.compile(r"##\s+(.*?)\s*:?\s*")
_FIRST: Final = re.compile(r"(?im)^[ \t]*(?:model|tool)[ \t]+name[ \t]*:")
_FACT: Final = re.compile(r"(?:model|tool)\s+(name|description|cover|categories|tags)\s*:\s*(.*)", re.IGNORECASE)
_ENDPOINT: Final = re.compile(r"(run task|get task detail) endpoint\b.*", re.IGNORECASE)
_RUN: Final = re.compile(r"/Run/([^/\s?#]+)/([^/\s?#]+)", re.IGNORECASE)
_ITEM: Final = re.compile(r"\s*-\s+(\S.*?)\s*")
_BLOCK: Final = re.compile(r"\s*-\s+name:\s*(.*?)\s*")
_KEY: Final = re.compile(r"(\s+)(label|help|type|default|options):(?:\s+(.*?))?\s*")
_OPTION: Final = re.compile(r"\s*-\s+value:\s*(.*?)\s*")
_LABEL: Final = re.compile(r"\s+label:(?:\s+(.*?))?\s*")
_EXAMPLE: Final = re.compile(r"\s*-\s+([^\s:]+):(?:\s(.*))?")
_ORDER: Final = ("name", "label", "help", "type", "default", "options")


def is_llms_text(text: str) -> bool:
    """Whether a text has the line that every such page has: `Model name:`, or `Tool name:`."""
    return _FIRST.search(text) is not None


def read_llms_text(text: str) -> Draft:
    """The one model of such a page. Raises `NotAModel` where it names none."""
    sections = dict(_sections(text.splitlines()))
    facts = _facts([*_lines(sections, ""), *_lines(sections, "basic")])
    # What stands after the slash is kept as it is: `lightricks/ ltx-2.3` begins with a space (rest.md §5.1).
    owner, _, slug = facts.get("name", [""])[0].strip().partition("/")
    if not owner or not slug.strip():
        found = _RUN.search(text)
        if found is None:
            raise NotAModel(
                "it is a page for language models that names no model; expected is a line like "
                "'Model name: moondream3-preview/caption'"
            )
        owner, slug = found[1], found[2]
    return Draft(
        form=FORM,
        lacks=LACKS,
        owner=owner,
        slug=slug,
        about="\n".join(facts.get("description", [])).strip(),
        image=line("".join(facts.get("cover", []))),
        categories=texts(_items(facts.get("categories", []))),
        tags=texts(_items(facts.get("tags", []))),
        seconds=_processing(text),
        parameters=tuple(_parameters(_lines(sections, "inputs"))),
        inspire=tuple(_examples(_lines(sections, "inspires"))),
    )


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each section under its last word that tells it from the others; the first of two wins."""
    names = {"info": "basic", "inputs": "inputs", "inspires": "inspires", "parameters": "inputs"}
    name, taken, seen = "", list[str](), set[str]()
    for one in lines:
        heading = _HEADING.fullmatch(one)
        if heading is None:
            taken.append(one)
            continue
        if name not in seen and taken:
            seen.add(name)
            yield name, taken
        name, taken = names.get(heading[1].lower().rpartition(" ")[2], heading[1].lower()), []
    if name not in seen:
        yield name, taken


def _lines(sections: dict[str, list[str]], name: str) -> list[str]:
    return sections.get(name, [])


def _facts(lines: list[str]) -> dict[str, list[str]]:
    """The lines of every fact of the first section; what follows a fact belongs to it, until the next one."""
    facts: dict[str, list[str]] = {}
    current = list[str]()
    for one in lines:
        if found := _FACT.fullmatch(one.strip()):
            current = facts.setdefault(found[1].lower(), [])
            if not current:
                current.append(_after_colon(one))
        elif _ENDPOINT.fullmatch(one.strip()):
            current = []
        else:
            current.append(one)
    return facts


def _after_colon(one: str) -> str:
    rest = one.partition(":")[2].rstrip()
    return rest.removeprefix(" ")


def _items(lines: list[str]) -> list[str]:
    return [found[1] for one in lines if (found := _ITEM.fullmatch(one))]


@dataclass(slots=True)
class _Block:
    """A parameter while it is read: the lines of each of its keys, and the values and labels of its options."""

    keys: dict[str, list[str]] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    at: str = "name"
    indent: str = ""

    def found(self) -> Found:
        """The parameter."""
        said = {key: "\n".join(lines).strip() for key, lines in self.keys.items()}
        return Found(
            id=said["name"],
            type=said.get("type", "text"),
            default=_unquoted(said["default"]) if said.get("default") else None,
            options=tuple(self.options),
            option_labels=tuple(self.labels),
            label=line(said.get("label", "")),
            note=said.get("help", ""),
        )


def _parameters(lines: list[str]) -> Iterator[Found]:
    for block in _blocks(lines):
        found = block.found()
        # An empty default is the empty option, where there is one: the page cannot tell it from none.
        yield replace(found, default="") if found.default is None and "" in found.options else found


def _blocks(lines: list[str]) -> Iterator[_Block]:
    block: _Block | None = None
    for one in lines:
        if begun := _BLOCK.fullmatch(one):
            if block is not None:
                yield block
            block = _Block(keys={"name": [begun[1]]})
        elif block is not None:
            _take(block, one)
    if block is not None:
        yield block


def _take(block: _Block, one: str) -> None:
    key = _KEY.fullmatch(one)
    if key and _ORDER.index(key[2]) > _ORDER.index(block.at) and key[1] == (block.indent or key[1]):
        block.indent = key[1]
        block.at = key[2]
        block.keys[key[2]] = [key[3] or ""]
    elif block.at == "options":
        if option := _OPTION.fullmatch(one):
            block.options.append(_unquoted(option[1]))
            block.labels.append("")
        elif block.labels and not block.labels[-1] and (label := _LABEL.fullmatch(one)):
            block.labels[-1] = line(label[1])
    elif block.at in {"label", "help", "default"}:
        block.keys[block.at].append(one.strip())


def _unquoted(value: str) -> str:
    """The text inside a pair of quotes, its escapes undone; without quotes, the text as it is."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return re.sub(r'\\(["\\])', r"\1", value[1:-1])
    return value


def _examples(lines: list[str]) -> Iterator[dict[str, str]]:
    """Example inputs: a new one begins with an id that stands in the one before it, or after an empty line."""
    example: dict[str, str] = {}
    last = ""
    for one in lines:
        found = _EXAMPLE.fullmatch(one)
        if not one.strip() or (found and found[1] in example):
            if example:
                yield example
            example, last = {}, ""
        if found:
            last = found[1]
            example[last] = _unquoted((found[2] or "").strip())
        elif last and one.strip():
            example[last] += f"\n{one.strip()}"
    if example:
        yield example


def _processing(text: str) -> int | None:
    found = re.search(r"(?im)^.{0,40}processing time\W{0,6}(.{1,40})$", text)
    return seconds(found[1]) if found else None
