"""The suite as tests: `pytest --pyargs wiro_mock.contract --wiro-target=URL`. One test for each promise."""

from __future__ import annotations

import pytest

from wiro_mock.contract.promise import Promise
from wiro_mock.contract.verdicts import Judge


def test_promise(contract_judge: Judge, promise: Promise) -> None:
    """Held, or failed with the line that names what was expected; skipped for the reason why it was not checked."""
    verdict = contract_judge.verdict(promise)
    if verdict.outcome == "broken":
        pytest.fail(verdict.line, pytrace=False)
    if verdict.outcome == "skipped":
        pytest.skip(f"{promise.name}: {verdict.because}")
