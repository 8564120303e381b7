"""What a model's process can put out, as steps without their times: lines, progress, files, a language
model's answers, streams of words.

The simplest comes first everywhere, for that is what Hypothesis shrinks to. No text has a `$` in it, so that
every text comes out as it stands in the step.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias, get_args

from hypothesis import strategies as st

from wiro_mock.kernel.answer import Finish
from wiro_mock.language.media import CONTENT_TYPES
from wiro_mock.language.produce import Sample

Keys: TypeAlias = dict[str, Any]
"""The keys of one step, as they are spelt."""

LONGEST_TEXT: Final = 24
_CHARACTERS: Final = st.characters(codec="utf-8", exclude_characters="$")
_LINES: Final = ("a cat", "", "two\nlines", "Processing: 44.0%", "наука и 猫 🐈", '{"result": false}', "task_end", "  ")
TEXTS: Final = st.one_of(st.sampled_from(_LINES), st.text(_CHARACTERS, max_size=LONGEST_TEXT))
ERRORS: Final = st.one_of(
    st.sampled_from(("UserWarning: slow", "Traceback (most recent call last):", "CUDA out of memory", "")),
    st.text(_CHARACTERS, max_size=LONGEST_TEXT),
)

_NUMBERS: Final = st.integers(-(2**53), 2**53)
_PLAIN: Final = st.one_of(_NUMBERS, TEXTS, st.booleans(), st.none())
_JSON: Final = st.one_of(
    st.dictionaries(st.sampled_from(("answer", "boxes", "x", "имя")), _PLAIN, max_size=3),
    st.lists(_PLAIN, max_size=3),
    _PLAIN,
)
_NAMES: Final = (
    *(f"result{suffix}" for suffix in CONTENT_TYPES),
    *("a cat.png", "кот 猫.txt", "no-suffix", "100%.txt", "a&b=c#d?.json", "result.PNG", "a.tar.gz"),
)
_TYPES: Final = ("application/octet-stream", "text/plain; charset=utf-8", "image/webp")
_SIZES: Final = [{"width": width, "height": height} for width, height in ((1, 1), (64, 48), (3, 200), (320, 200))]


def _with(keys: dict[str, st.SearchStrategy[Any]], *more: Keys) -> st.SearchStrategy[Keys]:
    """These keys and, in half of the cases, one set of the others. One choice for all of them: choices take time."""
    others = st.sampled_from([{}] * len(more) + list(more))
    return st.builds(lambda given, other: given | other, st.fixed_dictionaries(keys), others)


_NAMED: Final = [{"name": name} for name in _NAMES] + [{"contenttype": kind} for kind in _TYPES]
_IMAGES: Final = st.sampled_from([*_SIZES, *(size | {"color": "#aa3355"} for size in _SIZES)])
_MEDIA: Final[list[Keys]] = [
    *({"sample": kind} for kind in get_args(Sample)),
    {"audio": {"seconds": 0.5}},
    {"audio": {"format": "mp3"}},
    {"image": {}},
    {"image": {"width": 3, "format": "webp"}},
]
_FILES: Final = st.one_of(
    _with({"text": TEXTS}, *_NAMED, {"name": "result.bin", "contenttype": "application/x-own"}),
    _with({"json": _JSON}, *_NAMED),
    _with({"image": _IMAGES}, *_NAMED),
    st.sampled_from(_MEDIA),
)
_PIECES: Final[list[list[Keys]]] = [
    [{"answer": "a cat"}],
    [{"thinking": "What is it?"}, {"answer": "a cat"}],
    [{"thinking": "One."}, {"answer": "a cat"}, {"thinking": "Two."}, {"answer": "and a dog"}],
    [{"answer": "one"}, {"answer": "two"}],
    [{"call": {"name": "look_up", "arguments": {"city": "İzmir", "days": [1, 2]}}}],
    [{"thinking": "I have to look."}, {"call": {"name": "look_up", "id": "call_1"}}, {"call": {"name": "go"}}],
    [{"answer": "I look."}, {"custom_call": {"name": "shell", "input": "ls -la"}}],
]
_ANSWERS: Final = st.one_of(
    st.fixed_dictionaries({"text": TEXTS}),
    st.fixed_dictionaries({"text": TEXTS, "thinking": TEXTS}),
    st.fixed_dictionaries({"pieces": st.sampled_from(_PIECES)}),
    st.just({"say": "corpus", "tokens": 30}),
)
_ENDINGS: Final[list[Keys]] = [
    *({"finish": word} for word in get_args(Finish)),
    {"usage": {"input": 7, "output": 120, "reasoning": 20, "cached": 3}},
    {"usage": {"output": 0}},
    {"tagged": True},
]
ENDS_ANSWER: Final = frozenset(key for keys in _ENDINGS for key in keys)
"""Keys that tell of the whole answer, and stand in the last step of one."""
_PACES: Final[list[Keys]] = [{"rate": "1000tps"}, {"jitter": 1.0}, {"shown": "end"}, {"jitter": 0.5, "shown": "end"}]
OUTPUT_STEPS: Final[dict[str, st.SearchStrategy[Keys]]] = {
    "print": st.fixed_dictionaries({"text": TEXTS}),
    "produce": _FILES,
    "stderr": st.fixed_dictionaries({"text": ERRORS}),
    "progress": _with({"steps": st.integers(1, 6)}, {"log": True}, {"task": "Denoise", "kind": "progressDenoise"}),
    "answer": st.builds(lambda said, more: said | more, _ANSWERS, st.sampled_from([{}] * 10 + _PACES + _ENDINGS)),
    "stream": _with({"text": TEXTS}, {"rate": "5tps"}, {"rate": "1000tps"}),
}
"""The steps between start and exit, and what can stand in them."""
