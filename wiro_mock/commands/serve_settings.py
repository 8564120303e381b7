"""What was given to `wiro-mock serve`, as the settings of its world, and its credentials as they may be shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from wiro_mock.api import Profile
    from wiro_mock.kernel.account import Project
    from wiro_mock.settings import Settings, Undeclared


DEFAULT_KEY = "wiro-mock-key"
DEFAULT_SECRET = "wiro-mock-secret"  # noqa: S105 -- the default pair, known to everybody
PROJECT_ID = "699"
"""The id of the project in the seed's samples (rest.md §3)."""


class Given(TypedDict):
    """What was given on the command line."""

    preset: str | None
    host: str
    port: int
    folders: tuple[Path, ...]
    use: str
    faults: tuple[str, ...]
    time_mode: str
    poll: str | None
    api_key: str | None
    api_secret: str | None
    key_only: bool
    auth: str
    profile: str
    switches: tuple[str, ...]
    seed: str
    public_url: str
    workers: int | None
    balance: str
    unknown_models: str
    realtime_grace: float
    expire_files: int | None
    input_urls: tuple[tuple[str, Path], ...]
    undeclared_inputs: Undeclared
    keep_tasks: int
    keep_requests: int
    keep_mib: int
    webhook_hosts: tuple[str, ...]
    scenario_header: bool
    admin_token: str
    moondream_endpoint: str
    moondream: str
    moondream_with: str
    fetch_hosts: tuple[str, ...]
    log: str | None
    tls: bool
    tls_names: tuple[str, ...]
    intercept: bool
    tunnel: tuple[str, ...]
    most_worlds: int
    load: Path | None
    save_on_exit: Path | None


def settings_of(given: Given) -> Settings:
    """The world's settings. Raises `ValueError` with the way out."""
    from decimal import Decimal

    from wiro_mock.api.origin import checked_origin
    from wiro_mock.kernel.account import Project
    from wiro_mock.kernel.rules import Limits
    from wiro_mock.settings import Settings, parse_poll

    return Settings(
        seed=given["seed"],
        time=given["time_mode"],
        poll=None if given["poll"] is None else parse_poll(given["poll"]),
        auth_mode=given["auth"],
        project=Project(
            id=PROJECT_ID,
            key=given["api_key"] or DEFAULT_KEY,
            secret=given["api_secret"] or DEFAULT_SECRET,
            key_only=given["key_only"],
        ),
        profile=_profile(given),
        balance=Decimal(given["balance"]),
        unknown_models="play" if given["unknown_models"] == "play" else "refuse",
        limits=Limits(workers=given["workers"], finished=given["keep_tasks"], bytes=given["keep_mib"] << 20),
        journal_requests=given["keep_requests"],
        public_url=checked_origin(given["public_url"]) if given["public_url"] else "",
        scenario_header=given["scenario_header"],
        faults=_faults(given),
        use=given["use"],
        realtime_grace=given["realtime_grace"],
        expire_files=given["expire_files"],
        input_urls=given["input_urls"],
        undeclared_inputs=given["undeclared_inputs"],
    )


def _faults(given: Given) -> tuple[str, ...]:
    """The fault sets that were named; those of a preset come on top."""
    from wiro_mock.presets import PRESETS

    own = PRESETS[given["preset"]].faults if given["preset"] else ()
    return tuple(dict.fromkeys((*given["faults"], *own)))


def shown_credentials(given: Given, project: Project) -> str:
    """The credentials as the ready line has them.

    A secret that was given, or loaded, is not shown, since a ready line ends up in the logs of CI; nor is the key of a
    key-only project, whose whole credential it is.
    """
    own_key = given["api_key"] or project.key != DEFAULT_KEY
    key = "***" if own_key and project.key_only else project.key
    secret = "***" if given["api_secret"] or project.secret != DEFAULT_SECRET else DEFAULT_SECRET
    return f"key={key} secret={secret}"


def _profile(given: Given) -> Profile:
    from wiro_mock.api import find_profile, switch

    profile = find_profile(given["profile"])
    for assignment in given["switches"]:
        profile = switch(profile, assignment)
    return profile
