"""`wiro-mock exec`: a command with a Wiro of its own, which is there before it begins and gone when it has ended."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, Unpack

import click

from wiro_mock.commands.exec_options import OPTIONS, ExecGiven
from wiro_mock.commands.keeping import AtExit
from wiro_mock.commands.reaching import doors_of, reached, variables_of
from wiro_mock.commands.teller import Teller

if TYPE_CHECKING:
    from wiro_mock.commands.exec_report import Departed
    from wiro_mock.reach.variables import Place
    from wiro_mock.worlds import Worlds

FAILED = 1
"""The status where the command succeeded, and something of --fail-on was found."""


@click.command(
    params=OPTIONS,
    short_help="Run a command with a Wiro of its own.",
    epilog="Example: wiro-mock exec --time auto --fail-on unmatched -- npm test",
    context_settings={"allow_interspersed_args": False},
)
def exec(**given: Unpack[ExecGiven]) -> NoReturn:  # noqa: A001 -- the name of the command
    """Run a command with a Wiro of its own, and end with its exit status.

    The command finds it by WIRO_API_KEY, WIRO_API_SECRET, WIRO_BASE_URL, WIRO_SOCKET_URL (both ending in /v1) and
    WIRO_MOCK_URL; with --intercept, also at Wiro's own addresses. Its input, output and signals are its own; nothing is
    written to stdout besides. Processes that it leaves behind are ended.
    """
    if not given["command"]:
        raise click.UsageError("no command to run; write it after --, such as: wiro-mock exec -- npm test")
    _fresh(given)
    with Teller(as_json=given["log"] == "json") as tell:
        status = _run(given, tell)
    sys.exit(status)


def _fresh(given: ExecGiven) -> None:
    """Credentials that no other run has, where none are given."""
    import secrets

    from wiro_mock.kernel import ids

    seed = secrets.token_hex(16)
    given["api_key"] = given["api_key"] or ids.token(seed, "api key")
    given["api_secret"] = given["api_secret"] or ids.token(seed, "api secret")


def _run(given: ExecGiven, tell: Teller) -> int:
    from wiro_mock.commands.child import CannotRun, Child
    from wiro_mock.commands.exec_report import Departed
    from wiro_mock.reach import variables

    departed = Departed(given["fail_on"], keeps=given["report"] is not None)
    with _served(given, tell, departed) as (worlds, place):
        environment = {
            **os.environ,
            **variables.past_proxies(os.environ, intercepted=given["intercept"]),
            **variables_of(given, place.origin),
            **variables.of_place(place),
        }
        _thaw()
        try:
            status = Child(given["command"], environment, tell).run()
        except CannotRun as error:
            tell(str(error))
            status = error.status
        return _judged(given, worlds, departed, status, tell)


@contextmanager
def _served(given: ExecGiven, tell: Teller, departed: Departed) -> Iterator[tuple[Worlds, Place]]:
    """Serve in a thread while the block runs."""
    from wiro_mock.commands.backing import backends
    from wiro_mock.commands.serve import app_of, listen, world_of
    from wiro_mock.reach.variables import Place
    from wiro_mock.server import ServerThread

    with backends(given, tell) as standing:
        world = world_of(given, tell, standing)
        try:
            at_exit = AtExit(world, given["save_on_exit"])
            doors = doors_of(given, tell)
            app = app_of(world, sock := listen(given["host"], given["port"]), given)
            app.state.lodging.on_remove = departed.note
            with ServerThread(reached(app, doors), sock=sock, doors=doors) as thread:
                place = Place(
                    origin=thread.near_url,
                    key=world.project.key,
                    secret="" if world.project.key_only else world.project.secret,
                )
                yield app.state.worlds, place
                at_exit.take()
            at_exit.write()
        finally:
            world.close()


def _thaw() -> None:
    """What is there now stays to the end, so the collector need never look at it."""
    gc.freeze()
    gc.enable()


def _judged(given: ExecGiven, worlds: Worlds, departed: Departed, status: int, tell: Teller) -> int:
    """Tell what was found of --fail-on, leave the report, and say how it all ends."""
    from wiro_mock.commands import exec_report
    from wiro_mock.text import printable

    failed = [line for kind in given["fail_on"] for line in exec_report.problems(worlds, kind, departed)]
    for line in failed:
        tell(printable(line))
    if "unmatched" not in given["fail_on"]:
        for line in worlds.told_of_unknown_keys():
            tell(line)
    status = status or (FAILED if failed else 0)
    if given["report"] is not None:
        try:
            exec_report.write(
                given["report"], worlds, departed, program=given["command"][0], status=status, failed=failed
            )
        except OSError as error:
            tell(f"the report could not be written to {given['report']}: {error.strerror}")
            status = status or FAILED
    return status
