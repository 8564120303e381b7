"""The keywords of `WiroMock` become settings of a world; whatever is wrong with one is said in one sentence.

Flags and ini options give texts, marks and fixtures give values: each keyword reads both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from wiro_mock.api import Profile, find_profile, switch
from wiro_mock.api.auth import AUTH_MODES
from wiro_mock.casting import Standing
from wiro_mock.clock import make_clock
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Project, usd
from wiro_mock.kernel.events import SECOND
from wiro_mock.kernel.rules import Limits
from wiro_mock.language.durations import parse_duration
from wiro_mock.misuse import Misuse
from wiro_mock.presets import PRESETS, Preset
from wiro_mock.presets import unknown as unknown_preset
from wiro_mock.settings import PollWorth, Settings, Undeclared, UnknownModels, parse_poll
from wiro_mock.testing.keyword_table import truth, unknown

if TYPE_CHECKING:
    from wiro_mock.loader import Library
    from wiro_mock.scenario import Scenario

Given: TypeAlias = Mapping[str, Any]
LARGEST_SEED = 10**18

__tracebackhide__ = True  # a failure is in the tester's line


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The keywords, read. `scenario` are names or scenarios that play in turn; `scenarios` are folders."""

    scenario: tuple[str | Scenario, ...]
    strict: bool
    seed: int
    scenarios: tuple[Path, ...]
    patch_sleep: tuple[str, ...]
    network: bool
    settings: Settings
    standing: tuple[Standing, ...] = ()


def read(given: Given, *, place: str = "WiroMock") -> Options:
    """The options of these keywords; those that are missing or None have their defaults. Raises `Misuse`."""
    if message := unknown(dict(given), place=place):
        raise Misuse(message)
    asked = {name: value for name, value in given.items() if value is not None}
    preset = _preset(asked.get("preset"), place)
    asked = {**preset.for_library, **asked}

    def value(name: str, parse: Callable[[Any], Any], *, default: Any) -> Any:
        if name not in asked:
            return default
        try:
            return parse(asked[name])
        except (ValueError, ArithmeticError, TypeError, OSError) as error:
            raise Misuse(f"{place}: {name}: {error}") from None

    for name in ("api_key", "api_secret"):
        value(name, _credential, default="")
    seed: int = value("seed", _seed, default=0)
    key_only: bool = value("key_only", truth, default=False)
    profile: Profile = value("profile", _profile, default=Profile())
    return Options(
        scenario=value("scenario", _scenarios, default=()),
        strict=value("strict", truth, default=True),
        seed=seed,
        scenarios=value("scenarios", _folders, default=()),
        patch_sleep=value("patch_sleep", _words, default=()),
        network=value("network", truth, default=False),
        standing=_standing(
            value("moondream_endpoint", _text, default=""), value("fetch_hosts", _names, default=()), place
        ),
        settings=Settings(
            seed=str(seed),
            time=value("time", _time, default="auto"),
            auth_mode=value("auth", _auth, default="strict"),
            profile=value("switches", lambda given: _switches(given, profile), default=profile),
            balance=value("balance", usd, default=Decimal(1000)),
            suspended=value("suspended", truth, default=False),
            member=value("member", truth, default=True),
            unknown_models=value("unknown_models", _unknown_models, default="refuse"),
            faults=(*value("faults", _names, default=()), *preset.faults),
            use=preset.use,
            poll=value("poll", _poll, default=None),
            limits=Limits(workers=value("workers", _workers, default=None)),
            project=_project(seed, asked, key_only=key_only),
            key_only=key_only,
            realtime_grace=value("realtime_grace", _grace, default=0.0),
            undeclared_inputs=value("undeclared_inputs", _undeclared, default="echo"),
            expire_files=value("expire_files", _lasting, default=None),
        ),
    )


@cache
def library_of(folders: tuple[Path, ...]) -> Library:
    """The shipped scenarios and those of these folders, read once for all worlds of a process.

    Raises `Misuse` with all complaints about the files.
    """
    from wiro_mock.loader import Library, ScenarioError

    try:
        return Library(*folders, watch=False)
    except ScenarioError as error:
        raise Misuse(str(error)) from None


def seconds(value: object, *, asking: str) -> float:
    """Seconds of `"2m"`, of a number, or of a `timedelta`. Raises `Misuse` with the way out."""
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, int | float) and not isinstance(value, bool):
        if 0 <= value <= 1e9:
            return float(value)
        raise Misuse(f"{asking}: {value!r} is no length of time; write seconds from 0, or a text such as 2m or 500ms")
    try:
        return parse_duration(value) / SECOND
    except ValueError as error:
        raise Misuse(f"{asking}: {error}") from None


def _preset(name: object, place: str) -> Preset:
    """The situation of this name; one that changes nothing where none was asked for."""
    if name is None:
        return Preset(about="")
    if name not in PRESETS:
        raise Misuse(f"{place}: preset: {unknown_preset(str(name))}")
    return PRESETS[str(name)]


def _seed(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        value = int(value)
    if type(value) is not int or not 0 <= value < LARGEST_SEED:
        raise ValueError(f"a seed is a whole number from 0, such as 4242, not {value!r}")
    return value


def _credential(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise ValueError("is a text of visible ASCII characters, for it travels in a header")
    return value


def _time(value: object) -> str:
    make_clock(str(value))
    return str(value)


def _auth(value: object) -> str:
    if value not in AUTH_MODES:
        raise ValueError(f"is {', '.join(AUTH_MODES[:-1])} or {AUTH_MODES[-1]}, not {value!r}")
    return str(value)


def _profile(value: object) -> Profile:
    return value if isinstance(value, Profile) else find_profile(str(value))


def _unknown_models(value: object) -> UnknownModels:
    if value not in ("refuse", "play"):
        raise ValueError(f"is refuse or play, not {value!r}")
    return "play" if value == "play" else "refuse"


def _undeclared(value: object) -> Undeclared:
    if value not in ("echo", "refuse"):
        raise ValueError(f"is echo or refuse, not {value!r}")
    return "refuse" if value == "refuse" else "echo"


def _poll(value: object) -> PollWorth:
    if isinstance(value, str) and value not in ("finish", "next") and not re.fullmatch(r"[0-9.]+s?", value):
        return parse_duration(value)
    return parse_poll(str(value))


def _grace(value: object) -> float:
    if isinstance(value, str) and not re.fullmatch(r"[0-9.]+", value):
        return parse_duration(value) / SECOND
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not 0 <= float(value) <= 3600:
        raise ValueError(f"is seconds from 0 to 3600, or a text such as 500ms, not {value!r}")
    return float(value)


def _lasting(value: object) -> int:
    try:
        return round(seconds(value, asking="") * SECOND)
    except Misuse as error:
        raise ValueError(str(error).removeprefix(": ")) from None


def _workers(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isdecimal() else value
    if type(number) is not int or number < 1:
        raise ValueError(f"is a whole number from 1, not {value!r}")
    return number


def _words(value: object) -> tuple[str, ...]:
    words = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else (value,)
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"is a name or a list of names, not {value!r}")
    return words


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is a text, not {value!r}")
    return value


def _standing(url: str, hosts: tuple[str, ...], place: str) -> tuple[Standing, ...]:
    """The real model behind an endpoint, where there is one."""
    if not url:
        return ()
    from wiro_mock.backends import moondream

    try:
        backend = moondream.at(url, fetch_hosts=hosts)
    except ValueError as error:
        raise Misuse(f"{place}: moondream_endpoint: {error}") from None
    return (Standing(name=moondream.NAME, model=moondream.MODELS, backend=backend),)


def _names(value: object) -> tuple[str, ...]:
    return _words(value.split(",") if isinstance(value, str) else value)  # a flag has no lists


def _scenarios(value: object) -> tuple[Any, ...]:
    from wiro_mock.scenario import Scenario

    if isinstance(value, str):
        value = value.split(",")  # a flag has no lists, and no name has a comma
    many = tuple(value) if isinstance(value, Iterable) and not isinstance(value, Scenario) else (value,)
    if not many or not all(isinstance(one, str | Scenario) for one in many):
        raise ValueError(f"is the name of a scenario, a Scenario, or a list of them, not {value!r}")
    return many


def _folders(value: object) -> tuple[Path, ...]:
    many = (value,) if isinstance(value, str | PathLike) or not isinstance(value, Iterable) else tuple(value)
    if not all(isinstance(one, str | PathLike) for one in many):
        raise ValueError(f"is the path of a folder, or a list of them, not {value!r}")
    folders = tuple(Path(one) for one in many)
    for folder in folders:
        if not folder.is_dir() and folder.suffix not in (".yaml", ".yml"):
            raise ValueError(f"there is no folder {str(folder)!r}; write the path of a folder with scenarios in YAML")
    return folders


def _switches(value: object, profile: Profile) -> Profile:
    if not isinstance(value, Mapping):
        raise ValueError(f"are a mapping such as {{'error_status': 'mapped'}}, not {value!r}")
    for name, setting in value.items():
        text = str(setting).lower() if isinstance(setting, bool) else str(setting)
        profile = switch(profile, f"{name}={text}")
    return profile


def _project(seed: int, asked: Given, *, key_only: bool) -> Project | None:
    if not any(name in asked for name in ("api_key", "api_secret")):
        return None
    text = str(seed)
    return Project(
        id=str(ids.decimal(text, "project", low=100, high=10_000)),
        key=str(asked.get("api_key", ids.token(text, "api key"))),
        secret=str(asked.get("api_secret", ids.token(text, "api secret"))),
        key_only=key_only,
    )
