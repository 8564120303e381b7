"""`wiro-mock moondream`: a real Moondream 3 of one's own: serve it, check it, measure it."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import click

from wiro_mock.commands.options import Nearby

if TYPE_CHECKING:
    import socket

    from wiro_mock.moondream.job import Engine

START = 2
"""The status of a server that cannot start."""
MOST_SLOTS = 256
PORT = 2020
"""Moondream Station's port: clients that know no other find this one."""


class Given(TypedDict):
    """What `serve` was given."""

    weights: str
    engine: str
    revision: str
    trust_remote_code: bool
    device: str
    dtype: str
    tokenizer: Path | None
    slots: int
    length: int
    compile_: bool
    host: str
    port: int
    queue: int
    grace: float
    stop_at_eof: bool


WEIGHTS = click.option(
    "--weights",
    required=True,
    metavar="DIR",
    help="Folder of weights; or owner/name, which is looked for in the cache of Hugging Face.",
)
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 … or mps.")
DTYPE = click.option(
    "--dtype",
    type=click.Choice(["auto", "bfloat16", "float16", "float32"]),
    default="auto",
    show_default=True,
    help="Of the torch engine: auto is float32 on a processor, bfloat16 on a GPU.",
)
TOKENIZER = click.option(
    "--tokenizer",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="tokenizer.json of moondream/starmie-v1, where it lies elsewhere.",
)
REVISION = click.option(
    "--revision", default="", metavar="SHA", help="Commit of a hub repository; needed for owner/name."
)
TRUST = click.option("--trust-remote-code", is_flag=True, help="Run the Python code that comes with the weights.")


@click.group(
    cls=Nearby,
    short_help="Run a real Moondream 3.",
    epilog="Example: wiro-mock moondream serve --weights ~/moondream3-preview --engine torch",
)
def moondream() -> None:
    """A real Moondream 3 of your own, behind Moondream's HTTP protocol. Needs: pip install 'wiro-mock[moondream]'."""


@moondream.command(
    short_help="Serve the model until Ctrl-C.",
    epilog="Example: wiro-mock moondream serve --weights ~/moondream3-preview --trust-remote-code",
)
@WEIGHTS
@click.option(
    "--engine",
    type=click.Choice(["transformers", "torch"]),
    default="transformers",
    show_default=True,
    help="The official code, one request at a time; or our own module, many at a time.",
)
@REVISION
@TRUST
@DEVICE
@DTYPE
@TOKENIZER
@click.option(
    "--slots",
    type=click.IntRange(1, MOST_SLOTS),
    default=4,
    show_default=True,
    help="Requests that decode together (torch).",
)
@click.option(
    "--length", type=click.IntRange(800, 32768), default=2048, show_default=True, help="Positions of a slot (torch)."
)
@click.option("--compile", "compile_", is_flag=True, help="Compile the official code's model (transformers).")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; there is no password.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port to listen on; 0 for a free one.",
)
@click.option("--queue", type=click.IntRange(0, 10_000), default=64, show_default=True, help="Requests that may wait.")
@click.option(
    "--grace", type=click.FloatRange(0, 3600), default=10.0, show_default=True, help="Seconds to finish when stopped."
)
@click.option(
    "--stop-at-eof", is_flag=True, help="Stop when stdin ends: with the parent process, if it holds the pipe."
)
def serve(**given: Unpack[Given]) -> None:
    """Serve the model: POST /caption, /query, /detect, /point; GET /health, /metrics.

    Prints one line on stdout when it can serve, with its address.
    """
    from wiro_mock.moondream.refusals import CannotStart
    from wiro_mock.moondream.running import Process, Service

    service = Service(
        queue=given["queue"],
        grace=given["grace"],
        stop_at_eof=given["stop_at_eof"],
        ready=lambda origin: click.echo(f"moondream engine ready on {origin}"),
        say=_say,
    )
    try:
        status = Process(_listen(given["host"], given["port"]), lambda broken: _engine(given, broken), service).run()
    except CannotStart as error:
        raise _ends(str(error)) from None
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread may still be in the middle of a step; torch does not bear the usual end of the interpreter then.
    os._exit(status)


def _engine(given: Given, broken: Callable[[BaseException], None]) -> Engine:
    if given["engine"] == "torch":
        from wiro_mock.moondream.loading import Wanted, load
        from wiro_mock.moondream.slots import Slots

        wanted = Wanted(
            weights=_folder(given),
            device=given["device"],
            dtype=given["dtype"],
            tokenizer=given["tokenizer"],
            slots=given["slots"],
            length=given["length"],
            say=_say,
        )
        network, tokenizer = load(wanted)
        slots, length = given["slots"], given["length"]
        return Slots(network, tokenizer, slots=slots, length=length, model=wanted.weights.name, broken=broken)
    from wiro_mock.moondream.reference import Reference
    from wiro_mock.moondream.remote_code import Source

    source = Source(
        weights=given["weights"],
        revision=given["revision"],
        trusted=given["trust_remote_code"],
        device=given["device"],
        compiled=given["compile_"],
    )
    return Reference.load(source, broken=broken)


def _folder(given: Any) -> Path:
    from wiro_mock.moondream.remote_code import folder_of

    return folder_of(given["weights"], given["revision"])


def _listen(host: str, port: int) -> socket.socket:
    from wiro_mock.server import CannotListen, bind

    try:
        return bind(host, port)
    except (CannotListen, UnicodeError) as error:
        raise _ends(str(error)) from None


def _ends(sentence: str) -> click.ClickException:
    return _CannotStart(sentence)


class _CannotStart(click.ClickException):
    """The server cannot start."""

    exit_code = START


def _say(line: str) -> None:
    click.echo(f"moondream: {line}", err=True)


REPORT = click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="JSON file to keep.",
)


@moondream.command(
    short_help="Check a folder of weights.",
    epilog="Example: wiro-mock moondream check --weights ~/moondream3-preview --report moondream.json",
)
@WEIGHTS
@REVISION
@click.option("--against", type=click.Choice(["transformers"]), help="Compare our module with the official code.")
@TRUST
@DEVICE
@DTYPE
@TOKENIZER
@click.option("--tokens", type=click.IntRange(1, 768), default=768, show_default=True, help="The most of a caption.")
@REPORT
def check(
    weights: str,
    revision: str,
    against: str | None,
    trust_remote_code: bool,
    device: str,
    dtype: str,
    tokenizer: Path | None,
    tokens: int,
    report: Path,
) -> None:
    """Check a folder of weights: whole, sensible, and the same in our module as in the official code.

    Status 1 where a step failed; the report holds all of them.
    """
    from wiro_mock.moondream.checking import check as checked
    from wiro_mock.moondream.loading import Wanted, need
    from wiro_mock.moondream.refusals import CannotStart

    def official() -> Engine:
        from wiro_mock.moondream.reference import Reference
        from wiro_mock.moondream.remote_code import Source

        source = Source(weights=weights, revision=revision, trusted=trust_remote_code, device=device, dtype=dtype)
        return Reference.load(source)

    try:
        need("moondream", *(["moondream-hf"] if against else []))
        folder = _folder({"weights": weights, "revision": revision})
        wanted = Wanted(weights=folder, device=device, dtype=dtype, tokenizer=tokenizer, slots=1, say=_say)
        found = checked(wanted, official if against else None, click.echo, tokens)
    except CannotStart as error:
        raise _ends(str(error)) from None
    _write(report, found.as_json())
    click.get_current_context().exit(0 if found.ok else 1)


@moondream.command(
    short_help="Measure what this machine can do.",
    epilog="Example: wiro-mock moondream bench --size full --device cuda --report h200.json",
)
@click.option(
    "--size",
    type=click.Choice(["toy", "full"]),
    default="toy",
    show_default=True,
    help="full takes 19 GB of a GPU and of disk.",
)
@DEVICE
@click.option(
    "--batches", default="1,4,8,16,32", show_default=True, metavar="N,N", help="Slots, and clients at a time."
)
@click.option("--tokens", type=click.IntRange(1, 768), default=200, show_default=True, help="Of each client's stream.")
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Where weights are written.",
)
@REPORT
def bench(size: str, device: str, batches: str, tokens: int, scratch: Path | None, report: Path) -> None:
    """Measure what this machine can do with random weights: the parts, and the whole through a server."""
    from wiro_mock.moondream.bench import Course
    from wiro_mock.moondream.bench import bench as measured
    from wiro_mock.moondream.refusals import CannotStart

    try:
        counts = sorted({int(one) for one in batches.split(",")})
        if not counts or counts[0] < 1 or counts[-1] > MOST_SLOTS:
            raise ValueError
    except ValueError:
        raise click.UsageError(
            f"--batches is {batches!r}; it is numbers from 1 to {MOST_SLOTS}, such as 1,4,8"
        ) from None
    course = Course(size=size, device=device, batches=counts, tokens=tokens, scratch=scratch, say=click.echo)
    try:
        _write(report, measured(course))
    except CannotStart as error:
        raise _ends(str(error)) from None


def _write(path: Path, report: dict[str, Any]) -> None:
    import json

    try:
        path.write_text(json.dumps(report, indent=1) + "\n")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}; --report is a file of yours") from None
    click.echo(f"the report is in {path}")
