"""What all our clients agree on, without a byte of I/O: what to ask, how to read the answers, when to try again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captioner.errors import NoCredit, OutOfMemory, Refused, TaskCancelled, TaskFailed, TooManyTasks, Unauthorized
from captioner.signing import Account

MODEL = "moondream3-preview/caption"


@dataclass(frozen=True)
class Call:
    """A POST to be made: with files it is multipart, without it is JSON."""

    path: str
    fields: dict[str, str]
    files: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Started:
    """A task that Wiro has taken on: ask for it by its id, follow it with its token."""

    task_id: str
    token: str


@dataclass(frozen=True)
class Task:
    """How a task stands."""

    id: str
    status: str
    exit_code: str
    stdout: str
    stderr: str
    urls: tuple[str, ...]


@dataclass
class Story:
    """What the socket has told of a task so far."""

    text: str = ""
    percentages: list[int] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    ended: str = ""
    exit_code: int | None = None


class Conduct:
    """The manners of a client of Wiro; whoever inherits adds a library that can talk."""

    account: Account
    poll_every = 2.0
    """Seconds between two looks at a task."""
    patience = 600.0
    """Seconds after which a task is stopped."""
    back_off: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Seconds to wait before each new try of a run that came too soon."""

    def headers(self) -> dict[str, str]:
        """The headers of the next request."""
        return self.account.headers()

    def url(self, call: Call) -> str:
        """Where a call goes."""
        return f"{self.account.base_url}/{call.path}"

    # what to ask

    def run_call(self, picture: str | Path, parameters: dict[str, str]) -> Call:
        """Ask for a caption of a picture: a file is sent, an address is passed on."""
        if isinstance(picture, Path):
            return Call(f"Run/{MODEL}", parameters, {"inputImage": picture})
        return Call(f"Run/{MODEL}", {"inputImage": picture, **parameters})

    def upload_call(self, picture: Path) -> Call:
        """Ask Wiro to keep a picture."""
        return Call("File/Upload", {}, {"file": picture})

    def detail_call(self, task_id: str) -> Call:
        """Ask how a task stands."""
        return Call("Task/Detail", {"taskid": task_id})

    def cancel_call(self, task_id: str) -> Call:
        """Ask that a task that still waits be dropped."""
        return Call("Task/Cancel", {"taskid": task_id})

    def kill_call(self, task_id: str) -> Call:
        """Ask that a task that already works be stopped."""
        return Call("Task/Kill", {"taskid": task_id})

    # how to read the answers

    def read(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer, if it is a yes."""
        if answer["result"]:
            return answer
        error = answer["errors"][0]
        code, message = int(error["code"]), str(error["message"])
        if "authorization" in message:
            raise Unauthorized(code, message)
        raise {96: TooManyTasks, 97: NoCredit}.get(code, Refused)(code, message)

    def started(self, answer: dict[str, Any]) -> Started:
        """The task that an answer to Run tells of."""
        return Started(answer["taskid"], answer["socketaccesstoken"])

    def task(self, answer: dict[str, Any]) -> Task:
        """The task that an answer to Task/Detail shows."""
        found = answer["tasklist"][0]
        return Task(
            id=found["id"],
            status=found["status"],
            exit_code=found["pexit"] or "",
            stdout=found["debugoutput"],
            stderr=found["debugerror"],
            urls=tuple(output["url"] for output in found["outputs"]),
        )

    def is_over(self, task: Task) -> bool:
        """Whether nothing more will happen to the task."""
        return task.status in ("task_postprocess_end", "task_cancel")

    def check(self, task: Task) -> None:
        """Raise unless the task succeeded. Warnings on stderr are no failure; only the exit code tells."""
        if task.status == "task_cancel":
            raise TaskCancelled(f"task {task.id} was cancelled")
        if task.exit_code != "0":
            raise self.failure(task.id, task.exit_code, task.stderr)

    def failure(self, task_id: str, exit_code: str, stderr: str) -> TaskFailed:
        """The error that tells what went wrong with a task."""
        error = OutOfMemory if "CUDA out of memory" in stderr else TaskFailed
        return error(task_id, exit_code, stderr)

    def files_of(self, task: Task) -> tuple[str, ...]:
        """The addresses of what is to be downloaded."""
        return task.urls

    # what the socket says

    def registration(self, token: str) -> dict[str, str]:
        """The first thing to say on a socket."""
        return {"type": "task_info", "tasktoken": token}

    def hear(self, frame: dict[str, Any], story: Story) -> bool:
        """Add a frame to the story; whether it was the last one."""
        message = frame.get("message")
        match frame["type"]:
            case "task_output" if isinstance(message, dict) and "percentage" in message:
                story.percentages.append(int(message["percentage"]))
            case "task_output" if isinstance(message, dict):
                story.text = self.text_after(story.text, message["raw"])
            case "task_error":
                story.warnings.append(str(message))
            case "task_postprocess_end" | "task_cancel" as ended:
                story.ended, story.exit_code = ended, frame.get("exitCode")
        return bool(story.ended)

    def text_after(self, before: str, snapshot: str) -> str:
        """The text so far. A streamed text comes as snapshots, each the whole of it."""
        return snapshot if len(snapshot) >= len(before) else before

    def check_story(self, story: Story, task_id: str) -> None:
        """Raise unless the story is one of success."""
        if story.ended == "task_cancel":
            raise TaskCancelled(f"task {task_id} was cancelled")
        if story.exit_code:
            raise self.failure(task_id, str(story.exit_code), "\n".join(story.warnings))
