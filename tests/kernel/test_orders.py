"""Orders: how the files that came with a run become files of the job."""

from __future__ import annotations

import re

from tests.strategies import BLOBS, MODEL
from wiro_mock.kernel.events import Job
from wiro_mock.kernel.files import File, FileKind
from wiro_mock.kernel.orders import InputBlob, Order, make_job

PNG = InputBlob(blob=BLOBS[0], suffix=".png")
ORDER = Order(
    model=MODEL,
    owner="Moondream3-Preview",
    project="caption",
    project_id="699",
    parameters={"prompt": "a cat", "inputImage": PNG, "more": [PNG, "https://example.test/cat.png"]},
    callback_url="https://example.test/hook",
    origin="http://127.0.0.1:4747",
    weight=12,
)


def made() -> Job:
    """The job of the order above."""
    return make_job(ORDER, task_id="534574", token="t" * 30, account_uuid="u", at=5)


def test_a_job_keeps_what_was_asked_for() -> None:
    """The owner as the client spelt it, too: Detail echoes it."""
    job = made()
    assert (job.id, job.token, job.account_uuid, job.project_id) == ("534574", "t" * 30, "u", "699")
    assert (job.owner, job.project, job.model, job.weight) == ("Moondream3-Preview", "caption", MODEL, 12)
    assert (job.callback_url, job.origin) == ("https://example.test/hook", "http://127.0.0.1:4747")


def test_files_stand_where_they_were_sent_alone_or_in_a_list() -> None:
    """What is no file stays as it is."""
    job = made()
    assert job.parameters["prompt"] == "a cat"
    assert job.parameters["inputImage"] is job.inputs[0]
    assert job.parameters["more"] == [job.inputs[1], "https://example.test/cat.png"]
    assert len(job.inputs) == 2


def test_an_input_is_named_after_its_parameter_with_seven_digits() -> None:
    """`inputImage-6060136.png` in the documented sample."""
    job = made()
    assert re.fullmatch(r"inputImage-[1-9]\d{6}\.png", job.inputs[0].name)
    assert re.fullmatch(r"more-[1-9]\d{6}\.png", job.inputs[1].name)
    assert {file.kind for file in job.inputs} == {FileKind.INPUT}
    assert {file.added_at for file in job.inputs} == {5}


def test_two_inputs_with_the_same_bytes_are_two_files() -> None:
    """Each has an access key of its own."""
    first, second = made().inputs
    assert isinstance(first, File)
    assert first.blob == second.blob
    assert len({first.accesskey, second.accesskey, first.id, second.id}) == 4
