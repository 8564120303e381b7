"""What the sources say of each switch, and when: the table from which the dated profiles are made.

A profile takes, for each switch, the last fact that holds in its month; where there is none it takes the default.
Numbers such as C1 are those of rest.md §11, the list of conflicts between the sources.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Value: TypeAlias = str | bool | int | float

UNDATED = "no source dates this"

PAGE = "the saved model page"
OPENAPI = "the server's OpenAPI documents"
APRIL = "the documentation of April"
NEWEST = "the newest documentation"


class Fact(NamedTuple):
    """What a source says of a switch; it holds from the source's month on, or from the month in `since`."""

    source: str
    date: str
    value: Value
    since: str = ""

    def holds(self, month: str) -> bool:
        """Whether it was known in this month, such as 2026-04."""
        return (self.since or self.date[:7]) <= month


class Switch(NamedTuple):
    """The conflict that a switch settles, if it has a number, and the facts in the order of their dates.

    The `remark` says what else there is: what speaks for another value, or what has no date.
    """

    conflict: str = ""
    facts: tuple[Fact, ...] = ()
    remark: str = ""


SWITCHES: dict[str, Switch] = {
    "task_keys": Switch(
        "C25",
        (Fact(PAGE, "2025-12", value="seed"), Fact(f"{OPENAPI}; {APRIL}", "2026-03 to 2026-04", value="all")),
    ),
    "categories": Switch("C1", (Fact(PAGE, "2025-12", value="string"), Fact(OPENAPI, "2026-03", value="array"))),
    "stop_total": Switch("C8", (Fact(PAGE, "2025-12", value=False), Fact(OPENAPI, "2026-03", value=True))),
    "not_found_message": Switch(
        "C3",
        (Fact("every documentation of the year", "2026-03 to 2026-09", value="There is no task yet."),),
        "task-not-founded was seen live in 2026-07, by Wiro's Dart SDK",
    ),
    "pexit_before_end": Switch(
        "C23",
        (Fact(f"{NEWEST}, SSE", "2026-08 to 2026-09", value="null"),),
        "a test fixture of Wiro's MCP server has empty",
    ),
    "canceltime": Switch(
        "C13", remark="the saved page's cancel sample has zero, in a body pasted from a finished task"
    ),
    "detail_statuses": Switch(
        "C34", (Fact(OPENAPI, "2026-03", value="openapi"), Fact(f"{APRIL}, tasks", "2026-04-17", value="all"))
    ),
    "error_time": Switch(
        "C35",
        (
            Fact(f"{APRIL}, error-reference", "2026-04-17", value=False, since="2025-12"),
            Fact("a live 401", "2026-03", value=True),
        ),
    ),
    "error_status": Switch(
        "C2",
        (Fact(f"{APRIL}, error-reference", "2026-04-17", value="200"),),
        "the introduction and the newest documentation list 400, 403, 429",
    ),
    "identifiers": Switch(
        "C4-C6", remark="the page, the OpenAPI documents and the documentation of April each name others"
    ),
    "cancelled_cost": Switch(
        "C12",
        (Fact(f"{APRIL}, pricing", "2026-04-17", value="zero"),),
        "the saved page's samples show a cost, in a body pasted from a finished task; `charged` shows what the model's "
        "prices come to for a killed run, and takes nothing from the balance: only a success is ever charged",
    ),
    "parameters": Switch(remark="ours: unchecked takes any input for any model"),
    "options": Switch("C28", remark="the n8n node sends values that the OpenAPI documents do not list"),
    "upload_types": Switch(
        "",
        (Fact(f"{APRIL}, files", "2026-04-17", value="listed", since="2025-12"),),
        "the types are documented, the answer to others is not; any takes every type",
    ),
    "duplicate_filename": Switch(
        "C20",
        remark="one client saw filesystem-already-exist, with and without the URL; the SDKs' tests send new names",
    ),
    "tool_total": Switch(
        "C16",
        (Fact(f"{APRIL}, models", "2026-04-17", value="number"),),
        "fixtures of the SDKs of 2026-07 have a string",
    ),
    "tool_items": Switch(
        "C17", remark="the documentation and a client that decodes live answers spell them in two ways"
    ),
    "tool_parameters": Switch(
        "C18",
        (Fact(f"{APRIL}, models", "2026-04-17", value="groups"),),
        "the sample on the same page has null",
    ),
    "task_stat": Switch(remark="the documentation names it, and shows no answer of it"),
    "account_shapes": Switch(remark="the documentation names four calls, and shows no answer of them"),
    "signature_form": Switch("C10", remark="the page sends the prefix, Wiro's Dart script of 2026-07 strips it"),
    "nonce_reuse": Switch("C9", remark="the documentation claims refusal, official clients reuse theirs"),
    "kill_before_assign": Switch(),
    "kill_finished": Switch(facts=(Fact("the Kotlin SDK's live tests", "2026-07", value="done"),)),
    "kill_cancelled": Switch(),
    "callback_on_cancel": Switch(remark="one receiver expects it"),
    "callback_shape": Switch(remark="the one receiver known takes both"),
    "callback_attempts": Switch(remark="3 are documented for agents' webhooks"),
    "callback_backoff": Switch(remark="2 s are documented for agents' webhooks"),
    "envelope": Switch(
        "C31",
        (
            Fact(f"{APRIL}, websocket", "2026-04-17", value="2026-04", since="2025-12"),
            Fact(f"{NEWEST}, websocket", "2026-08 to 2026-09", value="2026-09"),
        ),
    ),
    "frame_token": Switch(
        "",
        (
            Fact(f"{APRIL}, websocket", "2026-04-17", value=True, since="2025-12"),
            Fact(f"{NEWEST}, websocket", "2026-08 to 2026-09", value=False),
        ),
    ),
    "full_logs": Switch(
        "C31",
        (
            Fact(f"{APRIL}, websocket", "2026-04-17", value=True, since="2025-12"),
            Fact(f"{NEWEST}, websocket; seen live", "2026-08 to 2026-09", value=False),
        ),
    ),
    "segments": Switch(
        "C24",
        (
            Fact(f"{APRIL}, websocket", "2026-04-17", value=False, since="2025-12"),
            Fact(f"{NEWEST}, websocket", "2026-08 to 2026-09", value=True),
        ),
    ),
    "plain_texts": Switch(
        "C24",
        (
            Fact(f"{APRIL}, websocket", "2026-04-17", value=True, since="2025-12"),
            Fact(f"{NEWEST}, websocket", "2026-08 to 2026-09", value=False),
        ),
    ),
    "welcome": Switch(facts=(Fact(f"{APRIL}, agent-websocket", "2026-04-17", value=True),)),
    "replay": Switch(remark="one client noted in 2026-09 that a late one still gets the last frame"),
    "cancel_result": Switch(facts=(Fact("fixtures of the Dart and Swift SDKs", "2026-07 to 2026-08", value=False),)),
}

ABOUT = {
    "current": "The newest form that clients of every date can read; where sources conflict, the recommended side.",
    "2026-09": "The newest documentation: frames without tasktoken, streamed texts as segments only.",
    "2026-04": "The documentation of April 2026 and the OpenAPI documents of March: the older socket, newer task keys.",
    "2025-12": "The saved model page: exactly its task keys; socket and errors of the oldest documentation.",
}
"""The profiles, the newest first."""


def fact(name: str, profile: str, default: Value) -> Fact | None:
    """The fact behind a switch in a profile, if a source has one. In `current`: the last for the default."""
    facts = SWITCHES[name].facts
    if profile == "current":
        known = [one for one in facts if one.value == default]
    else:
        known = [one for one in facts if one.holds(profile)]
    return known[-1] if known else None


def source(name: str, profile: str, default: Value) -> tuple[str, str]:
    """Where the value of a switch in a profile comes from, and the date of that; `-` for no date."""
    switch, known = SWITCHES[name], fact(name, profile, default)
    number = f"{switch.conflict}: " if switch.conflict else ""
    return number + (known.source if known else UNDATED), known.date if known else "-"
