"""`wiro-mock drift`: where does the real service, or a recording of it, differ from what the mock sends?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from wiro_mock.commands.contract import (
    LONGEST_PATIENCE,
    agrees,
    can_be_written,
    ended_in_order,
    opened,
    usd,
    with_a_way_out,
)

if TYPE_CHECKING:
    from wiro_mock.contract.runner import Target
    from wiro_mock.drift.drifting import Reference
    from wiro_mock.drift.findings import Drift


@click.command(
    short_help="Say where a real Wiro, or a recording, differs.",
    epilog="Example: wiro-mock drift recordings --markdown drift.md",
)
@click.argument("recordings", nargs=-1, type=click.Path(path_type=Path))
@click.option("--target", default="", metavar="URL", help="Ask this instead: a base URL, `real`, or `mock`.")
@click.option("--socket", "socket_url", default="", metavar="URL", help="The socket, where the target's isn't its own.")
@click.option("--budget", default="0.05USD", show_default=True, callback=usd, help="What it may cost, unasked.")
@click.option("--yes", is_flag=True, help="Agree to the estimate beforehand.")
@click.option("--no-runs", is_flag=True, help="Ask for nothing that costs money.")
@click.option("--callbacks", default="", metavar="URL", help="Where the target reaches this machine, for webhooks.")
@click.option(
    "--callbacks-port",
    default=0,
    show_default="a free one",
    type=click.IntRange(0, 65535),
    help="Port here that this leads to.",
)
@click.option("--key-only", is_flag=True, help="The project works by key, without signatures.")
@click.option(
    "--timeout", default=30.0, show_default=True, type=click.FloatRange(0.1, LONGEST_PATIENCE), help="Seconds."
)
@click.option("--profile", default="current", show_default=True, help="The mock's revision of the wire.")
@click.option("--switch", "switches", multiple=True, metavar="NAME=VALUE", help="A switch of it. Repeatable.")
@click.option(
    "--scenarios", multiple=True, type=click.Path(path_type=Path, exists=True), help="Your scenarios. Repeatable."
)
@click.option("--scenario", default="", help="What the mock plays, for times and what a run tells.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write it as JSON.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write it for an issue.")
@click.pass_context
def drift(
    ctx: click.Context,
    *,
    recordings: tuple[Path, ...],
    target: str,
    socket_url: str,
    budget: float,
    yes: bool,
    no_runs: bool,
    callbacks: str,
    callbacks_port: int,
    key_only: bool,
    timeout: float,
    profile: str,
    switches: tuple[str, ...],
    scenarios: tuple[Path, ...],
    scenario: str,
    json_file: Path | None,
    markdown: Path | None,
) -> None:
    """Compare RECORDINGS (of wiro-mock record, or HTTP archives), or a --target, with what the mock sends.

    Each finding names the switch of the mock's profile, or the file and line, to change. The exit status is 1 where
    the mock is wrong, 2 where nothing could be compared or something stood in the way, else 0.
    """
    from wiro_mock.contract.runner import CannotRun
    from wiro_mock.drift.har import CannotRead

    if bool(recordings) == bool(target):
        raise click.UsageError("name recordings, or a --target, and not both; such as wiro-mock drift recordings")
    if callbacks and urlsplit(callbacks).scheme not in ("http", "https"):
        raise click.UsageError(f"--callbacks: {callbacks!r} is no http or https URL; write all of it")
    files = {"json": json_file, "markdown": markdown}
    can_be_written(files)
    reference = _reference(profile, switches, scenarios, scenario)
    try:
        if recordings:
            found = _of_recordings(recordings, reference)
        else:
            with ended_in_order(), opened(target, socket_url, key_only=key_only) as asked:
                found = _of_target(
                    asked, reference, runs=not no_runs, budget=budget, patience=timeout,
                    callbacks=(callbacks, callbacks_port),
                    agreed=lambda estimate: yes or agrees(estimate, budget),
                )  # fmt: skip
    except (CannotRun, CannotRead) as error:
        raise click.UsageError(with_a_way_out(str(error))) from None
    _tell(found, files)
    ctx.exit(found.status)


def _reference(profile: str, switches: tuple[str, ...], scenarios: tuple[Path, ...], scenario: str) -> Reference:
    from wiro_mock.api.profile import find_profile, switch
    from wiro_mock.drift.drifting import Reference
    from wiro_mock.language.complaints import ScenarioError, did_you_mean
    from wiro_mock.loader import Library
    from wiro_mock.settings import Settings

    try:
        made = find_profile(profile)
        for assignment in switches:
            made = switch(made, assignment)
        library = Library(*scenarios, watch=False)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    except ScenarioError as error:
        raise click.UsageError(str(error.complaints[0])) from None
    names = [one.name for one in library.scenarios]
    if scenario and scenario not in names:
        raise click.UsageError(f"--scenario: there is no {scenario!r}; {did_you_mean(scenario, names)}")
    return Reference(settings=Settings(profile=made), library=library, scenario=scenario)


def _of_recordings(recordings: tuple[Path, ...], reference: Reference) -> Drift:
    from wiro_mock.drift.drifting import drift_of_recordings

    return drift_of_recordings(recordings, reference)


def _of_target(asked: Target, reference: Reference, **how: Any) -> Drift:
    from wiro_mock.drift.drifting import drift_of_target

    return drift_of_target(asked, reference, **how)


def _tell(found: Drift, files: dict[str, Path | None]) -> None:
    from wiro_mock.drift.report import as_json, as_markdown, as_text

    for line in as_text(found):
        click.echo(line)
    texts = {"json": as_json, "markdown": as_markdown}
    for name, path in files.items():
        if path is not None:
            path.write_text(texts[name](found), encoding="utf-8")
