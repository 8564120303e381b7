"""`wiro-mock contract`: are the promises of Wiro's API kept, by the mock, by a server of one's own, by Wiro?"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from wiro_mock.contract.runner import Result, Target

LONGEST_PATIENCE = 600
_TOLD_BY = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def usd(_ctx: click.Context, _parameter: click.Parameter, value: str) -> float:
    """An amount such as `0.50USD`, in USD."""
    from wiro_mock.contract.runner import CannotRun, usd_of

    try:
        return usd_of(value)
    except CannotRun as error:
        raise click.BadParameter(str(error)) from None


@click.command(
    short_help="Check the promises of Wiro's API, here or there.",
    epilog="Example: wiro-mock contract --target real --only auth,catalogue",
)
@click.option("--target", default="mock", show_default=True, metavar="URL", help="A base URL, `real`, or `mock`.")
@click.option("--socket", "socket_url", default="", metavar="URL", help="The socket, where the target's isn't its own.")
@click.option("--only", default=None, metavar="AREAS", help="Such as auth,tasks; or all.")
@click.option("--budget", default="0.05USD", show_default=True, callback=usd, help="What it may cost, unasked.")
@click.option("--yes", is_flag=True, help="Agree to the estimate beforehand.")
@click.option("--key-only", is_flag=True, help="The project works by key, without signatures.")
@click.option(
    "--timeout", default=30.0, show_default=True, type=click.FloatRange(0.1, LONGEST_PATIENCE), help="Seconds."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the verdicts as JSON."
)
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write them for CI.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write them for a pull request.")
@click.pass_context
def contract(
    ctx: click.Context,
    *,
    target: str,
    socket_url: str,
    only: str | None,
    budget: float,
    yes: bool,
    key_only: bool,
    timeout: float,
    json_file: Path | None,
    junit: Path | None,
    markdown: Path | None,
) -> None:
    """Check every promise of Wiro's API that a budget allows, with at most three runs of a cheap model.

    Credentials are those of WIRO_API_KEY and WIRO_API_SECRET; the mock needs none. What it starts it stops, and it
    deletes the files. The exit status is 0 where every promise held, 1 where one is broken or none could be checked,
    2 where the service could not be asked.
    """
    from wiro_mock.contract.runner import CannotRun, areas_of, run

    files = {"json": json_file, "junit": junit, "markdown": markdown}
    can_be_written(files)
    try:
        areas = areas_of(only)
        with ended_in_order(), opened(target, socket_url, key_only=key_only) as asked:
            result = run(
                asked,
                areas=areas,
                budget=budget,
                patience=timeout,
                agreed=lambda estimate: yes or agrees(estimate, budget),
                write=click.echo,
            )
    except CannotRun as error:
        raise click.UsageError(with_a_way_out(str(error))) from None
    _write(files, result, asked.url)
    ctx.exit(result.status)


@contextmanager
def opened(target: str, socket_url: str, *, key_only: bool) -> Iterator[Target]:
    """The target; `mock` is one in this process, in time that jumps, with credentials of its own."""
    from wiro_mock.contract.runner import target_of

    if target != "mock":
        yield target_of(target, socket_url, key_only=key_only)
        return
    from wiro_mock.contract.own_mock import own_mock

    with own_mock(key_only=key_only) as own:
        yield own


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Who is told to end, as CI does it, stops first what it has started, as after Ctrl-C; a second word ends it."""

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)

    is_main = threading.current_thread() is threading.main_thread()  # only there a signal can be listened to
    before = {number: signal.signal(number, end) for number in _TOLD_BY if is_main}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def agrees(estimate: str, budget: float) -> bool:
    """Ask, where there is somebody to ask."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    return click.confirm(f"{estimate}; the budget is {budget:.4f} USD. Go on?", err=True)


def with_a_way_out(text: str) -> str:
    """A sentence that says where to look."""
    return text if ";" in text or ":" in text else f"{text}; look at --target"


def can_be_written(files: dict[str, Path | None]) -> None:
    """What is to be written can be, as far as that shows before anything was paid for."""
    for name, path in files.items():
        if path is not None and not path.absolute().parent.is_dir():
            raise click.UsageError(f"--{name}: there is no folder {str(path.parent)!r}; make it first")


def _write(files: dict[str, Path | None], result: Result, target: str) -> None:
    from wiro_mock.contract.exports import as_json, as_junit, as_markdown

    texts = {
        "json": as_json(result.verdicts),
        "junit": as_junit(result.verdicts, target=target),
        "markdown": as_markdown(result.verdicts, target=target),
    }
    for name, path in files.items():
        if path is not None:
            path.write_text(texts[name], encoding="utf-8")
