"""`wiro-mock watch`: follow a task of a running server from the terminal, frame by frame, to its end."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from wiro_mock.commands.watch_client import Watcher

SERVER = "http://127.0.0.1:4747"
PATIENCE = 5.0
"""Seconds after which a control API that says nothing is none."""
FAILED, SUCCEEDED = 1, 0
ENDS = ("task_postprocess_end", "task_cancel")
UNSTARTED = "no task has this token yet; its frames come as soon as it is run"


@click.command(short_help="Follow a task of a running server.", epilog="Example: wiro-mock watch 2221 --server URL")
@click.argument("task", metavar="TASK")
@click.option("--server", "--url", "server", default=SERVER, show_default=True, help="Where the server is.")
@click.option("--admin-token", default="", metavar="TOKEN", help="The token that the server was started with.")
@click.pass_context
def watch(ctx: click.Context, task: str, server: str, admin_token: str) -> None:
    """Follow a task of a running server with live progress, to its end.

    TASK is the socketaccesstoken that the Run answered, or the task's id. On a terminal, progress moves on one line,
    and a language model's answer grows, its thinking dimmed. The exit status is 0 where the task succeeded, 1 where
    it failed or was cancelled, 2 where the server cannot be reached, 130 after Ctrl-C.
    """
    from wiro_mock.commands.watch_client import Unreachable, Watcher
    from wiro_mock.commands.watch_views import view

    origin = server.rstrip("/").removesuffix("/v1")
    control = _Control(origin, admin_token)
    token = control.token_of(task)
    shown = view()
    try:
        with Watcher(origin, token) as watcher:
            if control.knows_it is False:
                shown.note(UNSTARTED)
            ctx.exit(_follow(watcher, shown, control, token))
    except Unreachable as error:
        raise click.UsageError(str(error)) from None


def _follow(watcher: Watcher, shown: Any, control: _Control, token: str) -> int:
    """Show every frame; the exit status."""
    began = time.monotonic()
    for said in watcher.frames():
        at = time.monotonic() - began
        if said is None:
            shown.wait(at)
        elif isinstance(said, bytes):
            shown.binary(at, said.partition(b"|")[2])
        elif (frame := _parsed(said)) is None:
            shown.unreadable(at, said)
        else:
            shown.frame(at, frame)
            if frame.get("type") in ENDS:
                return _status(frame, control, token)
    raise click.UsageError(f"{watcher.goodbye}, before the task had ended; run the command again to see the rest")


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) and isinstance(frame.get("type"), str) else None


def _status(end: dict[str, Any], control: _Control, token: str) -> int:
    """0 for success. Older revisions of the wire do not say; then the server is asked, or outputs count as success."""
    if end["type"] == "task_cancel":
        return FAILED
    success = end.get("success")
    if not isinstance(success, bool):
        code = control.exit_code(token)
        success = bool(end.get("message")) if code is None else code == 0
    return SUCCEEDED if success else FAILED


class _Control:
    """What the control API of the server knows, where there is one: any Wiro can be watched by a token."""

    def __init__(self, origin: str, admin_token: str) -> None:
        self._origin = origin
        self._headers = {"authorization": f"Bearer {admin_token}"} if admin_token else {}
        self.knows_it: bool | None = None

    def token_of(self, name: str) -> str:
        """The token of a task that is named by its id; a token is one already."""
        status, answer = self._asked(name)
        self.knows_it = {200: True, 404: False}.get(status)
        if self.knows_it and isinstance(answer.get("token"), str):
            return str(answer["token"])
        if name.isdecimal():
            raise click.UsageError(self._no_such_task(status, answer))
        return name

    def exit_code(self, token: str) -> int | None:
        """The exit code of a task; None where nobody says."""
        code = self._asked(token)[1].get("exit_code")
        return code if isinstance(code, int) else None

    def _no_such_task(self, status: int, answer: dict[str, Any]) -> str:
        said = answer.get("error")
        if isinstance(said, str):
            return said if ";" in said else f"{said}; look at {self._origin}/__wiro/tasks"
        if status:
            return f"{self._origin} is no wiro-mock (HTTP {status} at /__wiro); give the task's token, not its id"
        return f"{self._origin} cannot be reached; is `wiro-mock serve` running there?"

    def _asked(self, name: str) -> tuple[int, dict[str, Any]]:
        """The HTTP status (0 where nobody answers) and the JSON object."""
        from urllib.parse import quote

        import httpx

        try:
            with httpx.Client(trust_env=False, timeout=PATIENCE, headers=self._headers) as client:
                response = client.get(f"{self._origin}/__wiro/tasks/{quote(name, safe='')}")
            answer = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
            return 0, {}
        except ValueError:
            return response.status_code, {}
        return response.status_code, answer if isinstance(answer, dict) else {}
