"""Whatever an upstream sends, a task is a scenario that can be read, or a sentence that says why it is none."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recorder.kit import played, sighting
from wiro_mock.loader import load_text
from wiro_mock.recorder.observed import scenario_of
from wiro_mock.recorder.sighting import Hook, Seen
from wiro_mock.recording import NotRecordable

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["5s", "3.2", "1/0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@cache
def frames_of(name: str) -> list[Seen]:
    return played(scenario=name)[1]


def spoilt(value: Any, data: st.DataObject) -> Any:
    """The value with something else in one place of it."""
    if not value or not isinstance(value, dict | list) or data.draw(st.integers(0, 3)) == 0:
        return data.draw(ANYTHING)
    key = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    if isinstance(value, dict):
        return {**value, key: spoilt(value[key], data)}
    return [*value[:key], spoilt(value[key], data), *value[key + 1 :]]


@settings(max_examples=60)
@given(name=st.sampled_from(["llm", "image", "failure", "caption"]), data=st.data())
def test_frames_of_another_shape_are_no_mistake_of_ours(name: str, data: st.DataObject) -> None:
    """Values of other types, members that are missing or new, anywhere in a frame, in Detail or in a webhook."""
    seen = list(frames_of(name))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(seen) - 1))
        frame = spoilt(dict(seen[place].frame), data)
        seen[place] = Seen(at=seen[place].at, frame=frame if isinstance(frame, dict) else {})
    detail = {"pexit": data.draw(ANYTHING), "debugoutput": data.draw(ANYTHING)}
    hooks = [Hook(at=data.draw(st.integers(-(10**9), 10**12)), code=data.draw(st.none() | st.integers(-999, 999)))]
    try:
        made = scenario_of(sighting(seen, {}, detail=detail, hooks=hooks))
    except NotRecordable:
        return
    load_text("\n".join(line for line in made.text.splitlines() if "file:" not in line))
