"""What must never reach the disk: keys, signatures, tokens, and what the user names; in texts, URLs and bytes.

A secret is what was seen in a place for secrets (a header, a task's token, the environment), and it is looked for
everywhere, in the spellings that it has in URLs, in JSON and in base64. Besides, whatever a URL calls a key is one.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "[redacted]"
HEADERS: Final = frozenset({"x-api-key", "x-signature", "x-nonce", "authorization", "cookie", "set-cookie", "teamguid"})
SHORTEST: Final = 4
"""Characters of a header that is taken for a secret: what is shorter stands in many a harmless word."""
_SCHEMES: Final = re.compile(r"^(?:bearer|basic|openssl[^=]*=|[A-Za-z0-9-]+\(stdin\)=)\s*", re.IGNORECASE)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_IN_URL: Final = re.compile(
    r"(?i)([?&;](?:[a-z0-9_.-]*(?:token|key|secret|signature|password|credential|auth)[a-z0-9_.-]*|sig|pwd)=)[^&#\s\"']+"
)
_IN_NAME: Final = re.compile(r"(?i)(api[-_]?key|secret|password|signature|token$|authorization|credential)")


class Redactor:
    """Knows the secrets; `learn` more of them at any time."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        for text in named:
            self.learn(text, least=1)

    def learn(self, text: str, *, least: int = SHORTEST) -> None:
        """Another secret; nothing where it is shorter than that."""
        bare = _SCHEMES.sub("", text.strip())
        for one in (text, text.strip(), bare):
            if len(one) >= least and one not in self._secrets:
                self._secrets.update(_spellings(one))
                self._pattern = None

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """The secrets among the headers of a request or an answer."""
        for name, value in headers.items():
            if name.lower() in HEADERS:
                self.learn(value)

    def text(self, text: str) -> str:
        """The text without what is secret."""
        if self._pattern is None and self._secrets:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
        if self._pattern is not None:
            text = self._pattern.sub(REDACTED, text)
        return _IN_URL.sub(rf"\g<1>{REDACTED}", _BEARER.sub(rf"\1 {REDACTED}", text))

    def value(self, value: object, name: str = "") -> object:
        """A JSON value without what is secret, in its keys and in what those call a secret, too."""
        if isinstance(value, str):
            return REDACTED if value and _IN_NAME.search(name) else self.text(value)
        if isinstance(value, list):
            return [self.value(one, name) for one in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(one, str(key)) for key, one in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool) and self.text(str(value)) != str(value):
            return REDACTED
        return value

    def data(self, data: bytes) -> bytes:
        """Bytes without what is secret."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            data = data.replace(secret.encode(errors="replace"), REDACTED.encode())
        return data


def _spellings(text: str) -> set[str]:
    """How a text may stand in a URL, in JSON, in JSON that stands in JSON, and in base64 by itself."""
    raw = text.encode(errors="replace")
    coded = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    shown = json.dumps(text)[1:-1]
    made = {
        text,
        quote(text, safe=""),
        quote(text),
        quote_plus(text),
        shown,
        json.dumps(shown)[1:-1],
        raw.hex(),
        *coded,
    }
    return {one for one in made if one}
