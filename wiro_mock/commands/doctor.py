"""`wiro-mock doctor`: whether this machine has what the mock needs, and how to get what is missing.

It starts nothing, changes nothing and asks nothing outside of this machine. No secret is shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import click

from wiro_mock.commands.doctor_house import backends, ca, configuration, packages, scenarios
from wiro_mock.commands.doctor_machine import BAD, Finding, clock, folders, ports, proxies, text, user
from wiro_mock.text import printable


@click.command(short_help="Look at this machine: what is there, what is missing.", epilog="Example: wiro-mock doctor")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look at versions, configuration, ports, clock, CA, folders, locale, proxies; say how to get what is missing.

    Ends with status 0 where the mock can be served as it is configured, and with 1 where something is in its way; what
    is told with a dash is in nobody's way, and worth knowing.
    """
    held, told = configuration(ctx)
    host, port = str(held.get("host") or "127.0.0.1"), int(held.get("port") or 0)
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        packages,
        lambda: iter(told),
        lambda: ports(host, port),
        lambda: scenarios(tuple(held.get("folders") or ())),
        backends,
        clock,
        ca,
        folders,
        user,
        text,
        proxies,
    )
    findings = [finding for check in checks for finding in _checked(check)]
    failed = any(finding.state == BAD for finding in findings)
    if as_json:
        click.echo(json.dumps({"ok": not failed, "findings": [finding._asdict() for finding in findings]}))
    else:
        _show(findings)
    ctx.exit(1 if failed else 0)


def _checked(check: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """What a check found; one that cannot go on is a finding, too, and stops no other."""
    try:
        return list(check())
    except Exception as error:
        name = getattr(check, "__name__", "check").strip("<>")
        return [Finding(name, f"could not be looked at: {type(error).__name__}: {error}", BAD)]


def _show(findings: list[Finding]) -> None:
    marks, area = {"ok": "ok", "note": "-", "bad": "!!"}, ""
    width = max(len(finding.area) for finding in findings)
    for finding in findings:
        shown = "" if finding.area == area else finding.area
        area = finding.area
        way = f"; {finding.way}" if finding.way else ""
        click.echo(printable(f"{shown:<{width}}  {marks[finding.state]:<2}  {finding.found}{way}"))
