"""`wiro-mock model`: the models on offer: list them, show one, and add one that Wiro publishes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wiro_mock.commands.options import Kinds, Nearby

if TYPE_CHECKING:
    from wiro_mock.kernel.catalog import Model
    from wiro_mock.kernel.kinds import Kind

FOLDERS = click.option(
    "--scenarios",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Folder with models of your own, beside the shipped ones. Repeatable.",
)


@click.group(
    cls=Nearby,
    short_help="List models, show one, add one.",
    epilog="Example: wiro-mock model add https://wiro.ai/models/pruna/p-image",
)
def model() -> None:
    """The models that the mock has on offer, and how to add one."""


@model.command(
    short_help="Add a model that Wiro publishes.",
    epilog="Example: wiro-mock model add https://wiro.ai/models/pruna/p-image --to tests/wiro",
)
@click.argument("source", metavar="FILE-OR-URL")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("scenarios"),
    show_default=True,
    metavar="DIR",
    help="Folder of scenarios whose models/ gets the file; made where it is missing.",
)
@click.option("--kind", type=Kinds(), help="The kind of output, instead of the one that is inferred.")
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option("--print", "only_print", is_flag=True, help="Write to stdout, and no file.")
def add(source: str, folder: Path, kind: Kind | None, *, force: bool, only_print: bool) -> None:
    """Turn what Wiro publishes about a model into a model file: its llms-full.txt, its /Tool/Detail JSON, or its
    OpenAPI document, from a file, a URL, or stdin (-). The URL of a model's page will do.

    What the source does not say gets a default, which a comment in the file calls our guess.
    """
    import time

    from wiro_mock.published.completing import complete
    from wiro_mock.published.draft import NotAModel
    from wiro_mock.published.recognised import read_published
    from wiro_mock.published.shelf import CannotWrite, checked, put
    from wiro_mock.published.source import read_source
    from wiro_mock.published.telling import told, way_on
    from wiro_mock.published.writing import document

    place = source
    try:
        found = read_source(source)
        place = found.place
        offers = [complete(draft, kind) for draft in read_published(found.data)]
        files = [(offer.model, document(offer, found.place, time.time())) for offer in offers]
        for one, text in files:
            checked(one, text)
        if only_print:
            click.echo("---\n".join(text for _, text in files), nl=False)
            return
        paths = put(folder, files, force=force)
    except NotAModel as error:
        raise click.ClickException(f"{_named(place, str(error))}") from None
    except CannotWrite as error:
        raise click.ClickException(str(error)) from None
    for path, offer in zip(paths, offers, strict=True):
        click.echo("\n".join(told(path, offer)))
    click.echo(way_on(folder, paths, offers))


def _named(place: str, message: str) -> str:
    """The message with the source before it, where it speaks of 'it'."""
    from wiro_mock.text import printable

    return f"{printable(place[:200])}: {message}" if message.startswith(("it ", "one of ", "no model")) else message


@model.command(
    name="list",
    short_help="List the models.",
    epilog="Example: wiro-mock model list --kind video --search kling",
)
@click.option("--owner", metavar="OWNER", help="Only models of this owner.")
@click.option("--kind", type=Kinds(), help="Only models of this kind of output.")
@click.option("--search", metavar="TEXT", help="Only models with this text in name, description, categories or tags.")
@FOLDERS
def list_models(owner: str | None, kind: Kind | None, search: str | None, folders: tuple[Path, ...]) -> None:
    """List the models on offer: name, kind of output, and what it does."""
    from wiro_mock.commands.model_views import aligned, chosen

    found = chosen(_models(folders), owner, kind, search)
    for line in aligned([(one.name, one.kind, one.description) for one in found]):
        click.echo(line)


@model.command(short_help="Show one model.", epilog="Example: wiro-mock model show google/nano-banana-pro")
@click.argument("name", metavar="OWNER/SLUG")
@FOLDERS
def show(name: str, folders: tuple[Path, ...]) -> None:
    """Show a model and its parameters: what may be sent, and what holds where nothing is sent."""
    from wiro_mock.commands.model_views import find, view

    click.echo("\n".join(view(find(_models(folders), name))))


def _models(folders: tuple[Path, ...]) -> list[Model]:
    from wiro_mock.language.complaints import ScenarioError
    from wiro_mock.loader import load_models, shipped

    for folder in folders:
        if not folder.is_dir():
            raise click.UsageError(f"there is no folder {str(folder)!r}; look at the path")
    try:
        found = load_models(shipped(), *folders)
    except ScenarioError as error:
        raise click.ClickException(f"no model is shown before this is mended:\n{error}") from None
    return sorted(found, key=lambda one: one.name.lower())
