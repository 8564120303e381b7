"""When a fault strikes: conditions of a call, of its task, and of the frames of a socket."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.strict import Given, Strict

FRAME_TYPES = (
    "connected",
    "task_queue",
    "task_accept",
    "task_preprocess_start",
    "task_preprocess_end",
    "task_assign",
    "task_start",
    "task_output",
    "task_error",
    "task_output_full",
    "task_error_full",
    "task_end",
    "task_postprocess_start",
    "task_postprocess_end",
    "task_cancel",
    "task_stream_ready",
    "task_stream_end",
    "task_cost",
    "binary",
    "error",
)
"""What a frame of the server can be."""
_FRAME = WithJsonSchema({"enum": list(FRAME_TYPES)})


def _frame_type(name: str) -> str:
    if name not in FRAME_TYPES:
        raise ValueError(f"no frame is of type '{name}'; {did_you_mean(name, FRAME_TYPES)}")
    return name


class When(Strict):
    """Which calls are struck; all must hold."""

    status: Annotated[
        Literal[
            "task_queue",
            "task_accept",
            "task_preprocess_start",
            "task_preprocess_end",
            "task_assign",
            "task_start",
            "task_output",
            "task_output_full",
            "task_end",
            "task_postprocess_start",
            "task_postprocess_end",
            "task_cancel",
            "task_error",
        ]
        | None,
        Given,
    ] = Field(default=None, description="calls about a task in this status")
    nth: Annotated[Annotated[int, Field(ge=1)] | None, Given] = Field(
        default=None, description="from the nth of those calls on"
    )
    every: Annotated[Annotated[int, Field(ge=1)] | None, Given] = Field(
        default=None, description="each nth of those calls"
    )
    share: Annotated[Annotated[float, Field(gt=0, le=1)] | None, Given] = Field(
        default=None, description="this share of the calls, such as 0.2, drawn from the seed"
    )
    after_bytes: Annotated[Annotated[int, Field(ge=0)] | None, Given] = Field(
        default=None, description="hang, reset and disconnect come after so many bytes of the body"
    )
    after_sent: Annotated[Annotated[int, Field(ge=0)] | None, Given] = Field(
        default=None, description="of uploads and runs: while they are being sent, once so many bytes of the body came"
    )
    frame: Annotated[Annotated[str, AfterValidator(_frame_type)] | None, Given, _FRAME] = Field(
        default=None, description="of the socket: frames of this type, such as task_output"
    )
    after_frames: Annotated[Annotated[int, Field(ge=0)] | None, Given] = Field(
        default=None, description="of the socket: after so many frames on the same connection, the welcome counted"
    )
    connection: Annotated[Annotated[int, Field(ge=1)] | None, Given] = Field(
        default=None, description="of the socket: only the nth connection"
    )


SOCKET_ONLY = ("frame", "after_frames", "connection")
