"""What a live service is asked, so that there is something to compare: all that needs no run, and three runs.

The runs, the cost guard and the cleaning up are those of the contract suite. A question that cannot be asked is told,
and the others are asked all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import urljoin

from wiro_mock.contract.checks.auth import NOWHERE
from wiro_mock.contract.checks.catalogue import NOBODY
from wiro_mock.contract.checks.runs import PICKY
from wiro_mock.contract.client import digest_of_nothing
from wiro_mock.contract.listener import WELCOME
from wiro_mock.contract.promise import Broken, NotVerified, Trouble, Unmet
from wiro_mock.contract.service import Service

Question = Callable[[], Any]
NO_FILE = f"/{'-'.join(['0' * 8] * 8)}/nothing.txt"
NO_TOKEN = {"type": "task_info"}
SHORT = 5.0
"""Seconds that frames may take which are nobody's promise."""


def asked(service: Service, *, runs: bool) -> tuple[list[str], list[str]]:
    """Ask everything; what stood in the way, and what there was no occasion for."""
    trouble: list[str] = []
    missed: list[str] = []
    for question in (*_free(service), *(_runs(service) if runs else ())):
        try:
            question()
        except Trouble as error:
            trouble.append(str(error))
        except NotVerified as error:
            missed.append(str(error))
        except (Broken, Unmet) as error:
            cannot_be_read = isinstance(error, Broken) or str(error) == WELCOME
            (trouble if cannot_be_read else missed).append(f"expected {error.expected}, got {error.got}")
    return list(dict.fromkeys(trouble)), list(dict.fromkeys(missed))


def _free(wiro: Service) -> Iterator[Question]:
    """What costs nothing: who is let in, the catalogue, and what is refused."""
    unknown = {"taskid": wiro.unknown_task}
    yield lambda: wiro.post("Task/Detail", unknown)
    yield lambda: wiro.post("Task/Detail", unknown, headers={})
    yield lambda: wiro.post("Task/Detail", unknown, headers={"x-api-key": NOWHERE})
    if wiro.credentials.secret:
        key = {"x-api-key": wiro.credentials.key}
        wrong = {**wiro.credentials.headers(), "x-signature": digest_of_nothing(wiro.credentials.key)}
        yield lambda: wiro.post("Task/Detail", unknown, headers=key)
        yield lambda: wiro.post("Task/Detail", unknown, headers=wrong)
    yield lambda: wiro.post("No/SuchPath", {})
    yield lambda: wiro.post("Task/Detail", {})
    yield from (partial(wiro.post, call, unknown) for call in ("Task/Cancel", "Task/Kill"))
    yield lambda: wiro.post("Task/InputOutputDelete", {"tasktoken": "0" * 30})
    yield lambda: wiro.post("Task/List", {"type": "model", "sort": "id", "order": "DESC", "start": "0", "limit": "1"})
    yield from _catalogue(wiro)
    yield lambda: wiro.try_run("nobody-is-called-that/no-such-model", {})
    yield lambda: wiro.try_run(PICKY, {})
    yield lambda: wiro.try_run(PICKY, {"prompt": "a cat", "seed": "-1"})
    yield lambda: _without_a_token(wiro)


def _catalogue(wiro: Service) -> Iterator[Question]:
    owner, _, slug = wiro.model.path.partition("/")
    model = {"slugowner": owner, "slugproject": slug}
    page = {"start": "0", "limit": "2", "sort": "id", "order": "DESC"}
    yield lambda: wiro.post("Tool/List", page, headers={})
    yield lambda: wiro.post("Tool/Detail", model, headers={})
    yield lambda: wiro.post("Tool/Detail", NOBODY, headers={})
    yield lambda: wiro.post("Tool/Explore", {}, headers={})
    yield lambda: wiro.post("Tool/DetailOpenAPI", model, headers={})


def _without_a_token(wiro: Service) -> None:
    with wiro.listen() as socket:
        socket.say(NO_TOKEN)
        for _ in range(2):
            with suppress(Broken, Unmet):
                if socket.frame(min(wiro.patience, SHORT)) is None:
                    return


def _runs(wiro: Service) -> Iterator[Question]:
    """Three runs of the cheapest model: one to its end, one cancelled, one killed."""
    yield lambda: _listened(wiro)
    yield lambda: wiro.post("Task/Detail", {"taskid": wiro.finished().run.task_id})
    yield lambda: wiro.post("Task/Kill", {"taskid": wiro.finished().run.task_id})
    yield wiro.cancelled
    yield lambda: wiro.post("Task/Kill", {"taskid": wiro.cancelled().run.task_id})
    yield wiro.killed
    yield lambda: _fetch(wiro)
    yield lambda: _fetch(wiro, range="bytes=0-0")
    yield lambda: wiro.post("Task/InputOutputDelete", {"tasktoken": wiro.finished().run.token})
    yield lambda: _fetch(wiro)
    yield lambda: _fetch(wiro, path=NO_FILE)


def _fetch(wiro: Service, *, path: str = "", **asked: str) -> None:
    """Ask for the first file that was made, or for another path where that lies; no byte of it is read."""
    outputs = wiro.finished().task.get("outputs")
    files = [one for one in outputs if isinstance(one, dict) and one.get("url")] if isinstance(outputs, list) else []
    if not files:
        raise NotVerified("files: the model made none")
    url = str(files[0]["url"])
    wiro.http.headers_of(urljoin(url, path) if path else url, **asked)


def _listened(wiro: Service) -> None:
    if (problem := wiro.finished().no_frames) is not None:
        raise problem
