"""`unknown_models: play`: runs of models that are in no catalogue, over HTTP and in tests."""

from __future__ import annotations

import json

import pytest

from tests.api_kit import detail, make_world, post, run
from wiro_mock import Misuse, WiroMock
from wiro_mock.explain import explain


def test_a_run_of_an_unknown_model_is_played_by_the_default_of_its_kind() -> None:
    """The task has the owner and the slug as they were sent; it is no unexpected call."""
    world = make_world(unknown_models="play", time="auto")
    task_id, _ = run(world, {"anything": "goes", "n": 3}, path="/v1/Run/Acme/Painter%20Image.2")
    task = world.sim.task(task_id)
    assert task is not None
    assert (task.job.scenario, task.job.model.name) == ("image", "Acme/Painter Image.2")
    assert len(world.catalog) > 0
    assert "Acme/Painter Image.2" not in [model.name for model in world.catalog]
    shown = detail(world, task_id)
    assert shown["pexit"] == "0"
    assert shown["parameters"]["anything"] == "goes"
    assert shown["totalcost"] != "0"
    assert not world.unexpected
    text = "\n".join(explain(world, "req-1"))
    assert "scenarios/image.yaml" in text


def test_by_default_it_is_refused_and_the_reason_names_the_switch() -> None:
    """And so it is an unexpected call."""
    world = make_world()
    assert post(world, "/v1/Run/acme/robot", {}).error["message"] == "slug-owner-project-not-exist"
    (exchange,) = world.journal.entries()
    assert "unknown_models='play'" in exchange.outcome.reason
    assert exchange.outcome.unexpected


@pytest.mark.parametrize(
    "path", ["..%2fcaption", "a/caption%00", "a/b%0a", "%20/x", "a/..", "a/" + "x" * 101, "a%2Fb/c", "a/b%E2%80%AE"]
)
def test_what_can_name_no_model_is_still_refused(path: str) -> None:
    """Neither a slash nor control characters, nor without end."""
    world = make_world(unknown_models="play")
    reply = post(world, f"/v1/Run/{path}", {})
    assert reply.json["result"] is False
    assert reply.error["message"] in ("slug-owner-project-not-exist", "Error parsing url.")
    assert list(world.sim.tasks()) == []


def test_known_models_are_themselves() -> None:
    """In display and in clean form."""
    world = make_world(unknown_models="play")
    task_id, _ = run(world, path="/v1/Run/MOONDREAM3-preview/caption")
    task = world.sim.task(task_id)
    assert task is not None
    assert task.job.model is world.catalog.resolve("moondream3-preview", "caption")


def test_the_list_of_tasks_finds_them_by_name() -> None:
    """As it finds those of the catalogue."""
    world = make_world(unknown_models="play")
    for path in ("acme/painter", "acme/robot", "moondream3-preview/caption"):
        run(world, path=f"/v1/Run/{path}")
    listed = post(world, "/v1/Task/List", {"modelName": "acme/"}).json
    assert (listed["total"], len(listed["tasklist"])) == ("2", 2)
    assert post(world, "/v1/Task/List", {"modelName": "acme/Painter"}).json["total"] == "1"


def test_many_models_leave_nothing_behind() -> None:
    """When their tasks are forgotten, so are they."""
    import gc

    from wiro_mock.kernel.catalog import Model
    from wiro_mock.kernel.rules import Limits

    world = make_world(unknown_models="play", time="auto", limits=Limits(finished=5))
    for number in range(100):
        run(world, path=f"/v1/Run/acme/robot-{number}")
        world.jump(world.sim.now + 60_000_000)
    gc.collect()
    alive = [one for one in gc.get_objects() if isinstance(one, Model) and one.slug.startswith("robot-")]
    assert len(alive) <= 7
    assert len(world.catalog) < 1_000


def test_a_test_may_choose_for_them_by_a_glob() -> None:
    """There is no model of the catalogue that the glob could be like."""
    with WiroMock(unknown_models="play", strict=False) as wiro:
        wiro.use("failure", model="acme/*", optional=True)
        with pytest.raises(Misuse):
            wiro.use("failure", model="acme", optional=True)
    with WiroMock() as wiro, pytest.raises(Misuse):
        wiro.use("failure", model="acme/*", optional=True)


def test_the_reason_on_the_wire_is_wiros_own() -> None:
    """Nothing of the switch in what the client gets."""
    assert b"unknown_models" not in post(make_world(), "/v1/Run/acme/robot", {}).content
    assert json.loads(post(make_world(), "/v1/Run/acme/robot", {}).content)["errors"][0]["code"] == 1
