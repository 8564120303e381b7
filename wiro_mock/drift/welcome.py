"""The frames of no task: the welcome, and the answer to a registration without a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wiro_mock.contract.compare import shown
from wiro_mock.drift.findings import Finding
from wiro_mock.drift.lines import line_of
from wiro_mock.drift.naming import new_member
from wiro_mock.drift.remedies import by_switch
from wiro_mock.drift.replay import Replayed
from wiro_mock.drift.streams import FRAMES, of_frame
from wiro_mock.drift.takes import Take


def of_loose(take: Take, mock: Replayed) -> Iterator[Finding]:
    """The frames of no task: the welcome, and the answer to a registration without a token."""
    ours = {str(one.get("type")): one for one in mock.loose}
    theirs = {str(one.get("type")): one for one in take.loose}
    for kind, live in theirs.items():
        if kind not in FRAMES:
            yield new_member(f"frame {kind}", "frame", kind, "the socket")
        elif kind in ours:
            yield from of_frame(kind, live, ours[kind])
            for name in ("version", "message"):
                if name in live and name in ours[kind] and live[name] != ours[kind][name]:
                    yield _spoken(kind, name, ours[kind][name], live[name])
        elif kind == "connected":
            yield _welcoming("no welcome", "one", "welcome=true")
    if take.followed and "connected" in ours and "connected" not in theirs:
        yield _welcoming("a welcome", "none", "welcome=false")


def _spoken(kind: str, name: str, mock: Any, live: Any) -> Finding:
    return Finding(
        level="mock wrong",
        key=("frame", kind, name),
        what=f"frame {kind} {name}",
        mock=shown(mock),
        live=shown(live),
        change=f"change {line_of('api/frames.py', 'WELCOME: ' if kind == 'connected' else 'TOKEN_REQUIRED: ')}",
        places=(f"frame {kind}",),
    )


def _welcoming(mock: str, live: str, switch: str) -> Finding:
    return Finding(
        level="documentation differs",
        key=("welcome",),
        what="frame connected",
        mock=mock,
        live=live,
        change=by_switch(switch),
        places=("the socket",),
        switch=switch,
    )
