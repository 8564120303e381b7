"""A run as it was asked for, and the job that it becomes when it is taken on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wiro_mock.kernel import ids
from wiro_mock.kernel.events import Instant, Job
from wiro_mock.kernel.files import Blob, File, FileKind, make_file

if TYPE_CHECKING:
    from wiro_mock.kernel.catalog import Model

OWN_FIELDS: Final = ("callbackUrl", "projectid")
"""Fields of every run that are no parameters of the model: the task has keys of its own for them (rest.md §5.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputBlob:
    """A file that came with a run, as a parameter's value; `suffix` is its extension with the dot."""

    blob: Blob
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run as it was asked for. In `parameters` an `InputBlob` stands where a file was sent (alone or in a
    list); `weight` counts the bytes of the request's text, which is kept as long as the task. `linked` are the files
    of this mock that it names by their URLs, where its price asks for their measures.
    """

    model: Model
    owner: str
    project: str
    project_id: str
    parameters: Mapping[str, object]
    callback_url: str = ""
    origin: str = ""
    weight: int = 0
    linked: Mapping[str, Blob] = field(default_factory=dict)

    def blobs(self) -> list[Blob]:
        """The files that came with it."""
        return [found.blob for found in _inputs(self.parameters.values())]


def _inputs(values: Iterable[object]) -> Iterator[InputBlob]:
    for value in values:
        if isinstance(value, list):
            yield from _inputs(value)
        elif isinstance(value, InputBlob):
            yield value


def make_job(order: Order, *, task_id: str, token: str, account_uuid: str, at: Instant) -> Job:
    """The job of an order: each `InputBlob` among its parameters becomes a `File` of the job."""
    inputs: list[File] = []

    def stored(name: str, value: object) -> object:
        if isinstance(value, list):
            return [stored(name, item) for item in value]
        if not isinstance(value, InputBlob):
            return value
        place = len(inputs)
        digits = ids.decimal(token, "input name", place, low=1_000_000, high=10_000_000)
        file_name = f"{name}-{digits}{value.suffix}"  # `{paramId}-{7 digits}.{ext}` (rest.md §7.3)
        inputs.append(
            make_file(
                token, "input", place, name=file_name, kind=FileKind.INPUT, blob=value.blob, at=at, task_id=task_id
            )
        )
        return inputs[-1]

    parameters = {name: stored(name, value) for name, value in order.parameters.items()}
    return Job(
        id=task_id,
        token=token,
        account_uuid=account_uuid,
        project_id=order.project_id,
        model=order.model,
        owner=order.owner,
        project=order.project,
        parameters=parameters,
        inputs=tuple(inputs),
        callback_url=order.callback_url,
        origin=order.origin,
        weight=order.weight,
        scenario="",
        linked=order.linked,
    )
