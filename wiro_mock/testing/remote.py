"""A Wiro of a test's own on a server that runs elsewhere: `WIRO_MOCK_URL` attaches the fixtures to it.

Each test has a world there, with a random key, which is deleted at its end. What the control API can do is here; what
needs the world in this process says so, and what helps.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from wiro_mock.misuse import Misuse
from wiro_mock.testing.keyword_table import NAMES

URL = "WIRO_MOCK_URL"
TOKEN = "WIRO_MOCK_TOKEN"  # noqa: S105 -- the name of a variable
PATIENCE = 10.0
_TAKEN = frozenset(
    {"time", "auth", "seed", "profile", "balance", "suspended", "member", "key_only", "api_key", "api_secret"}
    | {"unknown_models", "faults", "poll", "workers", "switches", "scenario", "strict", "network"}
    | {"expire_files", "undeclared_inputs"}
)
"""The keywords that a world elsewhere can be set up with."""


def server_url(environ: Mapping[str, str] = os.environ) -> str:
    """The server that the fixtures are attached to; empty for none."""
    return environ.get(URL, "").rstrip("/").removesuffix("/v1")


class RemoteWiro:
    """The face of a Wiro that is served elsewhere. Raises `Misuse` for what it cannot do, and what it cannot be."""

    def __init__(self, url: str, given: Mapping[str, Any], *, name: str) -> None:
        import httpx

        if wrong := [keyword for keyword in given if keyword in NAMES and keyword not in _TAKEN]:
            self._needs_process(f"the keyword {wrong[0]}", url)
        token = os.environ.get(TOKEN, "")
        self._url = url
        self._http = httpx.Client(
            base_url=f"{url}/__wiro",
            trust_env=False,
            timeout=PATIENCE,
            headers={"authorization": f"Bearer {token}"} if token else {},
        )
        self.strict = given.get("strict", True) is True
        self.network = given.get("network", False) is True
        self._left: dict[str, Any] = {}
        made = self._ask("POST", "/worlds", {"name": name, "time": "auto", **_shown(given)})
        self._id: str = made["id"]
        self.api_key: str = made["api_key"]
        self.api_secret: str = made["api_secret"] or ""
        self.seed: str = made["seed"]
        self.url = f"{url}/v1"
        self.socket_url = f"ws{url.removeprefix('http')}/v1"
        self._http.headers["x-api-key"] = self.api_key
        for scenario in _names(given.get("scenario")):
            self.use(scenario)

    def __repr__(self) -> str:
        return f"<RemoteWiro {self._id} at {self._url}>"

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        self._needs_process(f"wiro.{name}", self._url)

    @property
    def time(self) -> str:
        """How time passes there."""
        return str(self._ask("GET", "/time")["mode"])

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks, oldest first, as the control API shows them."""
        return list(self._ask("GET", "/tasks")["tasks"])[::-1]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The journal, oldest first, as the control API shows it."""
        return list(self._ask("GET", "/journal")["journal"])

    def use(self, scenario: str, *, model: str = "*", times: int | None = None) -> None:
        """Play this scenario for the runs to come."""
        asked: dict[str, Any] = {"scenario": scenario, "model": model}
        self._ask("POST", "/scenarios/use", asked if times is None else {**asked, "times": times})

    def fault(
        self,
        on: str | Sequence[str],
        *,
        when: Mapping[str, Any] | None = None,
        times: int | None = None,
        then: Sequence[str | Mapping[str, object]] = (),
        effect: str | None = None,
        task: Any = None,
        optional: bool = False,  # noqa: ARG002 -- what no request meets fails nobody from here
        **do: Any,
    ) -> None:
        """Let something go wrong with the next calls of an operation, as `WiroMock.fault` does. `task` is an id, or one
        of `tasks`. One that no request meets fails nothing.
        """
        from wiro_mock.testing.faulting import Conditions, in_yaml

        given = [key for key in Conditions.__annotations__ if key in do and key != "status"]  # that is to be answered
        met = {**(when or {}), **{key: do.pop(key) for key in given}}
        asked = in_yaml(on, do or {"status": 503}, when=met, times=times, then=then, effect=effect)
        if task is not None:
            asked["task"] = str(task["id"] if isinstance(task, Mapping) else task)
        self._ask("POST", "/faults", asked)

    def faults(self, *names: str) -> None:
        """Arm fault sets."""
        for name in names:
            self._ask("POST", "/faults", {"set": name})

    def input_url(self, url: str, content: bytes, *, content_type: str | None = None) -> None:
        """Say what a URL holds that runs send as an input."""
        asked = {"url": url, "base64": base64.b64encode(content).decode()}
        self._ask("POST", "/inputs", asked if content_type is None else {**asked, "contenttype": content_type})

    def jump(self, length: str | float) -> None:
        """Let so much time pass, at once."""
        self._ask("POST", "/time", {"advance": length})

    def close(self) -> list[str]:
        """Delete the world; what the test left behind, one line each."""
        if not self._left:
            try:
                self._left = self._ask("DELETE", f"/worlds/{self._id}")
            except Misuse as error:
                self._left = {"unexpected": [str(error)]}
            finally:
                self._http.close()
        unexpected = [f"unexpected call: {line}" for line in self._left.get("unexpected", [])]
        return unexpected + [f"fault never fired: {line}" for line in self._left.get("unfired", [])]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        import httpx

        try:
            answer = self._http.request(method, path, json=body)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            way = f"start the server, or unset {URL}: then the fixtures bring their own"
            raise Misuse(f"{URL} is {self._url}, and no wiro_mock answers there ({error}); {way}") from None
        if answer.is_error:
            raise Misuse(f"{URL} is {self._url}, which says: {told.get('error', answer.status_code)}")
        return told

    @staticmethod
    def _needs_process(what: str, url: str) -> NoReturn:
        raise Misuse(
            f"{what} needs the world in this process, and {URL} attaches the fixtures to the server at {url}; "
            f"unset {URL} for this test"
        )


def _shown(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords as the control API takes them; but the seed, as worlds of one server differ in theirs."""
    kept = {key: value for key, value in given.items() if key not in ("strict", "network", "scenario", "seed")}
    if "balance" in kept:
        kept["balance"] = str(kept["balance"])
    if isinstance(length := kept.get("expire_files"), timedelta):
        kept["expire_files"] = length.total_seconds()
    if "switches" in kept:
        kept["switches"] = [f"{name}={_written(value)}" for name, value in dict(kept["switches"]).items()]
    return kept


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _names(scenario: object) -> list[str]:
    if scenario is None:
        return []
    named = [scenario] if isinstance(scenario, str) else list(scenario)  # type: ignore[call-overload]
    if len(named) > 1 or not all(isinstance(one, str) for one in named):
        raise Misuse(
            "scenario: several in turn, or one made in Python, needs the world in this process; "
            f"unset {URL} for this test"
        )
    return named
