"""Where things lie: in a checkout, and where the package is installed and its source is deleted (.ci/wheel)."""

from __future__ import annotations

from pathlib import Path

import pytest

import wiro_mock
from wiro_mock.shipped import shipped

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(wiro_mock.__file__).resolve().parent
SCENARIOS = shipped()
in_a_checkout = pytest.mark.skipif(
    not (ROOT / "scenarios").is_dir(), reason="the source is deleted here, and this tells of a checkout"
)
