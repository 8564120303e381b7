"""What a fixture costs a test: empty tests of several kinds in one pytest process, each timed whole.

The cost of a fixture is what its test takes more than one without a fixture. Shared by `fixtures` and `anchors`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import kit

NONE = "no fixture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a kind of test takes, in milliseconds: the first one, and the others' middle, tail and processor time."""

    first: float
    median: float
    late: float
    cpu: float

    def beyond(self, other: Cost) -> Cost:
        """What it takes more than another kind."""
        return Cost(
            first=self.first - other.median,
            median=self.median - other.median,
            late=self.late - other.median,
            cpu=self.cpu - other.cpu,
        )


def measure(
    python: Path | str,
    kinds: Mapping[str, str],
    *,
    count: int,
    plugins: Sequence[str] = (),
    conftest: str = "",
    **environment: str,
) -> dict[str, Cost]:
    """Time `count` empty tests of each kind (name: the fixtures it asks for) with this Python's pytest.

    The first kind must ask for none: its cost is returned as it is, the others' beyond it. Only the named plugins are
    on.
    """
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), list(kinds.values()), count, conftest)
        named = [argument for plugin in (*plugins, "tests.benchmarks.tests_timed") for argument in ("-p", plugin)]
        done = subprocess.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, *named],
            cwd=folder,
            env={
                **kit.plain_environment(),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": str(kit.ROOT),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or f"{count * len(kinds)} passed" not in done.stdout:
            raise RuntimeError(f"the tests failed: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        times = json.loads(Path(folder, "times.json").read_text())
    costs = {name: _cost(times[f"k{number}"]) for number, name in enumerate(kinds)}
    (bare, without), *others = costs.items()
    return {bare: without} | {name: cost.beyond(without) for name, cost in others}


def _write(folder: Path, fixtures: list[str], count: int, conftest: str) -> None:
    tests = [
        f"def test_k{kind}_{number}({asked}):\n    pass\n"
        for kind, asked in enumerate(fixtures)
        for number in range(count)
    ]
    (folder / "test_empty.py").write_text("\n".join(tests))
    (folder / "conftest.py").write_text(conftest)


def _cost(times: Sequence[tuple[float, float]]) -> Cost:
    (first, _), *rest = times
    walls = sorted(wall for wall, _ in rest)
    return Cost(
        first=1000 * first,
        median=1000 * kit.median(walls),
        late=1000 * walls[int(len(walls) * 0.95)],
        cpu=1000 * kit.median([cpu for _, cpu in rest]),
    )


def middle(costs: Sequence[Cost]) -> Cost:
    """The middle of several runs, figure by figure."""
    return Cost(
        first=kit.median([cost.first for cost in costs]),
        median=kit.median([cost.median for cost in costs]),
        late=kit.median([cost.late for cost in costs]),
        cpu=kit.median([cost.cpu for cost in costs]),
    )
