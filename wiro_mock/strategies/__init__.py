"""Hypothesis strategies: every way in which Wiro can behave, for tests of your own client.

    from hypothesis import given, settings
    from wiro_mock import Scenario, WiroMock, strategies as wiro

    @settings(deadline=None)  # the first example reads the shipped scenarios
    @given(scenario=wiro.scenarios())
    def test_my_client_reports_success_exactly_when_there_is_one(scenario: Scenario) -> None:
        with WiroMock(scenario=scenario) as mock, mock.respx():
            assert my_client.caption(picture).ok == ...

`scenarios` and `timelines` say what Wiro is going to do; `task_details` and `frame_sequences` are what it then
answers, for tests of a parser alone. Nothing is made by hand: answers and frames come from timelines that were
played. `inputs` are what a run may send: a model's form, filled in. A failing example shrinks to a scenario of one or
two steps, which can be pasted into a test or a YAML file.

Make the `WiroMock` inside of the test, as above: a fixture would be shared by all of its examples.
"""

from __future__ import annotations

try:
    import hypothesis  # noqa: F401
except ModuleNotFoundError as missing:
    if missing.name != "hypothesis":
        raise
    raise ImportError("wiro_mock.strategies needs hypothesis; pip install hypothesis") from None

from wiro_mock.strategies.filling import inputs
from wiro_mock.strategies.playing import frame_sequences, task_details
from wiro_mock.strategies.writing import OUTPUTS, Step, scenarios, timelines

__all__ = ["OUTPUTS", "Step", "frame_sequences", "inputs", "scenarios", "task_details", "timelines"]
