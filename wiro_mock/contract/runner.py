"""The entry point: a target and a budget in, verdicts and an exit status out.

Nothing is run before its cost is known and allowed; what was started is stopped and deleted, also after Ctrl-C.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.cleanup import clean_up
from wiro_mock.contract.client import Credentials, Http
from wiro_mock.contract.estimate import estimate
from wiro_mock.contract.promise import AREAS, BY_WISH, Promise, Trouble
from wiro_mock.contract.report import Table, told
from wiro_mock.contract.service import Service
from wiro_mock.contract.verdicts import COULD_NOT_RUN, Judge, Verdict, chosen, not_asked_for, scrubbed, status_of

REAL, REAL_SOCKET = "https://api.wiro.ai/v1", "wss://socket.wiro.ai/v1"
BUDGET = 0.05
"""USD that a run of the suite may cost without a question."""
PATIENCE = 30.0
KEY, SECRET = "WIRO_API_KEY", "WIRO_API_SECRET"


class CannotRun(Exception):
    """The suite could not begin; the message says why, and what would help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked: the base URL of the API, that of its socket, and who asks."""

    url: str
    socket_url: str
    credentials: Credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All verdicts, those on promises that were left out last, and the exit status."""

    verdicts: Sequence[Verdict]
    status: int


def target_of(url: str, socket_url: str = "", *, key_only: bool = False, env: Mapping[str, str] = os.environ) -> Target:
    """A target by its URL, or `real`, with the credentials of the environment. Raises `CannotRun`."""
    url = REAL if url == "real" else url
    where = _checked(url, ("http", "https"))
    wanted = (KEY,) if key_only else (KEY, SECRET)
    if missing := [name for name in wanted if not env.get(name)]:
        way_out = "" if key_only or KEY in missing else "; for a project that works by key only, say so (--key-only)"
        raise CannotRun(f"{' and '.join(missing)} not set: put the project's into the environment{way_out}")
    for name in wanted:
        if not env[name].isascii() or not env[name].isprintable() or " " in env[name]:
            raise CannotRun(f"{name} holds what no header can carry; set it anew, without quotes and blanks")
    credentials = Credentials(key=env[KEY], secret="" if key_only else env[SECRET])
    socket = _checked(socket_url, ("ws", "wss")) if socket_url else _socket_of(where)
    return Target(url=where, socket_url=socket, credentials=credentials)


def areas_of(text: str | None) -> tuple[str, ...]:
    """The areas in `auth,tasks`; `all` are those too that are checked by wish only, None has none of its own. Raises
    `CannotRun` for one that there is not, and where none is named.
    """
    known = (*AREAS, *BY_WISH)
    if text is None:
        return ()
    found = tuple(area.strip() for area in text.split(",") if area.strip())
    for area in found:
        if area not in (*known, "all"):
            from wiro_mock.language.complaints import did_you_mean

            raise CannotRun(f"no area {area[:60]!r}; {did_you_mean(area, (*known, 'all'))}")
    if not found:
        raise CannotRun(f"no area is named, so nothing would be checked; name some of {', '.join(known)}, or all")
    return known if "all" in found else found


def usd_of(text: str) -> float:
    """An amount such as `0.50USD`, in USD. Raises `CannotRun`."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(?:USD)?", text.strip(), re.IGNORECASE)
    if not found:
        raise CannotRun(f"{text[:60]!r} is no amount; write one such as 0.50USD")
    return float(found[1])


def prepared(
    target: Target,
    promises: Sequence[Promise],
    *,
    patience: float = PATIENCE,
    budget: float,
    agreed: Callable[[str], bool],
    what: str = "",
) -> Service:
    """The service, ready to be checked: it answers, and what that will cost is within the budget or agreed to.

    `agreed` is asked with the estimate where that is above the budget; `what` says what costs it. Raises `CannotRun`.
    """
    http = Http(target.url, target.credentials, patience=patience, pause=time.sleep)
    try:
        expected = estimate(http, promises)
        what = what or f"checking {len(promises)} promises"
        text = f"{what} costs {expected.usd:.4f} USD at most, for {expected}"
        if expected.usd > budget and not agreed(text):
            enough = f"{expected.usd + 0.005:.2f}USD"
            raise CannotRun(
                f"{text}, and the budget is {budget:.4f} USD; say yes with --yes, give --budget {enough}, "
                "or leave out with --only what runs a model"
            )
    except BaseException as error:
        http.close()
        if isinstance(error, Trouble):
            raise CannotRun(str(error)) from None
        raise
    return Service(
        http=http,
        socket_url=target.socket_url,
        model=expected.model,
        speaker=expected.speaker,
        talker=expected.talker,
        runs_at_most=expected.all_runs,
        patience=patience,
        pause=time.sleep,
    )


def run(
    target: Target,
    *,
    areas: Sequence[str] = (),
    budget: float = BUDGET,
    patience: float = PATIENCE,
    agreed: Callable[[str], bool],
    write: Callable[[str], None],
    promises: Sequence[Promise] = PROMISES,
) -> Result:
    """Check the promises of these areas, all of them by default, and tell of it. Raises `CannotRun`."""
    asked = chosen(promises, areas)
    service = prepared(target, asked, patience=patience, budget=budget, agreed=agreed)
    table, judge = Table(asked, write), Judge(service)
    left: list[str] = []
    try:
        table.begin()
        for verdict in judge.all(asked):
            table.row(verdict)
    finally:
        left += [scrubbed(text, service) for text in clean_up(service)]
        service.http.close()
        verdicts = list(judge.verdicts.values())
        left_out = not_asked_for(promises, asked)
        for line in told(verdicts, left=left, by_wish=() if areas else left_out):
            write(line)
        if len(verdicts) < len(asked):
            write(f"Interrupted: {len(asked) - len(verdicts)} promises were not looked at")
    return Result(verdicts=[*verdicts, *left_out], status=status_of(verdicts))


def _checked(url: str, schemes: tuple[str, ...]) -> str:
    """A URL that can be asked, without a slash at its end. Raises `CannotRun`; what it tells holds no password."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in schemes and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        raise CannotRun(f"{url[:100]!r} is no address; write one such as {schemes[0]}://127.0.0.1:4747/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise CannotRun("the address is one without user, password, query and fragment; credentials are set by " + KEY)
    return url.rstrip("/")


def _socket_of(url: str) -> str:
    """The socket that belongs to a base URL: Wiro's is another host, any other's has the same origin."""
    if url == REAL:
        return REAL_SOCKET
    parts = urlsplit(url)
    return urlunsplit(("wss" if parts.scheme == "https" else "ws", parts.netloc, parts.path or "/v1", "", ""))


__all__ = ["COULD_NOT_RUN", "CannotRun", "Result", "Target", "areas_of", "prepared", "run", "target_of"]
