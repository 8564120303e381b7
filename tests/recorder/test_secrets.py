"""Nothing secret ever touches the disk, however it comes: the folder is searched, while a task runs and at its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live_kit import eventually
from tests.recorder.kit import ended, recording, telling, upstream_that
from tests.recorder.test_bad_days import begun, frame, post, said

HUSH = "hush-0123456789-abcdefghij"


def bare(text: str) -> str:
    """The text without what the form of a file may put between two halves of a secret."""
    import re

    text = text.replace('\\"', '"').replace('"message": "', '"text": "')
    told = re.findall(r'"?(?:text|thinking|answer)"?: "((?:[^"\\]|\\.)*)"', text)
    return "".join("".join(told).replace("\\n", "").split())


def test_over_lines_frames_and_streams(tmp_path: Path) -> None:
    """In printed lines, in stderr, in the growing text of a stream, with `Recorded in part` at every new status."""
    texts = [
        frame("task_start"),
        *(frame("task_output", message=piece) for piece in ("so ", HUSH[:9], HUSH[9:], f"{HUSH[:5]}\n{HUSH[5:]}")),
        *(frame("task_error", message=piece) for piece in (f"oh {HUSH[:12]}", f"{HUSH[12:]} no")),
        frame("task_end"),
        frame("task_postprocess_end", message=[{"name": f"{HUSH}.txt", "url": "http://x/y", "contenttype": "a/b"}]),
    ]
    with (
        telling(*texts) as socket,
        upstream_that(begun) as url,
        recording(url, tmp_path, HUSH, har=True, socket=socket) as made,
    ):
        post(made, prompt=f"say {HUSH}", **{HUSH: "1"})
        ended(made)
    text = made.text()
    assert HUSH not in text
    assert HUSH not in bare(text)
    assert (tmp_path / "traffic.har").exists()
    assert 'print: {text: "so "' in text
    assert '"oh [redacted]"' in text
    assert '" no"' in text
    assert 'name: "[redacted].txt"' in text


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(upto=st.integers(1, len(HUSH)), streamed=st.booleans())
def test_of_what_is_not_over_no_beginning_stays(
    tmp_path_factory: pytest.TempPathFactory, upto: int, streamed: bool
) -> None:
    """The recorder is ended while the secret is being said; a third of it may stand, as it may by chance."""
    folder = tmp_path_factory.mktemp("part")
    said_so_far = f"the key is {HUSH[:upto]}"
    message = {"raw": said_so_far, "answer": [said_so_far], "thinking": []} if streamed else said_so_far
    with (
        telling(frame("task_start"), frame("task_output", message=message)) as socket,
        upstream_that(begun) as url,
        recording(url, folder, HUSH, har=True, socket=socket, grace=0) as made,
    ):
        post(made)
        eventually(lambda: any(len(one.sighting.frames) == 2 for one in made.recorder.runs.followers.values()))
    text = made.text()
    assert "the key is" in text
    assert upto < 8 or HUSH[:upto] not in text


def test_in_outputs_and_what_a_refusal_repeats(tmp_path: Path) -> None:
    """In a file's lines, in a JSON file, in the name of the model, in Wiro's own words."""
    output = json.dumps({"a": HUSH, "b": [HUSH]}).encode() + f"\n{HUSH[:7]}\n{HUSH[7:]}".encode()

    def answer(request: bytes) -> bytes:
        if b"GET /out.json" in request:
            return said(output, kind="text/plain")
        if b"refused" in request.partition(b"\r\n")[0]:
            return said(json.dumps({"result": False, "errors": [{"code": 5, "message": f"no {HUSH}"}]}).encode())
        return begun(request)

    with upstream_that(answer) as url:
        file = {"name": "out.json", "url": f"{url}/out.json", "contenttype": "text/plain"}
        with (
            telling(frame("task_start"), frame("task_postprocess_end", message=[file])) as socket,
            recording(url, tmp_path, HUSH, har=True, socket=socket) as made,
        ):
            post(made)
            post(made, f"/Run/refused/{HUSH}")
            ended(made)
    assert "caption-1.yaml" in made.text()
    assert "refuse: {code: 5" in made.text()
    assert HUSH not in made.text()
    assert HUSH[7:] not in made.text()
    assert not made.told


@pytest.mark.parametrize(
    ("slug", "file"),
    [
        ("caption", "caption-1"),
        (f"{HUSH}", "redacted-1"),
        ("..%2f..%2ftmp%2fx", "2f-2ftmp-2fx-1"),
        ("C:%5Ca%09b", "c-a-b-1"),
        ("%F0%9F%90%B1", "run-1"),
        ("x" * 300, f"{'x' * 80}-1"),
    ],
)
def test_a_slug_is_a_name_that_every_file_system_takes(slug: str, file: str, tmp_path: Path) -> None:
    """However it is spelt; and the scenario can be read again."""
    from wiro_mock.loader import load_scenarios

    with (
        telling(frame("task_start"), frame("task_end"), frame("task_postprocess_end", message=[])) as socket,
        upstream_that(begun) as url,
        recording(url, tmp_path / "r", HUSH, socket=socket) as made,
    ):
        post(made, f"/Run/a/{slug}")
        ended(made)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.yaml")] == [f"r/{file}.yaml"]
    assert [one.name for one in load_scenarios(tmp_path / "r" / f"{file}.yaml")] == [file]
