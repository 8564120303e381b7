"""What steps ask of the run that they are laid out for: its texts filled in, its wishes, its price."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from wiro_mock.language import answers


class Texts(answers.Run, Protocol):
    """Fills `${name}` into texts, and knows what else a step asks of its run."""

    def wishes(self, name: str) -> tuple[str, ...]:
        """What the run sent for a parameter, and then the model's default: those that there are."""

    @property
    def turn_price(self) -> Decimal:
        """What a turn of a realtime session costs, in USD."""


class AsWritten:
    """Texts as they are written: to look at a timeline before there is a run."""

    seed = prompt = ""
    earlier = 0
    turn_price = Decimal(0)

    def fill(self, text: str) -> str:
        """The text itself."""
        return text

    def fill_all(self, value: object) -> object:
        """The value itself."""
        return value

    def wishes(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        """None."""
        return ()
