"""The words of the fault language as tables: where a fault strikes, and what it does.

Each verb is a row of `VERBS`, each place that is no single operation one of `PLACES`. What a verb does lies elsewhere:
in `wiro_mock.faults` for answers, in the doors for their bytes, in the socket for frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["api", "file", "socket", "webhook"]
"""What is struck: an answer of the API, the bytes of a file, a socket, a webhook."""
Part: TypeAlias = Literal["answer", "body", "head", "pace", "end", "frames", ""]
"""What a verb changes; one verb of a part at a time, but for the heads and the paces."""

OPERATIONS: Final = (
    "Run",
    "Run/sync",
    "Task/Detail",
    "Task/Cancel",
    "Task/Kill",
    "Task/InputOutputDelete",
    "Task/List",
    "Task/Stat",
    "File/FolderCreate",
    "File/Upload",
    "File/List",
    "File/Delete",
    "File",
    "Tool/DetailOpenAPI",
    "Tool/List",
    "Tool/Detail",
    "Tool/Explore",
    "Project/List",
    "Organization/List",
    "Team/Member/List",
    "Team/SpendingSummary",
    "Team/Spending/Summary",
    "Project/UsageSummary",
    "Wallet/List",
    "Wallet/TransactionList",
    "Coupon/UserList",
    "llms.txt",
    "llms-full.txt",
    "Picture",
    "CDN",
)
"""The operations by name; the same as those of `wiro_mock.api`, which lies above the language."""
FILES: Final = frozenset({"File", "Picture", "CDN"})
ABOUT_A_TASK: Final = frozenset(
    {
        "Run",
        "Run/sync",
        "Task/Detail",
        "Task/Cancel",
        "Task/Kill",
        "Task/InputOutputDelete",
        "File",
        "CDN",
        "socket",
        "webhook",
    }
)
"""What a scenario's own faults can strike: its run, and whatever is about its task."""
RUNS: Final = frozenset({"Run", "Run/sync"})
"""What asks for a run: about a task that is not there yet."""
UPLOADS: Final = frozenset({"File/Upload", *RUNS})
"""What comes with files, so that it can be struck while it is being sent."""
WHILE_SENT: Final = ("ok", "status", "retry_after", "latency", "drip", "hang", "reset", "disconnect")
"""What can be done to a request that is being sent: there is no answer yet to be spoilt."""
PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "upload": ("File/Upload",),
    "cdn": ("CDN", "File"),
    "socket": ("socket",),
    "webhook": ("webhook",),
}
"""Names for places beside those of the operations."""


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be done: in a sentence, to which part of what is struck, and where. `word`: it can stand alone.

    `own` is one that needs Wiro's own answer to work on, so the operation takes place.
    """

    about: str
    part: Part
    where: tuple[Kind, ...] = ("api", "file")
    word: bool = False
    own: bool = False


_SOCKET: Final[tuple[Kind, ...]] = ("socket",)
_HOOK: Final[tuple[Kind, ...]] = ("webhook",)
_SENT: Final[tuple[Kind, ...]] = ("socket", "webhook")
EVERYWHERE: Final[tuple[Kind, ...]] = ("api", "file", "socket")
_BREAKS: Final[tuple[Kind, ...]] = (*EVERYWHERE, "webhook")
VERBS: Final[Mapping[str, Verb]] = {
    "ok": Verb(
        "Wiro's own answer, unharmed: a turn in which nothing goes wrong",
        "",
        (*EVERYWHERE, "webhook"),
        word=True,
        own=True,
    ),
    "status": Verb("a gateway answers with this HTTP status, in plain text; an upgrade too", "answer", EVERYWHERE),
    "code": Verb("Wiro refuses with this code (96, 97, 98 …), in its envelope", "answer", ("api",)),
    "message": Verb("the sentence that goes with `code`", "head", ("api",)),
    "retry_after": Verb("the header Retry-After, in seconds", "head"),
    "redirect_loop": Verb("a redirect (307) to an address that redirects to itself", "answer", word=True),
    "expired": Verb("403: the URL of the file has expired", "answer", ("file",), word=True),
    "garbage": Verb(
        "200 and so many random bytes in place of the body (64)", "body", ("api", "file", "webhook"), word=True
    ),
    "top_level": Verb("200 and `[]` or `null` where an object belongs", "body", ("api", "socket", "webhook")),
    "bad_json": Verb(
        "Wiro's answer without its last characters: no JSON any more",
        "body",
        ("api", "socket", "webhook"),
        word=True,
        own=True,
    ),
    "corrupt": Verb(
        "so many bytes (1) of the body are flipped; its length stays",
        "body",
        ("api", "file", "webhook"),
        word=True,
        own=True,
    ),
    "content_type": Verb("the header Content-Type says this", "head", ("api", "file", "webhook"), own=True),
    "latency": Verb(
        "the answer comes so much later: `2s`, `1s..3s`, `{lognormal: 2s}`", "pace", (*EVERYWHERE, "webhook"), own=True
    ),
    "drip": Verb("the body comes in so many bytes a second", "pace", ("api", "file", "webhook"), own=True),
    "hang": Verb("nothing comes any more, and the connection stays open", "end", _BREAKS, word=True),
    "reset": Verb("the connection is reset (RST)", "end", _BREAKS, word=True),
    "disconnect": Verb("the connection is closed (FIN) without a word", "end", _BREAKS, word=True),
    "truncate": Verb(
        "the connection is closed (FIN) after so many bytes of the body (half of it)",
        "end",
        ("api", "file", "webhook"),
        word=True,
        own=True,
    ),
    "close": Verb("the socket is closed with this code (1011), before the frame", "end", _SOCKET, own=True),
    "drop": Verb("the frame, or the webhook, does not come", "frames", _SENT, word=True, own=True),
    "duplicate": Verb("the frame, or the webhook, comes twice", "frames", _SENT, word=True, own=True),
    "reorder": Verb(
        "the frame comes after the next one; the webhook after the next one of any task",
        "frames",
        _SENT,
        word=True,
        own=True,
    ),
    "burst": Verb(
        "the frames up to the terminal one come with it, all at once", "frames", _SOCKET, word=True, own=True
    ),
    "unknown_type": Verb(
        "a frame of this type, which nobody knows, comes before it", "frames", _SOCKET, word=True, own=True
    ),
    "early_end": Verb(
        "a terminal frame that tells of success comes before it, while the task goes on",
        "frames",
        _SOCKET,
        word=True,
        own=True,
    ),
    "oversized": Verb(
        "8 MiB + 1: the frame as text with padding, or a binary one before it", "frames", _SOCKET, word=True, own=True
    ),
    "sparse": Verb("the frame lacks id, message and result", "body", _SOCKET, word=True, own=True),
    "json_in_string": Verb("`message` is JSON in a string", "body", _SOCKET, word=True, own=True),
    "late": Verb(
        "the webhook comes only after a poll has been answered with the end of its task",
        "frames",
        _HOOK,
        word=True,
        own=True,
    ),
    "pexit": Verb(
        "the webhook says this exit code (a failure for a success, and the other way round)",
        "body",
        _HOOK,
        word=True,
        own=True,
    ),
    "huge": Verb(
        "the webhook has so many bytes (10 000 000): JSON with a key `padding`", "body", _HOOK, word=True, own=True
    ),
    "no_ping": Verb("the server never pings on this connection", "pace", _SOCKET, word=True, own=True),
}
UPGRADE: Final = frozenset({"status", "no_ping"})
"""What is done to a connection when it is opened; the other verbs of the socket are done to a frame."""
TERMINAL: Final = ("task_postprocess_end", "task_cancel")
"""The frames that end a task."""
_NO_TEXT: Final = ("binary",)
_OF_NO_TASK: Final = ("connected", "error", "binary")
_NO_MESSAGE: Final = ("task_stream_ready", "task_stream_end", "task_cost")
_NOTHING_LEFT: Final = "a terminal frame is the last of its task, and nothing comes after it"
FRAMES_WITHOUT: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "bad_json": (_NO_TEXT, "a binary frame is no JSON"),
    "sparse": (("connected", *_NO_TEXT), "the frame has neither id nor message nor result"),
    "json_in_string": (("connected", *_NO_MESSAGE, *_NO_TEXT), "the frame has no message"),
    "early_end": ((*_OF_NO_TASK, *TERMINAL), "the frame is of no task, or its task is over"),
    "reorder": (TERMINAL, _NOTHING_LEFT),
    "burst": (TERMINAL, _NOTHING_LEFT),
}
"""The frames to which a verb can do nothing, and why."""


def operations_of(name: str) -> tuple[str, ...]:
    """What a name or a glob of `on` means. Raises `ValueError` with the way out where it means nothing."""
    if name in PLACES:
        return PLACES[name]
    if name in OPERATIONS:
        return (name,)
    found = tuple(one for one in OPERATIONS if fnmatchcase(one, name)) if any(char in "*?[" for char in name) else ()
    if not found:
        known = {one.lower(): one for one in (*OPERATIONS, *PLACES)}
        near = get_close_matches(name.lower().removeprefix("/").removeprefix("v1/"), known, n=1, cutoff=0.6)
        way = f"did you mean '{known[near[0]]}'?" if near else f"write one of: {', '.join((*OPERATIONS, *PLACES))}"
        raise ValueError(f"'{name}' is not possible; {way}")
    return found


def kind_of(operation: str) -> Kind:
    """Of which kind this operation or place is."""
    if operation == "socket":
        return "socket"
    if operation == "webhook":
        return "webhook"
    return "file" if operation in FILES else "api"
