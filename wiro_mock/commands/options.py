"""Types of options that explain themselves when the value is wrong, and groups that know what is near."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem


class Profiles(click.ParamType[str]):
    """The name of a profile."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name against the profiles that are there."""
        from wiro_mock.api.profile import PROFILES
        from wiro_mock.language.complaints import did_you_mean

        if value not in PROFILES:
            self.fail(f"no profile {value!r}; {did_you_mean(str(value), PROFILES)}", param, ctx)
        return str(value)


class Presets(click.ParamType[str]):
    """The name of a preset."""

    name = "preset"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name against the presets that are there."""
        from wiro_mock.presets import PRESETS, unknown

        if value not in PRESETS:
            self.fail(unknown(str(value)), param, ctx)
        return str(value)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 -- click's own signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """Those that begin so."""
        from wiro_mock.presets import PRESETS

        return [CompletionItem(name, help=one.about) for name, one in PRESETS.items() if name.startswith(incomplete)]


class ScenarioName(click.ParamType[str]):
    """The name of a scenario. The shipped ones are offered; one's own are looked for when they have been read."""

    name = "scenario"
    folder = ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Whether there is one is said where the scenarios are read."""
        return str(value)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 -- click's own signature
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The shipped ones that begin so: each is a file of its name (test_shipped_scenarios)."""
        from wiro_mock.shipped import shipped

        names = sorted(path.stem for path in (shipped() / self.folder).glob("*.yaml"))
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class FaultSet(ScenarioName):
    """The name of a fault set."""

    name = "set"
    folder = "faults"


class Kinds(click.ParamType[str]):
    """A kind of output."""

    name = "kind"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the kind against those that there are."""
        from wiro_mock.kernel.kinds import KINDS, MEANT
        from wiro_mock.language.complaints import did_you_mean

        if value not in KINDS:
            meant = MEANT.get(str(value).lower())
            way = f"did you mean '{meant}'?" if meant else did_you_mean(str(value), KINDS)
            self.fail(f"no kind {value!r}; {way}", param, ctx)
        return str(value)


class Valued(click.ParamType[str]):
    """An amount of money."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that it is an amount."""
        from wiro_mock.kernel.account import usd

        try:
            return f"{usd(value):f}"
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Lasting(click.ParamType[int]):
    """A length of time such as `24h`, in microseconds."""

    name = "length"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Check that it is one."""
        from wiro_mock.language.durations import parse_duration

        try:
            return value if isinstance(value, int) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Held(click.ParamType[tuple[str, Path]]):
    """A URL and the file that it holds: `https://example.com/cat.png=cat.png`."""

    name = "url=file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Path]:
        """Check that it is a URL, and that the file is there."""
        from wiro_mock.inputs import LARGEST
        from wiro_mock.language.inputs import normal_url

        if isinstance(value, tuple):
            return value
        url, equals, name = str(value).rpartition("=")
        if not equals:
            self.fail(f"{value!r} has no file; write it like https://example.com/cat.png=cat.png", param, ctx)
        path = Path(name)
        if not path.is_file():
            self.fail(f"there is no file {name!r}; write the path of what {url[:100]} holds", param, ctx)
        if path.stat().st_size > LARGEST:
            self.fail(f"{name!r} is larger than {LARGEST >> 20} MiB", param, ctx)
        try:
            return normal_url(url), path
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Filled(click.ParamType[str]):
    """A credential: any text that a header can carry. What was given is never repeated in the complaint."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that there is one, and that no header is broken by it."""
        text = str(value)
        if not text or text != text.strip() or not text.isascii() or not text.isprintable():
            message = "it is empty, or has white space around it or characters that no header carries"
            self.fail(f"{message}; leave the option out for the default", param, ctx)
        return text


class Nearby(click.Group):
    """A group that says which command is near to one that is not there."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or tell of the nearest one."""
        if args[0] not in self.commands and args[0][:1].isalnum():
            from wiro_mock.language.complaints import did_you_mean

            ctx.fail(f"no command {args[0]!r}; {did_you_mean(args[0], self.commands)}")
        return super().resolve_command(ctx, args)
