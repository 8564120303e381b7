"""Who we are and where Wiro is: the account, and the headers that prove it."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from dataclasses import dataclass


def signature(api_key: str, api_secret: str, nonce: str) -> str:
    """Wiro's signature: the key is the HMAC's key, the secret and the nonce are its message."""
    return hmac.new(api_key.encode(), (api_secret + nonce).encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Account:
    """An API key with its secret, and the two addresses."""

    api_key: str
    api_secret: str
    base_url: str
    socket_url: str

    @classmethod
    def of(
        cls,
        api_key: str | None = None,
        api_secret: str | None = None,
        base_url: str | None = None,
        socket_url: str | None = None,
    ) -> Account:
        """What was given, else what the environment says, else the real service."""
        return cls(
            api_key or os.environ["WIRO_API_KEY"],
            api_secret or os.environ["WIRO_API_SECRET"],
            base_url or os.environ.get("WIRO_BASE_URL", "https://api.wiro.ai/v1"),
            socket_url or os.environ.get("WIRO_SOCKET_URL", "wss://socket.wiro.ai/v1"),
        )

    def headers(self) -> dict[str, str]:
        """The three headers of a signed request, made anew for each."""
        nonce = str(time.time_ns())
        return {
            "x-api-key": self.api_key,
            "x-nonce": nonce,
            "x-signature": signature(self.api_key, self.api_secret, nonce),
        }
