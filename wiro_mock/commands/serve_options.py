"""The options of `wiro-mock serve`, as a list, and the settings that they make."""

from __future__ import annotations

from pathlib import Path

import click

from wiro_mock.commands.options import FaultSet, Filled, Held, Lasting, Presets, Profiles, ScenarioName, Valued
from wiro_mock.commands.serve_settings import DEFAULT_KEY, DEFAULT_SECRET

OPTIONS: list[click.Parameter] = [
    click.Argument(["preset"], type=Presets(), required=False, metavar="[PRESET]"),
    click.Option(["--host"], default="127.0.0.1", show_default=True, help="Address to listen on."),
    click.Option(
        ["--port"],
        type=click.IntRange(0, 65535),
        default=4747,
        show_default=True,
        help="Port to listen on; 0 for a free one.",
    ),
    click.Option(
        ["--scenarios", "folders"],
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="DIR",
        help="Folder (or file) of your own scenarios, beside the shipped ones. Repeatable; watched while serving.",
    ),
    click.Option(
        ["--use"],
        type=ScenarioName(),
        default="",
        metavar="SCENARIO",
        help="Let this scenario play every run, until the control API says otherwise.",
    ),
    click.Option(
        ["--faults"],
        multiple=True,
        type=FaultSet(),
        metavar="SET",
        help="Let go wrong what this fault set says: bad-day, cold-start, flaky-network, rate-limited, slow-gpu, or "
        "one of your own. Repeatable.",
    ),
    click.Option(
        ["--time", "time_mode"],
        default="real",
        show_default=True,
        metavar="MODE",
        help="real, auto, manual, or a rate such as 10x.",
    ),
    click.Option(["--poll"], metavar="WORTH", help="What a Task/Detail poll is worth: finish, next, or seconds."),
    click.Option(
        ["--api-key"],
        type=Filled(),
        envvar="WIRO_API_KEY",
        show_envvar=True,
        help=f"The project's key. [default: {DEFAULT_KEY}]",
    ),
    click.Option(
        ["--api-secret"],
        type=Filled(),
        envvar="WIRO_API_SECRET",
        show_envvar=True,
        help=f"The project's secret. [default: {DEFAULT_SECRET}]",
    ),
    click.Option(["--key-only"], is_flag=True, help="The project needs no signature."),
    click.Option(
        ["--auth"],
        type=click.Choice(["strict", "lenient", "off"]),
        default="strict",
        show_default=True,
        help="Refuse a wrong signature, accept and record it, or look at nothing.",
    ),
    click.Option(["--profile"], type=Profiles(), default="current", show_default=True, help="Revision of the wire."),
    click.Option(
        ["--switch", "switches"],
        multiple=True,
        metavar="NAME=VALUE",
        help="Set one switch of the profile. Repeatable.",
    ),
    click.Option(["--seed"], default="0", show_default=True, help="Makes ids and tokens."),
    click.Option(
        ["--public-url"], default="", metavar="URL", help="Origin of the URLs in answers, instead of the request's own."
    ),
    click.Option(
        ["--workers"], type=click.IntRange(1), help="Tasks at work at once; others wait. [default: any number]"
    ),
    click.Option(
        ["--balance"], type=Valued("usd"), default="1000", show_default=True, help="The account's balance in USD."
    ),
    click.Option(
        ["--unknown-models"],
        type=click.Choice(["refuse", "play"]),
        default="refuse",
        show_default=True,
        help="A run of a model that is not in the catalogue: refused, or played by the default scenario of its kind.",
    ),
    click.Option(
        ["--keep-tasks"],
        type=click.IntRange(0),
        default=10_000,
        show_default=True,
        help="Finished tasks remembered; older ones are forgotten with logs and files.",
    ),
    click.Option(
        ["--keep-requests"],
        type=click.IntRange(0),
        default=1_000,
        show_default=True,
        help="Requests in the journal, up to 16 MiB of them.",
    ),
    click.Option(
        ["--keep-mib"],
        type=click.IntRange(1),
        default=1024,
        show_default=True,
        help="MiB of files and of the runs' own text; the oldest finished tasks and uploads make room.",
    ),
    click.Option(
        ["--webhook-host", "webhook_hosts"],
        multiple=True,
        metavar="NAME",
        help="Host that webhooks may go to although its address is not private. Repeatable.",
    ),
    click.Option(
        ["--realtime-grace"],
        type=click.FloatRange(0, 3600),
        default=0.0,
        show_default=True,
        metavar="SECONDS",
        help="How long a realtime session waits for a client whose socket has gone, by the system's clock.",
    ),
    click.Option(
        ["--expire-files"],
        type=Lasting(),
        metavar="LENGTH",
        help="How long URLs of a task's files last, by the world's clock: 24h, 90s. [default: always]",
    ),
    click.Option(
        ["--input-url", "input_urls"],
        type=Held(),
        multiple=True,
        metavar="URL=FILE",
        help="What a URL holds that runs send as an input, so that nothing is fetched. Repeatable.",
    ),
    click.Option(
        ["--undeclared-inputs"],
        type=click.Choice(["echo", "refuse"]),
        default="echo",
        show_default=True,
        help="A run that sends a URL of which nobody says what it holds.",
    ),
    click.Option(
        ["--moondream-endpoint"],
        default="",
        metavar="URL",
        help="Let a real model answer moondream3-preview/*: anything at URL that speaks Moondream's HTTP protocol.",
    ),
    click.Option(
        ["--moondream"],
        default="",
        metavar="WEIGHTS",
        help="The same, by an engine server of our own that is started here (needs the extra moondream).",
    ),
    click.Option(
        ["--moondream-with"],
        default="",
        metavar="OPTIONS",
        help="Further options of that server, such as '--engine torch'; see wiro-mock moondream serve --help.",
    ),
    click.Option(
        ["--fetch-host", "fetch_hosts"],
        multiple=True,
        metavar="NAME",
        help="Host from which a real model's pictures are fetched although its address is private. Repeatable.",
    ),
    click.Option(["--scenario-header"], is_flag=True, help="Let requests choose by the header x-wiro-mock-scenario."),
    click.Option(["--admin-token"], default="", metavar="TOKEN", help="Opens the control API beyond loopback."),
    click.Option(
        ["--intercept"],
        is_flag=True,
        help="Be a proxy, too, that answers for Wiro's own hosts, with a throw-away CA (wiro-mock ca --env). Needs the "
        "extra tls.",
    ),
    click.Option(
        ["--tunnel"],
        multiple=True,
        metavar="HOST",
        help="Other host (a glob) that the proxy leads on to; none for no host. Repeatable. [default: all, for this "
        "machine only]",
    ),
    click.Option(
        ["--tls"],
        is_flag=True,
        help="Speak TLS (https, wss) under Wiro's names, localhost and --tls-name. Needs the extra tls.",
    ),
    click.Option(
        ["--tls-name", "tls_names"],
        multiple=True,
        metavar="NAME",
        help="Another name or address in the certificate, such as a container's. Repeatable.",
    ),
    click.Option(
        ["--most-worlds"],
        type=click.IntRange(0),
        default=1_000,
        show_default=True,
        help="Worlds that others may make at once by POST /__wiro/worlds.",
    ),
    click.Option(
        ["--load"],
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Go on from a snapshot, with its credentials, time and scenarios; what is given here besides holds.",
    ),
    click.Option(
        ["--save-on-exit"],
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Save the world there at the end, as it is when the signal comes. Only you can read the file.",
    ),
    click.Option(
        ["--log"],
        type=click.Choice(["text", "json"]),
        is_flag=False,
        flag_value="text",
        metavar="[FORMAT]",
        help="One line for each request on stderr, as text or as json (and then all that is told there is JSON).",
    ),
]
