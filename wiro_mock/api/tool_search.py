"""Which models a list of models is about, and in what order: search, filters, sort.

What can be computed once for a catalogue is: the texts that are searched, and each order. A catalogue is made anew
when a file changes, and its models are values, so what was computed for it stays right.

Our choices, where no source knows (rest.md §2.1 has the names of the fields only):
- a search finds the models that have all of its words in title, names, description, categories or tags; where none
  has them all, those that have at least one of the longer words (Wiro's MCP server sends whole sentences)
- of several categories, or of several tags, one is enough
- `relevance` counts the words that were found, and those in the title or the names again; without a search it is `id`
- models that are equal by the sort are in the order of their ids
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from wiro_mock.kernel.catalog import Catalog, Model, clean_slug

SORTS: Final = ("id", "relevance", "time", "ratedusercount", "commentcount", "averagepoint")
"""The values of `sort`: Wiro's documentation has the first two, its MCP server the others (rest.md §2.1)."""
LONGEST_SEARCH: Final = 400
"""So many characters of a search are looked at."""
LONG_WORD: Final = 4
"""Words of so many letters and more count by themselves, where no model has all of the words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a list of models. Words, categories and tags in lower case, the owner as a clean slug."""

    words: tuple[str, ...] = ()
    categories: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    owner: str = ""
    hide_workflows: bool = False
    sort: str = ""
    ascending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model, and what of it is searched: all of its `text`, and the `names` in it.

    `number` is its id for comparing: how many digits it has without leading zeros, and those.
    """

    model: Model
    names: str
    text: str
    categories: frozenset[str]
    tags: frozenset[str]
    owner: str
    number: tuple[int, str]


class Index:
    """The models of one catalogue, ready to be searched."""

    def __init__(self, models: Iterable[Model]) -> None:
        self.entries = tuple(_entry(model) for model in models)
        self._orders: dict[str, list[Entry]] = {}
        self._groups: list[tuple[str, list[Model]]] | None = None

    def ordered(self, sort: str, *, ascending: bool) -> Sequence[Entry]:
        """All models by one of `SORTS`; `relevance` is `id` here."""
        if sort not in self._orders:
            value = _VALUES.get(sort, _nothing)
            self._orders[sort] = sorted(self.entries, key=lambda entry: (value(entry.model), *entry.number))
        return self._orders[sort] if ascending else self._orders[sort][::-1]

    @property
    def groups(self) -> list[tuple[str, list[Model]]]:
        """The categories with their models, the newest first: the largest category first, then by name."""
        if self._groups is None:
            groups: dict[str, list[Model]] = {}
            for entry in self.ordered("id", ascending=False):
                for category in dict.fromkeys(entry.model.categories):
                    groups.setdefault(category, []).append(entry.model)
            self._groups = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
        return self._groups


_INDEXES: Final[WeakKeyDictionary[Catalog, Index]] = WeakKeyDictionary()


def index_of(catalog: Catalog) -> Index:
    """The index of a catalogue, made once; it goes when the catalogue goes."""
    index = _INDEXES.get(catalog)
    if index is None:
        index = _INDEXES[catalog] = Index(catalog)
    return index


def found(index: Index, wanted: Wanted) -> list[Model]:
    """All models that are asked for, in the order that is asked for."""
    sort = wanted.sort or ("relevance" if wanted.words else "id")
    entries = [entry for entry in index.ordered(sort, ascending=wanted.ascending) if _is_chosen(entry, wanted)]
    if wanted.words:
        words, entries = _searched(entries, wanted.words)
        if sort == "relevance":
            # Sorting is stable: what is equal stays in the order of the ids.
            entries.sort(key=lambda entry: _relevance(entry, words), reverse=not wanted.ascending)
    return [entry.model for entry in entries]


def words_of(search: str) -> tuple[str, ...]:
    """The words of a search in lower case, each once, without the punctuation around them."""
    words = (word.strip(".,;:!?()[]{}\"'`") for word in search[:LONGEST_SEARCH].lower().split())
    return tuple(dict.fromkeys(filter(None, words)))


def _entry(model: Model) -> Entry:
    names = "\n".join((model.title, model.name, model.clean_name)).lower()
    digits = model.id.lstrip("0")
    return Entry(
        model=model,
        names=names,
        text="\n".join((names, model.description, *model.categories, *model.tags)).lower(),
        categories=frozenset(category.lower() for category in model.categories),
        tags=frozenset(tag.lower() for tag in model.tags),
        owner=clean_slug(model.owner),
        number=(len(digits), digits),
    )


def _is_chosen(entry: Entry, wanted: Wanted) -> bool:
    return (
        (not wanted.owner or entry.owner == wanted.owner)
        and (not wanted.categories or not wanted.categories.isdisjoint(entry.categories))
        and (not wanted.tags or not wanted.tags.isdisjoint(entry.tags))
        and not (wanted.hide_workflows and entry.model.workflow)
    )


def _searched(entries: list[Entry], words: tuple[str, ...]) -> tuple[tuple[str, ...], list[Entry]]:
    """The words that count, and what they find."""
    if whole := [entry for entry in entries if all(word in entry.text for word in words)]:
        return words, whole
    long = tuple(word for word in words if len(re.sub(r"\W", "", word)) >= LONG_WORD)
    return long, [entry for entry in entries if any(word in entry.text for word in long)]


def _relevance(entry: Entry, words: tuple[str, ...]) -> int:
    return sum((word in entry.text) + (word in entry.names) for word in words)


def _nothing(_: Model) -> float:
    return 0


_VALUES: Final[dict[str, Callable[[Model], float]]] = {
    "time": lambda model: model.created,
    "ratedusercount": lambda model: model.raters,
    "commentcount": lambda model: model.comments,
    "averagepoint": lambda model: float(model.points),
}
