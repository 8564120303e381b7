"""Realtime sessions (socket.md §5): one in which a text is spoken, and which the client ends. One such run."""

from __future__ import annotations

from typing import Any

from wiro_mock import shapes
from wiro_mock.contract.checks.auth import LETS_IN
from wiro_mock.contract.extras import session
from wiro_mock.contract.promise import Broken, NotVerified, Promise
from wiro_mock.contract.service import Service
from wiro_mock.sources import APRIL

READY = "sessions.is_ready"


def _kinds(wiro: Service) -> list[str]:
    return [str(frame.get("type")) for frame in session(wiro)]


def check_is_ready(wiro: Service) -> None:
    """After its start a session says that it is ready."""
    kinds = _kinds(wiro)
    if "task_stream_ready" not in kinds:
        raise Broken("a frame task_stream_ready", f"frames {', '.join(dict.fromkeys(kinds))}")


def check_frame_shape(wiro: Service) -> None:
    """Its frames have no `message`, and what it costs is told in numbers."""
    for frame in session(wiro):
        if frame["type"] in ("task_stream_ready", "task_stream_end", "task_cost"):
            wiro.compare(frame, shapes.Frame, path=frame["type"])
            if "message" in frame:
                raise Broken(f"{frame['type']} without a message", f"message {frame['message']!r}"[:200])


def check_a_turn_ends(wiro: Service) -> None:
    """What was to be said has an end."""
    if "task_stream_end" not in _kinds(wiro):
        raise Broken("a frame task_stream_end", f"frames {', '.join(dict.fromkeys(_kinds(wiro)))}")


def check_the_cost_is_told(wiro: Service) -> None:
    """Turn by turn, and all together: `cumulativeCost` never falls."""
    costs = [frame.get("cumulativeCost") for frame in session(wiro) if frame["type"] == "task_cost"]
    if not costs:
        raise NotVerified("the session told no cost")
    if any(not isinstance(one, int | float) for one in costs) or sorted(costs) != costs:  # type: ignore[type-var]
        raise Broken("cumulativeCost, numbers that never fall", f"cumulativeCost {costs}")


def check_the_client_ends_it(wiro: Service) -> None:
    """`task_session_end` ends the session, and then its task."""
    if _kinds(wiro)[-1:] != ["task_postprocess_end"]:
        raise Broken("task_postprocess_end as the last frame", f"frames {', '.join(_kinds(wiro)[-3:])}")


def _promise(check: Any, *needs: str) -> Promise:
    return Promise(area="sessions", check=check, cost="runs a dearer model", source=APRIL, needs=(LETS_IN, *needs))


PROMISES = (
    _promise(check_is_ready),
    _promise(check_frame_shape, READY),
    _promise(check_a_turn_ends, READY),
    _promise(check_the_cost_is_told, READY),
    _promise(check_the_client_ends_it, READY),
)
