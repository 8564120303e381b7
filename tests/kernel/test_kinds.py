"""What categories tell of a model's kind of output."""

from __future__ import annotations

from typing import Any

import pytest

from wiro_mock.kernel.kinds import DOCUMENTED, KINDS, OURS, kind_of


@pytest.mark.parametrize(
    ("categories", "kind"),
    [
        (["text-to-image", "image-to-image"], "image"),
        (["tool", "image-to-image", "quick-showcase", "compare-landscape"], "image"),  # the seed page's own
        (["llm", "rag"], "llm"),
        (["speech-to-text"], "text"),
        (["text-to-speech", "realtime-conversation"], "audio"),
        (["3d-generation"], "3d"),
        (["hr-tools"], "json"),
        (["tool", "quick-showcase"], None),
        ([], None),
    ],
)
def test_the_first_category_that_tells_of_a_kind_decides(categories: list[str], kind: Any) -> None:
    """Others tell of nothing, and are no mistake."""
    assert kind_of(categories) == kind


def test_every_kind_has_a_category_and_no_category_has_two() -> None:
    """So each can be inferred."""
    assert {*DOCUMENTED.values(), *OURS.values()} == set(KINDS)
    assert not DOCUMENTED.keys() & OURS.keys()
