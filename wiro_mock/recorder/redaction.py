"""What must never reach the disk: keys, signatures, tokens, and what the user names; in texts, URLs and bytes.

A secret is what was seen in a place for secrets (a header, a task's token, the environment), and it is looked for
everywhere, in the spellings that it has in URLs, in JSON and in base64, and also where it goes on in the next line or
the next frame. Besides, whatever a URL calls a key is one. Of what is new with every request the latest are known.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from wiro_mock.recorder.spellings import in_bytes, spellings

REDACTED: Final = "[redacted]"
HEADERS: Final = frozenset({"x-api-key", "authorization", "teamguid"})
"""A nonce is none: without key and signature it is of no use, and many a client takes the time of day, which stands in
the answers as well.
"""
SIGNATURE: Final = "x-signature"
COOKIES: Final = frozenset({"cookie", "set-cookie"})
"""Of a service behind a content network they are new with every answer."""
MOST: Final = {"signatures": 64, "tokens": 256, "cookies": 64, "parameters": 64}
"""Of what is new with every request or every run, the latest are known, in the spelling that they came in."""
SHORT_TEXT: Final = 1 << 20
"""Bytes of an output in which a secret is looked for over the ends of lines."""
SHORTEST: Final = 4
"""Characters of a header that is taken for a secret: what is shorter stands in many a harmless word."""
SHORTEST_OF_SEVERAL: Final = 12
"""Those of one cookie, or of a parameter that is called a secret: `lang=english` and `token: none` are none."""
_SCHEMES: Final = re.compile(r"^(?:bearer|basic|openssl[^=]*=|[A-Za-z0-9-]+\(stdin\)=)\s*", re.IGNORECASE)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_IN_URL: Final = re.compile(
    r"(?i)([?&;](?:[a-z0-9_.-]*(?:token|key|secret|signature|password|credential|auth)[a-z0-9_.-]*|sig|pwd)=)[^&#\s\"']+"
)
_IN_NAME: Final = re.compile(
    r"(?i)((api|access|private)[-_]?key|secret|passw(or)?d|passphrase|signature|token$|authorization|credential)"
)


class Redactor:
    """Knows the secrets; `learn` more of them at any time."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        self._kept: dict[str, None] = {}
        self._passing: dict[str, dict[str, None]] = {pool: {} for pool in MOST}
        self._known: tuple[str, ...] | None = None
        self._lengths: tuple[int, ...] = ()
        self._bare: tuple[tuple[str, int], ...] = ()
        for text in named:
            self.learn(text, least=1)

    def learn(self, text: str, *, least: int = SHORTEST, pool: str = "") -> None:
        """Another secret; nothing where it is shorter than that. One of a pool is forgotten for later ones."""
        for one in (text, text.strip(), _SCHEMES.sub("", text.strip())):
            if len(one) < least or one in self._kept:
                continue
            if pool and one in self._passing[pool]:
                continue
            if pool:
                self._passing[pool][one] = None
                if len(self._passing[pool]) > MOST[pool]:
                    del self._passing[pool][next(iter(self._passing[pool]))]
            else:
                self._kept.update(dict.fromkeys(spellings(one)))
            self._known = None

    def learn_headers(self, headers: Mapping[str, str]) -> None:
        """The secrets among the headers of a request or an answer."""
        for name, value in headers.items():
            if name.lower() in HEADERS:
                self.learn(value)
            elif name.lower() in COOKIES:
                for one in value.split(";"):
                    self.learn(one.partition("=")[2], least=SHORTEST_OF_SEVERAL, pool="cookies")
            elif name.lower() == SIGNATURE:
                self.learn(value, pool="signatures")

    def learn_named(self, value: object, name: str = "") -> None:
        """The secrets among a run's parameters: what their names call one may be said again, in a log for instance."""
        if isinstance(value, str) and _IN_NAME.search(name):
            self.learn(value, least=SHORTEST_OF_SEVERAL, pool="parameters")
        elif isinstance(value, dict):
            for key, one in value.items():
                self.learn_named(one, key)
        elif isinstance(value, list):
            for one in value:
                self.learn_named(one, name)

    @property
    def _secrets(self) -> tuple[str, ...]:
        """In all spellings, the longest first."""
        if self._known is None:
            self._known = tuple(
                sorted({one for of in (self._kept, *self._passing.values()) for one in of}, key=len, reverse=True)
            )
            bare = (one.replace("\n", "").replace("\r", "") for one in self._known)
            self._lengths = tuple(-len(one) for one in self._known)
            self._bare = tuple((one, max(SHORTEST, len(one) // 3)) for one in bare)
        return self._known

    def _within(self, length: int) -> tuple[str, ...]:
        """Those that a text of that length has room for: most texts of a frame are short, and most secrets long."""
        secrets = self._secrets
        return secrets[bisect_left(self._lengths, -length) :]

    @property
    def _beginnings(self) -> tuple[tuple[str, int], ...]:
        """The same without the ends of lines, and how much of each is too much of it."""
        return self._bare if self._secrets else ()

    @property
    def _longest(self) -> int:
        return max((len(bare) for bare, _ in self._beginnings), default=0)

    def text(self, text: str) -> str:
        """The text without what is secret."""
        # One by one: a pattern of so many texts would be tried at each character.
        for secret in self._within(len(text)):
            if secret in text:
                text = text.replace(secret, REDACTED)
        if any(scheme in text.casefold() for scheme in ("bearer", "basic")):  # patterns take longer than all secrets
            text = _BEARER.sub(rf"\1 {REDACTED}", text)
        return _IN_URL.sub(rf"\g<1>{REDACTED}", text) if "=" in text else text

    def texts(self, texts: Sequence[str], *, partial: bool = False) -> list[str]:
        """Texts that follow one another, without a secret that goes on in the next line or the next text. Of one that
        is not over (`partial`) the beginning at the very end is taken out as well.
        """
        cleaned = [self.text(text) for text in texts]
        if len(texts) == 1 and not partial and "\n" not in texts[0] and "\r" not in texts[0]:
            return cleaned
        lines = _Lines(cleaned)
        for bare, _ in self._beginnings:
            if bare in lines.flat:
                lines.blank(bare)
        if partial:
            end = lines.flat[-self._longest :]
            for bare, least in self._beginnings:
                if bare[:least] in end:  # seldom, so that not every length of every secret is tried
                    most = range(len(bare) - 1, least - 1, -1)
                    lines.blank_end(next((bare[:length] for length in most if end.endswith(bare[:length])), ""))
        return lines.texts()

    def value(self, value: object, name: str = "") -> object:
        """A JSON value without what is secret, in its keys and in what those call a secret, too."""
        if isinstance(value, str):
            return REDACTED if value and _IN_NAME.search(name) else self.texts([value])[0]
        if isinstance(value, list) and len(value) > 1 and all(isinstance(one, str) for one in value):
            return [REDACTED for _ in value] if _IN_NAME.search(name) else self.texts(value)
        if isinstance(value, list):
            return [self.value(one, name) for one in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(one, str(key)) for key, one in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool) and self.text(str(value)) != str(value):
            return REDACTED
        return value

    def data(self, data: bytes) -> bytes:
        """Bytes without what is secret. In a short text it may also go on in the next line."""
        if len(data) <= SHORT_TEXT:
            with suppress(UnicodeDecodeError):
                data = self.texts([data.decode()])[0].encode()
        for secret in self._secrets:
            for raw in in_bytes(secret):
                if raw in data:
                    data = data.replace(raw, REDACTED.encode())
        return data


class _Lines:
    """Texts as one, without the ends of their lines, in which stretches are blanked out."""

    def __init__(self, texts: Sequence[str]) -> None:
        # Every other part is the end of a line, which stays as it is.
        self._parts = [re.split(r"(\r\n|\r|\n)", text) for text in texts]
        self._starts: list[int] = []
        length, flat = 0, list[str]()
        for line in self._each():
            self._starts.append(length)
            flat.append(line)
            length += len(line)
        self.flat = "".join(flat)
        self._blanked: list[tuple[int, int]] = []

    def _each(self) -> Iterator[str]:
        return (line for parts in self._parts for line in parts[::2])

    def blank(self, secret: str) -> None:
        """Take out every occurrence of it."""
        at = self.flat.find(secret) if secret else -1
        while at >= 0:
            self._blanked.append((at, at + len(secret)))
            at = self.flat.find(secret, at + len(secret))

    def blank_end(self, beginning: str) -> None:
        """Take out what it ends with."""
        if beginning:
            self._blanked.append((len(self.flat) - len(beginning), len(self.flat)))

    def texts(self) -> list[str]:
        """The texts without what was taken out; a stretch begins with a word that says so."""
        if not self._blanked:
            return ["".join(parts) for parts in self._parts]
        lines = list(self._each())
        for start, end in sorted(_united(self._blanked), reverse=True):
            first, last = bisect_right(self._starts, start) - 1, bisect_right(self._starts, end - 1) - 1
            for place in range(last, first - 1, -1):
                low, line = max(start - self._starts[place], 0), lines[place]
                shown = REDACTED if place == first else ""
                lines[place] = line[:low] + shown + line[end - self._starts[place] :]
        left = iter(lines)
        return [
            "".join(next(left) if place % 2 == 0 else one for place, one in enumerate(parts)) for parts in self._parts
        ]


def _united(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches that overlap are one."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(end, made[-1][1]))
        else:
            made.append((start, end))
    return made
