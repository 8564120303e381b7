"""`account:` of a scenario: what its run meets in place of the account's own state. Nothing of it stays.

The checks of the run look at these values; a charge goes against the account's own balance.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from wiro_mock.kernel.account import Terms, usd
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.substitution import written


def _usd(value: object) -> Decimal:
    try:
        return usd(written(value))
    except ValueError as error:
        raise ValueError(f"{error}; write the balance in USD, such as balance: 0.40") from None


Usd = Annotated[
    Decimal,
    BeforeValidator(_usd),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9.]+$"}]}),
]


class AccountItem(Strict):
    """What one run meets of the account; what is left out is as the account has it."""

    balance: Annotated[Usd | None, Given] = Field(default=None, description="USD that the account seems to have")
    suspended: Annotated[bool | None, Given] = Field(default=None, description="whether it seems to be suspended")
    member: Annotated[bool | None, Given] = Field(
        default=None, description="whether it seems to be a member, who may run the models that are for members"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> AccountItem:
        if not self.model_fields_set:
            raise ValueError("says nothing; write balance, suspended or member, or leave it out")
        return self

    def terms(self, source: str) -> Terms:
        """These values for the kernel; `source` says who set them, such as "the scenario 'poor'"."""
        return Terms(balance=self.balance, suspended=self.suspended, member=self.member, source=source)
