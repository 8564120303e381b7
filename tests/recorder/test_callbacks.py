"""Webhooks through the recorder: they reach the client, and how they came is in the scenario."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import httpx
import pytest

from tests.api_kit import signed
from tests.live_kit import PATIENCE, eventually, hooks, live
from tests.recorder.kit import ended, played, recording, sighting
from tests.recorder.test_bad_days import post, written
from wiro_mock.recorder.callbacks import Callbacks
from wiro_mock.recorder.observed import scenario_of
from wiro_mock.recorder.sighting import Hook


@pytest.mark.parametrize("form", ["json", "form"])
def test_a_webhook_reaches_the_client_with_our_addresses(form: str, tmp_path: Path) -> None:
    """From an upstream on this machine, without anybody having said how it reaches us."""
    with live() as running, hooks() as target, recording(running.thread.url, tmp_path) as made:
        fields = {"callbackUrl": target.url, "prompt": "a"}
        more = {"json": fields} if form == "json" else {"data": fields}
        url = f"{made.api}/Run/moondream3-preview/caption"
        httpx.post(url, headers=signed(), trust_env=False, timeout=PATIENCE, **more)  # type: ignore[arg-type]
        ended(made)
        eventually(lambda: target.posts)
        (follower,) = made.recorder.runs._known.values()
        eventually(lambda: follower.sighting.hooks)
        assert [hook.code for hook in follower.sighting.hooks] == [0]
        ((_, body, _),) = target.posts
        (told,) = json.loads(body)["tasklist"]
        assert told["status"] == "task_postprocess_end"
        assert running.thread.netloc not in body.decode()
        got = httpx.get(told["outputs"][0]["url"], trust_env=False, timeout=PATIENCE)
        assert got.status_code == 200
    assert "callback" not in written(tmp_path)
    assert "pexit" not in written(tmp_path)
    assert made.told == []


def test_how_a_webhook_came_is_played_again() -> None:
    """Late, twice, with another exit code than the task's; nothing is said of one that came at once."""
    _, frames, files = played(scenario="caption")
    end = frames[-1].at
    late = [Hook(at=end + 3_000_000, code=7), Hook(at=end + 5_000_000, code=7)]
    made = scenario_of(sighting(frames, files, hooks=late)).text
    assert "  - {on: webhook, do: {latency: 3s, duplicate: true, pexit: 7}}\n" in made
    assert played(yaml=made)[0].finished
    assert "faults" not in scenario_of(sighting(frames, files, hooks=[Hook(at=end + 10, code=0)])).text


def test_a_target_that_is_gone_is_told_to_the_upstream(tmp_path: Path) -> None:
    """With 502, so that it tries again; a webhook of nobody's is 404."""
    with live() as running, recording(running.thread.url, tmp_path) as made:
        post(made, callbackUrl="http://127.0.0.1:9/gone")
        ended(made)
        eventually(lambda: made.told)
        lost = httpx.post(f"{made.thread.url}/__callback/99", json={}, trust_env=False, timeout=PATIENCE)
    assert lost.status_code == 404
    assert "the client's callbackUrl could not be reached (ConnectError)" in made.told[0]


def test_an_upstream_far_away_gets_the_client_s_address_or_the_one_that_was_told() -> None:
    """Without `--callbacks` nothing is changed, for it could not reach us."""
    body, fields = b'{"callbackUrl": "https://me.example/hook"}', {"callbackUrl": "https://me.example/hook"}
    far = Callbacks.to("", "https://api.wiro.ai/v1")
    assert far.redirect(body, fields, "json", "http://127.0.0.1:1") == (body, None)
    told = Callbacks.to("https://tunnel.example/", "https://api.wiro.ai/v1")
    changed, call = told.redirect(body, fields, "json", "http://127.0.0.1:1")
    assert json.loads(changed) == {"callbackUrl": "https://tunnel.example/__callback/1"}
    assert call is not None
    assert told.at("/__callback/1") is call
    coded, _ = told.redirect(urlencode(fields).encode(), fields, "application/x-www-form-urlencoded", "")
    assert parse_qs(coded.decode())["callbackUrl"] == ["https://tunnel.example/__callback/2"]
    junk = {"callbackUrl": "call me maybe"}
    assert told.redirect(b"{}", junk, "json", "") == (b"{}", None)
