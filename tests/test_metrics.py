"""`GET /__wiro/metrics`: what is counted, in a text that Prometheus's own parser reads, for whoever may ask."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api_kit import signed
from tests.live_kit import Live, live
from wiro_mock.admin import CLOSED, Access
from wiro_mock.api.operations import OPERATIONS
from wiro_mock.faults import Fault
from wiro_mock.kernel.status import Status
from wiro_mock.loader import make_fault


@pytest.fixture
def server() -> Iterator[Live]:
    with live(time="manual") as running:
        yield running


def samples(running: Live) -> dict[tuple[str, ...], float]:
    """What a scrape tells: by name, and the values of its labels."""
    answer = running.http.get("/__wiro/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(answer.text))
    assert len({family.name for family in families}) == len(families)
    assert all(family.documentation for family in families)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_what_happens_is_counted(server: Live) -> None:
    """Tasks by status, requests by operation and status, faults, webhooks, sockets, worlds, sizes, money."""
    before = samples(server)
    assert before["wiro_mock_tasks", "task_queue"] == 0
    assert before["wiro_mock_worlds",] == 1
    task_id, _ = server.run()
    server.run(callbackUrl="http://127.0.0.1:9/hook")
    server.http.post("/v1/Run/nobody/knows", json={}, headers=signed())
    server.http.get("/v1/nothing/here")
    server.world.faults.arm(Fault(item=make_fault({"on": "Task/Detail", "do": {"status": 503}})))
    server.http.post("/v1/Task/Detail", json={"taskid": task_id}, headers=signed())
    with server.socket():
        after = samples(server)
    assert after["wiro_mock_tasks", "task_queue"] == 2
    assert after["wiro_mock_tasks_made_total",] == 2
    assert after["wiro_mock_requests_total", "Run", "200"] == 3
    assert after["wiro_mock_requests_total", "Task/Detail", "503"] == 1
    assert after["wiro_mock_unmatched_total",] == 2
    assert after["wiro_mock_faults_fired_total", "Task/Detail"] == 1
    assert after["wiro_mock_faults_armed",] == 0
    assert after["wiro_mock_sockets_open",] == 1
    assert after["wiro_mock_journal_requests",] == 5
    assert after["wiro_mock_journal_bytes",] > 0
    server.world.skip(3600 * 10**6)
    ended = samples(server)
    assert ended["wiro_mock_tasks", "task_postprocess_end"] == 2
    assert ended["wiro_mock_spent_usd_total",] > 0
    assert ended["wiro_mock_webhooks_made_total",] == 1
    assert sum(value for (name, *_), value in ended.items() if name == "wiro_mock_webhooks") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the library reads /proc")
def test_the_process_is_told_of(server: Live) -> None:
    """Memory and CPU time, by the library's own collector."""
    assert samples(server)["process_resident_memory_bytes",] > 1e6


def test_no_client_makes_a_label(server: Live) -> None:
    """The values of labels are statuses and operations, whatever is asked for: made-up paths and models add none."""
    for number in range(30):
        server.http.get(f"/v1/made-up-{number}")
        server.http.request(f"VERB{number}", "/v1/Run/a/b")
        server.http.post(f"/v1/Run/owner-{number}/model", json={}, headers=signed())
    labels = {value for _, *values in samples(server) for value in values}
    known = {one.name for one in OPERATIONS} | {status.value for status in Status}
    known |= {
        "none",
        "socket",
        "webhook",
        "upload",
        "cdn",
        "waiting",
        "posted",
        "failed",
        "not posted",
        "taken",
        "refused",
    }
    assert not {one for one in labels - known if not re.fullmatch(r"[0-9]{1,3}", one)}


def test_worlds_are_added_up(server: Live) -> None:
    """However many there are, a metric is told once; those that go take theirs along."""
    made = server.http.post("/__wiro/worlds", json={}).json()
    answer = server.http.post("/v1/Run/moondream3-preview/caption", json={}, headers={"x-api-key": made["api_key"]})
    assert answer.status_code == 401
    told = samples(server)
    assert told["wiro_mock_worlds",] == 2
    assert told["wiro_mock_requests_total", "Run", "401"] == 1
    server.http.delete(f"/__wiro/worlds/{made['id']}")
    assert samples(server)["wiro_mock_worlds",] == 1


def test_beyond_loopback_it_is_closed_as_the_rest_is() -> None:
    """And a token opens it."""
    with live(access=Access(closed=True)) as running:
        for verb, path in (("GET", "metrics"), ("GET", "snapshot"), ("PUT", "snapshot"), ("POST", "reload")):
            answer = running.http.request(verb, f"/__wiro/{path}")
            assert (answer.status_code, answer.json()) == (403, {"error": CLOSED})
    with live(access=Access(closed=True, token="t0ken")) as running:
        assert running.http.get("/__wiro/metrics", headers={"authorization": "Bearer t0ken"}).status_code == 200


def test_other_verbs_and_unknown_parameters_are_told_of(server: Live) -> None:
    """405 with the verbs, 400 with the parameters."""
    answer = server.http.post("/__wiro/metrics", json={})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    answer = server.http.get("/__wiro/snapshot?secrets=no")
    assert answer.status_code == 400
    assert "did you mean 'secret'?" in answer.json()["error"]


def test_without_the_library_it_says_how_to_get_it(server: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and nothing else of the server suffers."""
    monkeypatch.setitem(sys.modules, "wiro_mock.upkeep.metrics", None)
    answer = server.http.get("/__wiro/metrics")
    assert (answer.status_code, answer.json()) == (
        501,
        {"error": "metrics need the library prometheus-client; pip install 'wiro-mock[metrics]'"},
    )
    assert server.http.get("/__wiro/ready").status_code == 200


def test_a_server_starts_without_it() -> None:
    """It is imported at the first scrape: neither the library nor the snapshots cost a start anything."""
    code = (
        "import sys; from wiro_mock.asgi import create_app; from wiro_mock.mock import World; create_app(World());"
        "print([name for name in sys.modules if name.split('.')[0] == 'prometheus_client' or '.snapshot' in name])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
