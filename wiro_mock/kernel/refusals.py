"""Every way the API says no: the code and the sentence, as Wiro words them (rest.md §9).

A `Refusal` is raised where the rule is known and rendered by the wire. Its `reason` is for the tester
(journal, log) and never reaches a client.
"""

from __future__ import annotations

from enum import Enum


class Refusal(Exception):
    """What the API answers when it says no.

    `code` and `message` go on the wire, `status` is the HTTP status (200 for logical refusals, rest.md C2),
    `reason` explains to the tester what happened and what would help. `unexpected` is for the tester, too: nothing
    here answers to such a request at all, or the mock itself cannot go on. `concern` is the part of the account's
    state that a run was refused for: `balance`, `suspended` or `member`; empty for anything else.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 200,
        reason: str = "",
        unexpected: bool = False,
        concern: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.reason = reason
        self.unexpected = unexpected
        self.concern = concern

    def __repr__(self) -> str:
        return f"Refusal(code={self.code}, message={self.message!r}, status={self.status})"


class No(Enum):
    """The refusals known by name: (code, message, HTTP status). Sources: rest.md §1.5 and §9."""

    BEARER_MISSING = (99, "Authorization bearer token is not founded in headers.", 401)
    BEARER_INVALID = (99, "Authorization bearer token is invalid.", 401)
    PROJECT_UNKNOWN = (0, "Project authorization is not founded.", 401)
    SIGNATURE_REQUIRED = (
        0,
        "Project requires signature authentication. x-signature and x-nonce headers are required.",
        401,
    )
    SIGNATURE_INVALID = (0, "Project authorization is not valid.", 401)
    ROUTE = (0, "Error parsing url.", 404)
    PARAMETERS_INVALID = (0, "Request parameters are invalid.", 200)
    REQUIRED = (0, "Request parameter [{name}] required", 200)
    FILES_REQUIRED = (0, "Request files [{name}] required", 200)
    NUMBER = (0, "Request parameter [{name}] must be integer or float", 200)
    # The one that was seen live (rest.md §5.5).
    RANGE = (0, "Request parameter [{name}] must be between {least} and {most}", 200)
    MODEL = (1, "slug-owner-project-not-exist", 200)
    SUSPENDED = (
        0,
        "Your account has been suspended. Please contact support if you believe this is a mistake.",
        200,
    )
    CLOSED = (1, "tool-not-accessible", 200)
    SIGN_IN = (98, "sign in to run this model", 200)
    BALANCE = (97, "Insufficient balance", 200)
    CONCURRENCY = (
        96,
        "You have reached your concurrent task limit. With your current balance of ${balance:.2f}, "
        "you can run up to {limit} tasks at the same time. Add funds to increase your limit.",
        200,
    )
    # Wiro refuses both (socket.md §1.6); how it words that is unknown, and so is what comes with the 504: our words.
    SYNC = (0, "Synchronous runs are not available for {kind} models", 200)
    SYNC_CAP = (0, "The task has not ended in 40 minutes; it goes on", 504)
    # rest.md C3: the published sentence; `task-not-founded`, seen once, is a switch of the profile.
    TASK = (1, "There is no task yet.", 200)
    IDENTIFIER = (0, "taskid or socketaccesstoken is required", 200)
    CANCEL = (1, "Task is not in a cancellable state.", 200)
    # No source knows a reason text; ours are in simulation.py.
    KILL = (1, "Task could not be killed: {why}", 200)
    # The codes of these two are undocumented; 1 and 0 are rest.md §2.1's recommendation.
    DELETE_TASK = (1, "task-not-exist", 200)
    DELETE_UNFINISHED = (0, "Task must be completed or cancelled before deleting files", 200)
    # Observed without a code (rest.md §7.2); 0 is our choice.
    FILE_INVALID = (0, "invalid-parameters", 200)
    # Seen by one client, without its code (rest.md §7.2); 1, as of the other messages in this form, is our choice.
    FILE_EXISTS = (1, "filesystem-already-exist", 200)
    # File/Delete, of which no source shows anything: our words, after `task-not-exist`.
    FILE_UNKNOWN = (1, "file-not-exist", 200)

    def refusal(self, *, reason: str = "", unexpected: bool = False, concern: str = "", **values: object) -> Refusal:
        """This refusal, ready to raise; `values` fill the places in its sentence."""
        code, message, status = self.value
        text = message.format(**values) if values else message
        return Refusal(code, text, status=status, reason=reason, unexpected=unexpected, concern=concern)
