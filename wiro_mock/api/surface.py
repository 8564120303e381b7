"""Every endpoint of Wiro's that a source names, as one table: what is played here, and whence each is known.

Whether one is played isn't written down but looked up in `OPERATIONS`. The sources are those of rest.md §0 and
socket.md, by short names; what an issue plans is "not yet", what none asks for is "out of scope".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from wiro_mock.api.operations import OPERATIONS
from wiro_mock.api.profile import Profile
from wiro_mock.sources import (
    APRIL,
    GO_CLIENT,
    MCP,
    NEWEST,
    OPENAPI_CLIENT,
    PAGE,
    PAGES_OF_MODELS,
    Source,
    Standing,
)

Planned: TypeAlias = Literal["not yet", "out of scope"]

STORAGE = Source("documentation, name", "2026-08 to 2026-09", "our choice")
OURS = Source("documentation, name", "2026-04-17", "our choice")
"""The endpoints are documented and their shapes are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint. `call` is its method and path (or what is said on a socket); `operation` names what plays it.

    `otherwise` is what is said of it while nothing does.
    """

    call: str
    group: str
    source: Source
    operation: str = ""
    otherwise: Planned = "not yet"
    on_socket: bool = False


class Row(NamedTuple):
    """An endpoint as it is shown. `here` is `played`, `by switch`, `not yet` or `out of scope`; `key` says whether a
    request needs one, and is empty where nothing is played.
    """

    group: str
    call: str
    here: str
    key: str
    standing: Standing
    source: str
    date: str


SAID = frozenset({"task_info", "task_session_end", "task_session_interrupt", "binary frames, both ways"})
"""What a client can say on the socket and be heard (`api.socket`)."""
TASKS, CATALOGUE, FILES = "Runs and tasks", "The catalogue", "Files"
ACCOUNT, AGENTS, GATEWAY, SIGN_IN, SOCKET = (
    "Projects, wallet, workspace",
    "Agents",
    "llm.wiro.ai, the gateway for language models",
    "Signing in",
    "The socket, wss://socket.wiro.ai/v1",
)


def _posts(group: str, source: Source, prefix: str, names: str, otherwise: Planned) -> Iterator[Endpoint]:
    """Endpoints that nothing plays: one for each of the names, under one prefix."""
    for name in names.split():
        yield Endpoint(call=f"POST /v1/{prefix}{name}", group=group, source=source, otherwise=otherwise)


def _calls(group: str, source: Source, method: str, paths: str) -> Iterator[Endpoint]:
    """Endpoints of another server, which is out of scope."""
    for path in paths.split():
        yield Endpoint(call=f"{method} /v1/{path}", group=group, source=source, otherwise="out of scope")


def _played(group: str, source: Source, name: str, call: str = "") -> Endpoint:
    """One that an operation of this name plays, now or soon."""
    return Endpoint(call=call or f"POST /v1/{name}", group=group, source=source, operation=name)


ENDPOINTS: tuple[Endpoint, ...] = (
    _played(TASKS, PAGE, "Run", "POST /v1/Run/{owner}/{model}"),
    _played(TASKS, NEWEST, "Run/sync", "POST /v1/Run/{owner}/{model}/sync"),
    _played(TASKS, PAGE, "Task/Detail"),
    _played(TASKS, MCP, "Task/List"),
    _played(TASKS, OURS, "Task/Stat"),
    _played(TASKS, PAGE, "Task/Cancel"),
    _played(TASKS, PAGE, "Task/Kill"),
    _played(TASKS, APRIL, "Task/InputOutputDelete"),
    _played(CATALOGUE, APRIL, "Tool/List"),
    _played(CATALOGUE, APRIL, "Tool/Detail"),
    _played(CATALOGUE, MCP, "Tool/Explore"),
    _played(CATALOGUE, OPENAPI_CLIENT, "Tool/DetailOpenAPI"),
    _played(CATALOGUE, PAGES_OF_MODELS, "llms.txt", "GET /models/{owner}/{model}/llms.txt"),
    _played(CATALOGUE, PAGES_OF_MODELS, "llms-full.txt", "GET /models/{owner}/{model}/llms-full.txt"),
    _played(CATALOGUE, PAGES_OF_MODELS, "Picture", "GET /uploads/models/{picture}"),
    _played(FILES, APRIL, "File/FolderCreate"),
    _played(FILES, APRIL, "File/Upload"),
    _played(FILES, STORAGE, "File/List"),
    _played(FILES, STORAGE, "File/Delete"),
    _played(FILES, PAGE, "File", "GET /v1/File/{accesskey}/{name}"),
    _played(FILES, PAGE, "CDN", "GET /{cdn_folder}/{name}"),
    _played(ACCOUNT, GO_CLIENT, "Project/List"),
    _played(ACCOUNT, OURS, "Project/UsageSummary"),
    _played(ACCOUNT, OURS, "Wallet/List"),
    _played(ACCOUNT, OURS, "Wallet/TransactionList"),
    _played(ACCOUNT, OURS, "Coupon/UserList"),
    _played(ACCOUNT, APRIL, "Organization/List"),
    *_posts(ACCOUNT, APRIL, "Organization/", "Create Remove Restore", "out of scope"),
    _played(ACCOUNT, APRIL, "Team/SpendingSummary"),
    _played(ACCOUNT, NEWEST, "Team/Spending/Summary"),
    _played(ACCOUNT, APRIL, "Team/Member/List"),
    *_posts(ACCOUNT, APRIL, "Team/Member/", "Invite Accept Remove UpdateRole", "out of scope"),
    *_posts(
        ACCOUNT, APRIL, "Team/", "Create Update Remove TransferCredit TransferAgent TransferProject", "out of scope"
    ),
    *_posts(AGENTS, APRIL, "Agent/", "List Detail", "out of scope"),
    *_posts(
        AGENTS,
        APRIL,
        "UserAgent/",
        "Deploy MyAgents Detail Update Start Stop CreateExtraCreditCheckout CancelSubscription UpgradePlan "
        "RenewSubscription Message/Send Message/Detail Message/History Message/Sessions Message/DeleteSession "
        "Message/Cancel",
        "out of scope",
    ),
    *_posts(
        AGENTS,
        NEWEST,
        "UserAgent/",
        "UpgradeTier CreateSubscriptionCheckout PricingPreview SkillsApply SkillToggle Realtime/WebStart "
        "Message/RenameSession Message/Delete",
        "out of scope",
    ),
    *_posts(
        AGENTS,
        APRIL,
        "UserAgentOAuth/",
        "{Provider}Connect {Provider}Callback {Provider}Disconnect {Provider}Status TokenRefresh FBSetPage "
        "MetaAdsSetAdAccount GAdsSetCustomerId GoogleDriveListFolder GoogleDriveSetFolder",
        "out of scope",
    ),
    *_calls(GATEWAY, NEWEST, "GET", "models models/{owner}/{model} chat/models generation files files/{id}"),
    *_calls(
        GATEWAY,
        NEWEST,
        "POST",
        "chat/completions responses messages messages/count_tokens cursor/chat/completions files",
    ),
    *_calls(GATEWAY, NEWEST, "DELETE", "files/{id}"),
    *_posts(
        SIGN_IN,
        GO_CLIENT,
        "Auth/",
        "Signin/EmailAndPassword Signin/EmailAndOneTimeCode SigninVerify",
        "out of scope",
    ),
    Endpoint(call="task_info", group=SOCKET, source=PAGE, on_socket=True),
    Endpoint(call="task_session_end", group=SOCKET, source=APRIL, on_socket=True),
    Endpoint(call="task_session_interrupt", group=SOCKET, source=APRIL, on_socket=True),
    Endpoint(call="binary frames, both ways", group=SOCKET, source=APRIL, on_socket=True),
    Endpoint(call="agent_info", group=SOCKET, source=APRIL, on_socket=True, otherwise="out of scope"),
)


def rows(profile: Profile | None = None) -> list[Row]:
    """The table, in its order; a profile (by default `current`) decides about what a switch turns on."""
    return [_row(endpoint, profile or Profile()) for endpoint in ENDPOINTS]


def not_played(method: str, path: str) -> str:
    """What Wiro has at this path and this mock has not, for the tester; empty where no source names anything there."""
    for endpoint in ENDPOINTS:
        if endpoint.on_socket or endpoint.operation:
            continue
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(endpoint.call))
        if re.fullmatch(pattern, f"{method} {path}"):
            how = "not yet played here" if endpoint.otherwise == "not yet" else "out of scope here"
            return f"Wiro has this ({endpoint.source.name}), and it is {how}; wiro-mock surface lists what is played"
    return ""


def _row(endpoint: Endpoint, profile: Profile) -> Row:
    here, key = _here(endpoint, profile)
    source = endpoint.source
    return Row(endpoint.group, endpoint.call, here, key, source.standing, source.name, source.date)


def _here(endpoint: Endpoint, profile: Profile) -> tuple[str, str]:
    if endpoint.on_socket:
        return ("played", "no") if endpoint.call in SAID else (endpoint.otherwise, "")
    found = next((one for one in OPERATIONS if f"{one.method} {one.path}" == endpoint.call), None)
    if found is None or found.name != endpoint.operation:
        return endpoint.otherwise, ""
    return "played" if found.is_on(profile) else "by switch", "no" if found.public else "yes"


def grouped(table: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows by their groups, in order."""
    groups: dict[str, list[Row]] = {}
    for row in table:
        groups.setdefault(row.group, []).append(row)
    return groups


HEADER = ("here", "key", "standing", "source", "date")
"""What the columns after the call are called."""


def markdown(table: Iterable[Row]) -> str:
    """The table in Markdown, with a line of its own for each group."""
    lines = [f"| | {' | '.join(HEADER)} |", "|---" * (len(HEADER) + 1) + "|"]
    for group, found in grouped(table).items():
        lines.append(f"| **{group}** |" + " |" * len(HEADER))
        lines += [f"| `{row.call}` | {' | '.join(row[2:])} |" for row in found]
    return "\n".join(lines)
