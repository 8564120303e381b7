"""The operations of the API as one table, and `handle`, which plays any of them without a transport."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import import_module
from urllib.parse import unquote

from wiro_mock.api import run, tasks, wire
from wiro_mock.api.answers import Answer, answer
from wiro_mock.api.auth import Shown, authenticate
from wiro_mock.api.messages import Lost, Outcome, Request, Response, World
from wiro_mock.api.profile import Profile, value_of
from wiro_mock.kernel.refusals import No, Refusal


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One endpoint. `handler` takes the world, the request and the decoded segments of the path.

    `public` operations need no key (rest.md §1.1); `unreadable` is what they say to a body that cannot be read.
    Nothing answers while the `switch` of the profile that it names is off.
    """

    name: str
    method: str
    path: str
    handler: Callable[..., Answer]
    public: bool = False
    switch: str = ""
    unreadable: No = No.PARAMETERS_INVALID

    def is_on(self, profile: Profile) -> bool:
        """Whether there is anything to answer in this revision of the wire."""
        return not self.switch or bool(value_of(profile, self.switch))

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matches the paths of this operation; a `{name}` is one segment, of the form in `FORMS` if it has one."""
        literals = re.split(r"\{(\w+)\}", self.path)
        pieces = (
            re.escape(text) if at % 2 == 0 else f"({FORMS.get(text, '[^/]+')})" for at, text in enumerate(literals)
        )
        return re.compile("".join(pieces))


def _later(name: str) -> Callable[..., Answer]:
    """The handler `module.function` of this package, imported at its first request: a start need not wait for it."""
    module, _, function = name.partition(".")

    def handle_now(world: World, request: Request, *segments: str) -> Answer:
        handler: Callable[..., Answer] = getattr(import_module(f"wiro_mock.api.{module}"), function)
        return handler(world, request, *segments)

    return handle_now


FORMS = {"cdn_folder": "[0-9a-f]{8}(?:-[0-9a-f]{8}){7}", "picture": r"[^/]+\.(?i:png|jpe?g|webp)"}
"""The segments of paths that have a form of their own (rest.md §7.3)."""

OPERATIONS = (
    Operation(name="Task/Detail", method="POST", path="/v1/Task/Detail", handler=tasks.detail),
    Operation(name="Run", method="POST", path="/v1/Run/{owner}/{model}", handler=run.run),
    Operation(
        name="Run/sync",
        method="POST",
        path="/v1/Run/{owner}/{model}/sync",
        handler=_later("run_sync.run_sync"),
    ),
    Operation(name="Task/Cancel", method="POST", path="/v1/Task/Cancel", handler=tasks.cancel),
    Operation(name="Task/Kill", method="POST", path="/v1/Task/Kill", handler=tasks.kill),
    Operation(
        name="Task/InputOutputDelete", method="POST", path="/v1/Task/InputOutputDelete", handler=tasks.delete_files
    ),
    Operation(name="Task/List", method="POST", path="/v1/Task/List", handler=_later("task_list.list_tasks")),
    Operation(
        name="Task/Stat", method="POST", path="/v1/Task/Stat", handler=_later("task_stat.stat"), switch="task_stat"
    ),
    Operation(
        name="File/FolderCreate",
        method="POST",
        path="/v1/File/FolderCreate",
        handler=_later("files.create_folder"),
        unreadable=No.FILE_INVALID,
    ),
    Operation(
        name="File/Upload",
        method="POST",
        path="/v1/File/Upload",
        handler=_later("files.upload"),
        unreadable=No.FILE_INVALID,
    ),
    Operation(
        name="File/List",
        method="POST",
        path="/v1/File/List",
        handler=_later("storage.list_files"),
        unreadable=No.FILE_INVALID,
    ),
    Operation(
        name="File/Delete",
        method="POST",
        path="/v1/File/Delete",
        handler=_later("storage.delete_file"),
        unreadable=No.FILE_INVALID,
    ),
    Operation(
        name="File",
        method="GET",
        path="/v1/File/{accesskey}/{name}",
        handler=_later("downloads.fetch_by_accesskey"),
        public=True,
    ),
    Operation(
        name="Tool/DetailOpenAPI",
        method="POST",
        path="/v1/Tool/DetailOpenAPI",
        handler=_later("openapi.detail_openapi"),
        public=True,
    ),
    Operation(name="Tool/List", method="POST", path="/v1/Tool/List", handler=_later("tools.list_tools"), public=True),
    Operation(name="Tool/Detail", method="POST", path="/v1/Tool/Detail", handler=_later("tools.detail"), public=True),
    Operation(
        name="Tool/Explore", method="POST", path="/v1/Tool/Explore", handler=_later("tools.explore"), public=True
    ),
    *(
        Operation(name=name, method="POST", path=f"/v1/{name}", handler=_later(f"workspace.{function}"), switch=switch)
        for name, function, switch in (
            ("Project/List", "list_projects", ""),
            ("Organization/List", "list_organizations", ""),
            ("Team/Member/List", "list_members", ""),
            ("Team/SpendingSummary", "spending_of_april", ""),
            ("Team/Spending/Summary", "spending", ""),
            ("Project/UsageSummary", "summarize_usage", "account_shapes"),
            ("Wallet/List", "list_wallets", "account_shapes"),
            ("Wallet/TransactionList", "list_transactions", "account_shapes"),
            ("Coupon/UserList", "list_coupons", "account_shapes"),
        )
    ),
    # Wiro's site and the pictures of its catalogue, two more hosts there.
    Operation(
        name="llms.txt",
        method="GET",
        path="/models/{owner}/{model}/llms.txt",
        handler=_later("llms.fetch_llms"),
        public=True,
    ),
    Operation(
        name="llms-full.txt",
        method="GET",
        path="/models/{owner}/{model}/llms-full.txt",
        handler=_later("llms.fetch_llms_full"),
        public=True,
    ),
    Operation(
        name="Picture",
        method="GET",
        path="/uploads/models/{picture}",
        handler=_later("pictures.fetch_picture"),
        public=True,
    ),
    # The CDN, which is another host at Wiro; here both share one origin.
    Operation(
        name="CDN",
        method="GET",
        path="/{cdn_folder}/{name}",
        handler=_later("downloads.fetch_from_cdn"),
        public=True,
    ),
)
_FIXED = {(operation.method, operation.path): operation for operation in OPERATIONS if "{" not in operation.path}


def find(method: str, path: str) -> tuple[Operation, list[str]] | None:
    """The operation that a request means, and the decoded segments of its path. HEAD goes where GET goes."""
    method = "GET" if method == "HEAD" else method
    if operation := _FIXED.get((method, path)):
        return operation, []
    for operation in OPERATIONS:
        if operation.method == method and (match := operation.pattern.fullmatch(path)):
            return operation, [unquote(segment, errors="replace") for segment in match.groups()]
    return None


def handle(world: World, request: Request) -> Answer:
    """Play one request in a settled world. Never raises for anything that a client can send."""
    found = find(request.method, request.path)
    name = found[0].name if found else ""
    shown = Shown("")
    note = odd = ""
    try:
        if found is None:
            raise _no_route(request)
        operation, segments = found
        if not operation.is_on(world.profile):
            raise _no_route(request, operation)
        shown = Shown("public") if operation.public else authenticate(world, request)
        note = shown.note
        if shown.refusal:
            raise shown.refusal
        odd = request.body.note
        play = partial(_play, world, operation, request, segments)
        strike = world.strike(name, request, segments)
        response, outcome = play() if strike is None else strike.answer(play)
        note = "; ".join(filter(None, (odd, outcome.reason, note)))
    except Refusal as refusal:
        response, outcome = refused(world, refusal, note=note)
        note = "; ".join(filter(None, (odd, outcome.reason)))
    if request.method == "HEAD" and response.content:
        length = ("content-length", str(len(response.content)))
        response = replace(response, headers=(*response.headers, length), content=b"")
    return Answer(response, replace(outcome, operation=name, reason=note, signed=shown.signed))


def _play(world: World, operation: Operation, request: Request, segments: list[str]) -> tuple[Response, Outcome]:
    """Wiro's own answer to a request that was let in."""
    try:
        if request.body.problem:
            raise operation.unreadable.refusal(reason=request.body.problem)
        return operation.handler(world, request, *segments)
    except Refusal as refusal:
        return refused(world, refusal)
    except Lost as lost:
        return lost.strike.answer(_never)


def _no_route(request: Request, operation: Operation | None = None) -> Refusal:
    """There is nothing here, or this operation of it is switched off."""
    from wiro_mock.api import no_route

    if operation is not None:
        reason = no_route.switched_off(operation.path, operation.switch)
    else:
        reason = no_route.explained(request.method, request.path, OPERATIONS)
    return No.ROUTE.refusal(reason=reason, unexpected=True)


def _never() -> tuple[Response, Outcome]:
    raise AssertionError("a run that is lost on the way has no answer of its own")


def refused(world: World, refusal: Refusal, *, note: str = "") -> Answer:
    """The answer to a refusal: Wiro's envelope on the wire, the reason for the journal."""
    status = refusal.status
    if status in (200, 401) and world.profile.error_status == "mapped":
        status = _mapped_status(refusal)
    outcome = Outcome(
        code=refusal.code,
        message=refusal.message,
        reason="; ".join(filter(None, (refusal.reason, note))),
        unexpected=refusal.unexpected,
    )
    return answer(wire.failure(refusal, world.seconds(), world.profile), outcome, status=status)


def _mapped_status(refusal: Refusal) -> int:
    """The statuses that Wiro's introduction page lists instead of 200 (rest.md C2)."""
    if refusal.message == No.SIGNATURE_INVALID.value[1]:
        return 403
    return refusal.status if refusal.status != 200 else 429 if refusal.code == No.CONCURRENCY.value[0] else 400
