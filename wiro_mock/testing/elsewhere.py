"""A Wiro that is not the mock, in the place of the fixtures: what exists in the mock only skips the test.

For tests with the mark `wiro_contract`, under `--wiro-target=real` or a URL.
"""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

__tracebackhide__ = True


class Elsewhere:
    """The fixtures `wiro`, `wiro_server` and `wiro_respx` where no mock plays: addresses and credentials.

    `url` and `socket_url` end in `/v1`, as those of `wiro_server` do. Any other attribute skips the test that asks.
    """

    def __init__(self, *, url: str, socket_url: str, api_key: str, api_secret: str, fixture: str) -> None:
        self.url = url
        self.socket_url = socket_url
        self.origin = url.removesuffix("/v1")
        self.api_key = api_key
        self.api_secret = api_secret
        self._fixture = fixture

    def under(self, fixture: str) -> Elsewhere:
        """The same, in the place of another fixture."""
        return Elsewhere(
            url=self.url,
            socket_url=self.socket_url,
            api_key=self.api_key,
            api_secret=self.api_secret,
            fixture=fixture,
        )

    def __repr__(self) -> str:
        return f"<{self._fixture}: {self.url}>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.skip(f"{self._fixture}.{name}")

    def skip(self, what: str) -> NoReturn:
        """Skip the test: this exists in the mock only."""
        pytest.skip(f"{what} exists in the mock only, and the target is {self.url} (--wiro-target)")
