"""`wiro-mock plan`: what a scenario does and when, without running it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wiro_mock.scenario import Scenario

_FIRST_TURN = {"session.turn": "1", "session.prompt": "", "session.answer": ""}
"""What a run has under these names that begins a conversation."""
_NAME = re.compile(r"\$(?:\$|\{([^}]*)\})")


@click.command(
    short_help="Show the timeline of a scenario.",
    epilog="Example: wiro-mock plan tests/wiro/poems.yaml --scenario haiku --with topic=rain",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--scenario", "name", metavar="NAME", help="Only the scenario of this name.")
@click.option(
    "--with", "given", multiple=True, metavar="NAME=VALUE", help="The value of ${with.NAME} in texts. Repeatable."
)
def plan(file: Path, name: str | None, given: tuple[str, ...]) -> None:
    """Show the timeline of the scenarios in FILE: the instant, the frame on the socket, a detail.

    FILE may also be the name of a shipped scenario, such as caption. A ${with.NAME} that has no value stays as it is;
    ${prompt} is that of --with prompt=…, and a conversation is at its first turn.
    """
    from wiro_mock.scenario import ScenarioError

    values = dict(map(_assignment, given))
    try:
        scenarios = _chosen(_file(file), name)
    except ScenarioError as error:
        raise click.ClickException(str(error)) from None
    for number, scenario in enumerate(scenarios):
        about = f": {scenario.about}" if scenario.about else ""
        click.echo(("\n" if number else "") + click.style(scenario.name, bold=True) + about)
        _show(_rows(scenario, {"scenario": scenario.name, **values}))


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"--with takes name=value, not {text!r}; for example --with length=short")
    return f"with.{name}", value


def _file(file: Path) -> Path:
    from wiro_mock.loader import shipped

    if file.exists():
        return file
    if file.name == str(file) and (known := shipped() / f"{file}.yaml").is_file():
        return known
    names = ", ".join(sorted(path.stem for path in shipped().glob("*.yaml")))
    raise click.UsageError(f"there is no file {str(file)!r}; look at the path, or name a shipped scenario: {names}")


def _chosen(file: Path, name: str | None) -> list[Scenario]:
    from wiro_mock.language.complaints import did_you_mean
    from wiro_mock.loader import load_scenarios

    scenarios = load_scenarios(file)
    chosen = [scenario for scenario in scenarios if name in (None, scenario.name)]
    if not chosen and name is None:
        raise click.UsageError(f"there is no scenario in {str(file)!r}; scenarios lie in files that end in .yaml")
    if not chosen:
        way = did_you_mean(str(name), [scenario.name for scenario in scenarios])
        raise click.UsageError(f"there is no scenario {name!r} in {str(file)!r}; {way}")
    return chosen


def _rows(scenario: Scenario, values: Mapping[str, str]) -> list[tuple[str, str, str]]:
    from wiro_mock.kernel.events import Accepted
    from wiro_mock.kernel.files import Blob
    from wiro_mock.kernel.plan import Live, Plan, Step
    from wiro_mock.language.fillers import size_of
    from wiro_mock.language.plan_table import plan_rows
    from wiro_mock.language.steps import Refuse
    from wiro_mock.language.timeline import lay_out
    from wiro_mock.scenario import UNLIMITED

    if scenario.backend is not None:
        live = Plan(scenario=scenario.name, items=[Step(after=0, event=Accepted()), Live(backend=scenario.backend.use)])
        return [*_account_rows(scenario), *plan_rows(live)]
    first = scenario.steps[0].step if scenario.steps else None
    if isinstance(first, Refuse):
        refusal = first.refusal(UNLIMITED, "")
        return [("+0.000s", "refused", f"code {refusal.code}: {refusal.message}")]
    items, _ = lay_out(
        scenario.steps, _Given(values), lambda data, kind: Blob(digest="", size=size_of(data), contenttype=kind)
    )
    return [*_account_rows(scenario), *plan_rows(Plan(scenario=scenario.name, items=items))]


def _account_rows(scenario: Scenario) -> list[tuple[str, str, str]]:
    """What the run meets of the account, before anything happens."""
    if scenario.account is None:
        return []
    said = scenario.account.model_dump(mode="json", exclude_unset=True)
    met = ", ".join(f"{name}: {str(value).lower()}" for name, value in said.items())
    return [("+0.000s", "account", f"the run meets {met}; if that refuses it, there is no task")]


def _show(rows: list[tuple[str, str, str]]) -> None:
    instants = max(len(instant) for instant, _, _ in rows)
    frames = max(len(frame) for _, frame, _ in rows)
    for instant, frame, detail in rows:
        click.echo(f"  {instant:>{instants}}  {frame:<{frames}}  {detail}".rstrip())


class _Given:
    """Fills in the values that are known, and leaves the other names as they are written."""

    seed = ""
    earlier = 0
    turn_price = Decimal(0)

    def __init__(self, values: Mapping[str, str]) -> None:
        self.prompt = values.get("with.prompt") or values.get("with.text") or "${prompt}"
        self._values = {"prompt": self.prompt, **_FIRST_TURN, **values}

    def fill(self, text: str) -> str:
        """The text with the known names replaced."""
        return _NAME.sub(lambda found: "$" if found[1] is None else self._values.get(found[1], found[0]), text)

    def fill_all(self, value: Any) -> Any:
        """The JSON value with the known names in all its texts replaced."""
        if isinstance(value, str):
            return self.fill(value)
        if isinstance(value, dict):
            return {self.fill(key): self.fill_all(item) for key, item in value.items()}
        return [self.fill_all(item) for item in value] if isinstance(value, list) else value

    def wishes(self, name: str) -> tuple[str, ...]:
        """The value that is known for a parameter, if there is one."""
        value = self._values.get(f"with.{name}")
        return (value,) if value else ()
