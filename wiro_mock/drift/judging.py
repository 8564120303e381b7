"""From two takes, the service's and the mock's, to findings: what differs, at which level, and what to change."""

from __future__ import annotations

from collections.abc import Iterator

from wiro_mock.drift.answers import of_answer
from wiro_mock.drift.downloads import of_download
from wiro_mock.drift.findings import Finding
from wiro_mock.drift.hooks import of_hooks
from wiro_mock.drift.replay import Replayed
from wiro_mock.drift.streams import of_stream
from wiro_mock.drift.takes import Take
from wiro_mock.drift.welcome import of_loose


def judged(take: Take, mock: Replayed) -> Iterator[Finding]:
    """Every difference, as often as it was met."""
    for live, ours in zip(take.exchanges, mock.answers, strict=True):
        yield from of_download(take, live, ours) if live.is_file else of_answer(take, live, ours)
    for task, frames in take.streams.items():
        if task in mock.streams:
            yield from of_stream(frames, mock.streams[task], whole=task in take.followed)
    yield from of_loose(take, mock)
    yield from of_hooks(take, mock)
