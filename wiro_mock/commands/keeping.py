"""What `serve` and `exec` do for a world that is to outlive them: load it before, save it after, and reload its files.

A world is taken at the instant at which the signal comes, before anything ends, and written when all has ended.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from wiro_mock.mock import World
    from wiro_mock.snapshot.taking import Taken

SETTINGS = {
    "api_key": "api_key",
    "api_secret": "api_secret",
    "key_only": "key_only",
    "time_mode": "time",
    "poll": "poll",
    "auth": "auth_mode",
    "profile": "profile",
    "switches": "profile",
    "unknown_models": "unknown_models",
    "scenario_header": "scenario_header",
    "realtime_grace": "realtime_grace",
    "workers": "limits",
    "balance": "balance",
    "expire_files": "expire_files",
    "undeclared_inputs": "undeclared_inputs",
}
"""The options that hold instead of what a snapshot says, where they are given: each with the setting that it makes."""


def load_into(world: World, path: Path) -> None:
    """Let the world go on from a snapshot; what was given on the command line holds all the same. Raises what click
    shows.
    """
    from wiro_mock.snapshot import SnapshotError, load

    keep = {setting for option, setting in SETTINGS.items() if is_given(option)}
    if is_given("seed"):
        raise click.UsageError("--seed and --load contradict each other: a snapshot has its seed; leave --seed out")
    own = world.settings
    # Nobody names any of these by default; a preset may.
    keep |= {setting for setting in ("faults", "use") if getattr(own, setting)}
    try:
        loaded = load(world, path, keep=keep)
    except SnapshotError as error:
        raise click.ClickException(str(error)) from None
    if "balance" in keep:
        world.change_account(balance=own.balance)
    armed = {one.of.name for one in world.fault_sets}
    for name in own.faults:
        if name not in armed:
            world.arm_set(name, where="--faults", optional=True)
    if "use" in keep:
        world.use_standing()
    s = "" if loaded.tasks == 1 else "s"
    failed = f"; {len(loaded.failed)} failed, whose backends were at work" if loaded.failed else ""
    world.tell(f"loaded {loaded.tasks} task{s} from {path}, {loaded.unfinished} of them unfinished{failed}")


def is_given(option: str) -> bool:
    """Whether an option was given, be it by the environment or a file, and is no mere default."""
    context = click.get_current_context(silent=True)
    source = None if context is None else context.get_parameter_source(option)
    return source is not None and source is not click.core.ParameterSource.DEFAULT


def check_writable(path: Path) -> None:
    """Say at the begin that a snapshot could not be written at the end. Raises what click shows."""
    folder = path.parent
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder; give the path of a file")
    if path.exists() and not path.is_file():
        raise click.UsageError(f"{path} is no file, but a device or a pipe; give the path of a file")
    if not folder.is_dir():
        raise click.UsageError(f"there is no folder {folder}; make it, or give another path")
    if not os.access(folder, os.W_OK):
        raise click.UsageError(f"{folder} may not be written to; give a path in another folder")


class AtExit:
    """Saves a world at the end, where that is wanted: `take` what there is, then `write` it."""

    def __init__(self, world: World, path: Path | None) -> None:
        self._world = world
        self._path = path
        self._taken: Taken | None = None
        self._problem = ""
        if path is not None:
            check_writable(path)

    def take(self) -> None:
        """Look at the world as it is now. Raises nothing: whatever goes wrong, the server has to end."""
        if self._path is not None and self._taken is None:
            from wiro_mock.snapshot.taking import take

            try:
                self._taken = take(self._world)
            except Exception as error:
                self._problem = f"{type(error).__name__}: {error}"

    def write(self) -> None:
        """Write it down. Raises what click shows: the process ends with status 1 then."""
        if self._problem:
            raise click.ClickException(f"the world is not saved: {self._problem} (a mistake in wiro_mock itself)")
        if self._path is None or self._taken is None:
            return
        from wiro_mock.snapshot import SnapshotError, put

        try:
            put(self._world, self._taken, self._path)
        except SnapshotError as error:
            raise click.ClickException(f"the world is not saved: {error}") from None
        tasks = len(self._taken.logs)
        self._world.tell(f"saved {tasks} task{'' if tasks == 1 else 's'} to {self._path}")


class Signals:
    """What the signals mean that reach a server: the end, or that its scenarios are to be read again."""

    def __init__(self, world: World, at_exit: AtExit) -> None:
        self._world = world
        self._at_exit = at_exit

    def ending(self) -> None:
        """The server is about to end."""
        self._at_exit.take()

    def hung_up(self) -> None:
        """Read the scenarios again, in a thread, while the server goes on."""
        threading.Thread(target=self._reload, name="wiro-mock-reload", daemon=True).start()

    def _reload(self) -> None:
        from wiro_mock.upkeep.reloading import reload

        reload(self._world)
