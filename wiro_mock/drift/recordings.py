"""Recordings on disk, as takes: archives (`.har`) with every field, and scenarios (`.yaml`) with what they tell.

A scenario keeps what happened, not how it was spelt on the wire. So a recorded one is played, to see whether the mock
still knows its words; what it plays is held against what the mock would play by itself, a refusal against those that
the mock knows, and how its webhook came (its `faults`) against how the mock's does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from wiro_mock.api.profile import Profile
from wiro_mock.casting import Use
from wiro_mock.drift.asking import asked_of, frames_to_the_end
from wiro_mock.drift.har import CannotRead, take_of_har
from wiro_mock.drift.takes import Exchange, Hook, Take
from wiro_mock.faults.bodies import wrecked_body
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.loader import Library, load_text
from wiro_mock.mock import World
from wiro_mock.recorder.archived import CALLBACK
from wiro_mock.recorder.observed import Seen
from wiro_mock.scenario import Scenario
from wiro_mock.settings import Settings

KINDS = (".har", ".yaml", ".yml")
IN_PART = "Recorded in part"
UNCHECKED = Settings(time="manual", unknown_models="play", profile=Profile(parameters="unchecked"))
"""A scenario does not tell all that its run was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What could be read, and what could not: each with its name, its place and the way out."""

    takes: tuple[Take, ...]
    broken: tuple[str, ...]


def read(paths: Iterable[Path], library: Library) -> Read:
    """The recordings at these paths, files or folders of them. Raises `CannotRead` where there is none."""
    takes: list[Take] = []
    broken: list[str] = []
    for path in _files(paths):
        try:
            takes += [take_of_har(path)] if path.suffix == ".har" else list(_takes_of_scenario(path, library))
        except CannotRead as error:
            broken.append(str(error))
        except ScenarioError as error:
            more = len(error.complaints) - 1
            broken.append(f"{error.complaints[0]}{f' (and {more} more)' if more else ''}; mend it, or record it again")
    return Read(takes=tuple(takes), broken=tuple(broken))


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix in KINDS and not one.name.startswith("."))
            if not inside:
                raise CannotRead(
                    f"{path} holds no recording (.har, .yaml); record one with wiro-mock record --to {path}"
                )
            found += inside
        elif not path.exists():
            raise CannotRead(
                f"there is no recording {path}; name a file, or a folder, that wiro-mock record has written"
            )
        elif path.suffix not in KINDS:
            raise CannotRead(f"{path} is no recording: its name ends in none of {', '.join(KINDS)}")
        else:
            found.append(path)
    return found


def _takes_of_scenario(path: Path, library: Library) -> Iterator[Take]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CannotRead(f"{path} cannot be read: {error.strerror}; look at its permissions") from None
    except UnicodeDecodeError:
        raise CannotRead(f"{path} is no UTF-8; it was cut, or edited; record it again") from None
    scenarios = load_text(text, file=str(path), folder=path.parent)
    if not scenarios:
        raise CannotRead(f"{path} is an empty recording; record while a client is at work")
    for scenario in scenarios:
        yield _played(scenario, path.name, library)


def _played(scenario: Scenario, name: str, library: Library) -> Take:
    """The take of a scenario: a run of its model with its parameters, and the frames that it makes."""
    match = scenario.match
    model = match.model[0] if match is not None and match.model else ""
    if "/" not in model or "*" in model:
        return Take(name=name, skipped=(f"{name}: scenario {scenario.name} names no model, so nothing is asked",))
    body = {key: values[0] for key, values in match.parameters.items()} if match is not None else {}
    if scenario.faults:
        body["callbackUrl"] = CALLBACK  # of which they tell
    world = World(UNCHECKED, library=library)
    try:
        world.casting.use(Use(scenarios=(scenario,), times=1))
        found = asked_of(world, f"Run/{model}", body)
        if found is None:
            return Take(name=name)
        run = Exchange(call=f"Run/{model}", body=body, status=found[0], answer=found[1], where=name)
        streams = dict(_streams(world, run))
        part = [f"{name}: {scenario.about.rstrip('.')}"] if scenario.about.startswith(IN_PART) else []
        return Take(
            name=name,
            exchanges=(run,),
            streams=streams,
            hooks=tuple(_hooks(world, run, streams)),
            skipped=tuple(part),
            is_scenario=True,
        )
    finally:
        world.close()


def _hooks(world: World, run: Exchange, streams: Mapping[str, tuple[Seen, ...]]) -> Iterator[Hook]:
    """The webhooks as they were recorded: late, twice, with another exit code."""
    end = streams[run.run_id][-1].at if streams.get(run.run_id) else 0
    headers = {"content-type": "application/json"}
    for one in world.webhooks:
        text = world.webhook_body(one)
        if text is None:
            continue
        pieces = wrecked_body(one.do, text.encode(), one.noise) if one.do is not None else [text.encode()]
        hook = Hook(
            task=run.run_id, at=end + one.late, headers=headers, body=json.loads(b"".join(pieces)), where=run.where
        )
        yield from (hook,) * (1 + one.copies)


def _streams(world: World, run: Exchange) -> Iterator[tuple[str, tuple[Seen, ...]]]:
    if run.run_id:
        yield run.run_id, frames_to_the_end(world, run.run_id)
