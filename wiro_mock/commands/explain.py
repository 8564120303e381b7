"""`wiro-mock explain`: why a running server answered as it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import httpx

PATIENCE = 10.0
"""Seconds after which a server that says nothing is none."""
LATEST = 20
"""So many exchanges are explained where none is named."""
LOOKED_AT = 1_000
URL = "http://127.0.0.1:4747"


@click.command(short_help="Say why a server answered as it did.", epilog="Example: wiro-mock explain req-7")
@click.argument("request_id", metavar="[REQUEST]", required=False, default="")
@click.option("--url", default=URL, show_default=True, help="Where the server is.")
@click.option("--admin-token", default="", metavar="TOKEN", help="The token that the server was started with.")
def explain(request_id: str, url: str, admin_token: str) -> None:
    """Say why a running server answered a request as it did, and what to change.

    REQUEST is what the answer's header x-wiro-mock-request-id says, such as req-7. Without it, the latest 20 requests
    that were refused, or that something else was amiss with, are explained.
    """
    import httpx

    origin = url.rstrip("/").removesuffix("/v1")
    headers = {"authorization": f"Bearer {admin_token}"} if admin_token else {}
    try:
        with httpx.Client(trust_env=False, timeout=PATIENCE, headers=headers) as client:
            texts = [_lines(client, origin, request_id)] if request_id else _latest(client, origin)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise click.UsageError(f"{url} cannot be reached: {error}; is `wiro-mock serve` running there?") from None
    for number, lines in enumerate(texts):
        click.echo(("\n" if number else "") + "\n".join(lines))


def _latest(client: httpx.Client, origin: str) -> list[list[str]]:
    journal = _asked(client, origin, f"/journal?limit={LOOKED_AT}", "journal")
    amiss = [one["id"] for one in journal if one["code"] is not None or one["reason"]]
    if not amiss:
        return [[f"nothing was refused: {len(journal)} request{'' if len(journal) == 1 else 's'} in the journal"]]
    return [_lines(client, origin, request_id) for request_id in amiss[-LATEST:]]


def _lines(client: httpx.Client, origin: str, request_id: str) -> list[str]:
    from urllib.parse import quote

    lines: list[str] = _asked(client, origin, f"/explain/{quote(request_id, safe='')}", "lines")
    return lines


def _asked(client: httpx.Client, origin: str, path: str, key: str) -> Any:
    """What the control API has under a key of its answer; a `UsageError` when it is no wiro-mock, or says no."""
    answer = client.get(f"{origin}/__wiro{path}")
    try:
        found = answer.json()
        if key in found:
            return found[key]
        sentence = str(found["error"])
    except (ValueError, KeyError, TypeError):
        raise click.UsageError(
            f"{origin} is no wiro-mock (HTTP {answer.status_code} at /__wiro); --url is the address of the ready line"
        ) from None
    raise click.UsageError(sentence if ";" in sentence else f"{sentence}; look at {origin}/__wiro/journal")
