"""What a run has used, as a step says it: for prices that count what nobody else can know."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from wiro_mock.kernel.prices import Used
from wiro_mock.language.money import usd
from wiro_mock.language.strict import Given, Strict

MOST_USED = 10**15
"""Of anything; ours."""


def _usd_text(text: str) -> str:
    usd(text)
    return text


class UsageWords(Strict):
    """What a run has used, for prices that count what nobody else can know; what is left out, the run itself tells."""

    tokens: Annotated[int | None, Given] = Field(
        default=None, ge=0, le=MOST_USED, description="input and output tokens"
    )
    audio_seconds: Annotated[float | None, Given] = Field(
        default=None, ge=0, le=MOST_USED, allow_inf_nan=False, description="seconds of input audio"
    )
    video_seconds: Annotated[float | None, Given] = Field(
        default=None, ge=0, le=MOST_USED, allow_inf_nan=False, description="seconds of output video"
    )
    turns: Annotated[int | None, Given] = Field(
        default=None, ge=0, le=MOST_USED, description="turns of a realtime session"
    )
    pixels: Annotated[int | None, Given] = Field(default=None, ge=0, le=MOST_USED, description="pixels of the output")
    price: Annotated[Annotated[str, AfterValidator(_usd_text)] | None, Given] = Field(
        default=None, description="USD that the model names itself (cp-readoutput), in quotes"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> UsageWords:
        if not self.model_fields_set:
            raise ValueError(
                f"says nothing; write at least one of {', '.join(type(self).model_fields)}, or leave it out"
            )
        return self

    def value(self) -> Used:
        """The usage itself."""
        return Used(
            tokens=self.tokens,
            audio_seconds=_exact(self.audio_seconds),
            video_seconds=_exact(self.video_seconds),
            turns=self.turns,
            pixels=self.pixels,
            price=_exact(self.price),
        )


def _exact(written: float | str | None) -> Decimal | None:
    return None if written is None else Decimal(str(written))
