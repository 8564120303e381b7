r"""Secrets, and the spellings they have in URLs, in JSON and in base64: the one place that knows how to find them.

Of what is told, logged and kept, `Mask` blots out the secrets it was given, and whatever a URL names before its host.
Clients write a secret in more ways than a list could hold (`%2d` for `-`, `%252d` by a proxy that quotes again,
`\u002d` in JSON), so where a text holds such escapes each character is looked for in every way it may be written.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN: Final = "***"
SHORTEST: Final = 8
"""A shorter secret is also part of ordinary words: it is hidden where it was asked for, as a word."""
LONGEST_SPELLING: Final = 8
"""Characters that one of a secret's may take in a spelling, about."""
MARGIN: Final = 300
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_USERINFO_IN_JSON: Final = re.compile(rb"(?<=://)[^/?#\s\"]*@")


def spellings(text: str) -> set[str]:
    """How a text may stand in a URL, in JSON, in JSON that stands in JSON, and in hex and base64 by itself."""
    raw = text.encode(errors="replace")
    coded = (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode())
    shown = json.dumps(text)[1:-1]
    made = {
        text,
        quote(text, safe=""),
        quote(text),
        quote_plus(text),
        shown,
        json.dumps(shown)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        raw.hex(),
        *coded,
        *(one.rstrip("=") for one in coded),
    }
    return {one for one in made if one}


class Mask:
    """Blots out secrets: those of at least eight characters wherever they stand. One of `words` may be shorter, and is
    then blotted out where it stands alone, and is no part of a word.
    """

    def __init__(self, secrets: Iterable[str] = (), *, words: Iterable[str] = ()) -> None:
        self._secrets: tuple[str, ...] = ()
        self._short: tuple[str, ...] = ()
        self._spelt: tuple[str, ...] | None = None
        self._sent: tuple[bytes, ...] = ()
        self._patterns: list[re.Pattern[str]] | None = None
        self._shortest = 0
        self.margin = MARGIN
        """So many characters at the end of a piece may be the beginning of a secret."""
        for text in secrets:
            self.learn(text)
        for text in words:
            self.learn(text, as_word=True)

    def learn(self, text: str, *, as_word: bool = False) -> None:
        """One more secret; nothing where it is too short, unless it is hidden as a word."""
        if len(text) >= SHORTEST:
            self._secrets += (text,)
            shown = json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]
            self._sent += tuple({one.encode(errors="replace") for one in (text, *shown)})
        elif text and as_word:
            self._short += (text,)
        self.margin = max(self.margin, LONGEST_SPELLING * len(text))
        self._shortest = min(map(len, (*self._secrets, *self._short)), default=0)
        self._spelt = self._patterns = None

    def text(self, text: str) -> str:
        """The text without the secrets."""
        if self._shortest and len(text) >= self._shortest:  # no spelling is shorter than what it spells
            for secret in self._spellings():
                if secret in text:
                    text = text.replace(secret, HIDDEN)
            if self._short or "%" in text or "\\" in text or "+" in text:
                for pattern in self._escaped():
                    text = pattern.sub(HIDDEN, text)
        return _USERINFO.sub(f"{HIDDEN}@", text) if "@" in text else text

    def _spellings(self) -> tuple[str, ...]:
        """The longest first: one may be part of another, and what is left of that would be half a secret."""
        if (made := self._spelt) is None:
            made = tuple(sorted({one for secret in self._secrets for one in spellings(secret)}, key=len, reverse=True))
            self._spelt = made
        return made

    def _escaped(self) -> list[re.Pattern[str]]:
        """What finds the secrets in any escape; made when there is one, since a test's mock may never see any."""
        if (made := self._patterns) is None:
            short = (f"(?<![^\\W_]){_in_any_escape(one)}(?![^\\W_])" for one in self._short)
            made = [re.compile(one) for one in (*map(_in_any_escape, self._secrets), *short)]
            self._patterns = made
        return made

    def data(self, data: bytes) -> bytes:
        """The bytes of an answer of ours without the secrets, as they are and as JSON has them. What a client has sent
        in base64 comes back so: too dear to be looked for in every answer, it is blotted out where one is shown.
        """
        for secret in self._sent:
            if secret in data:
                data = data.replace(secret, HIDDEN.encode())
        if self._short and any(one.encode(errors="replace") in data for one in self._short):
            data = self.text(data.decode("latin-1")).encode("latin-1")
        return _USERINFO_IN_JSON.sub(f"{HIDDEN}@".encode(), data) if b"@" in data else data

    def cut(self, text: str, length: int) -> str:
        """The beginning of a text, cleaned before it is cut: half a secret is one, too."""
        cleaned = self.text(text[: length + self.margin])
        if len(text) > length + self.margin:
            cleaned = cleaned[: -self.margin]  # where a secret may have been cut in two
        return cleaned[:length]


def _in_any_escape(text: str) -> str:
    """A pattern of the text, with each character as it is, percent-encoded (more than once, too) or escaped in JSON."""
    return "".join(map(_character, text))


def _character(char: str) -> str:
    percent = "".join(f"%(?:25)*{_hex(f'{byte:02x}')}" for byte in char.encode(errors="replace"))
    units = char.encode("utf-16-be", "replace").hex()
    escaped = "".join(rf"\\+u{_hex(units[at : at + 4])}" for at in range(0, len(units), 4))
    others = r"|\+" if char == " " else rf"|\\+{re.escape(char)}" if char in '"\\/' else ""
    return f"(?:{percent}|{escaped}{others}|{re.escape(char)})"


def _hex(digits: str) -> str:
    """The digits in either case."""
    return "".join(digit if digit.isdigit() else f"[{digit}{digit.upper()}]" for digit in digits)
