"""What a server counts, for Prometheus: read off the worlds when somebody asks, so that nothing is counted twice.

Everything is told over all worlds together, and every label has a bounded set of values: statuses, operations, codes.
Counters begin anew with a world that is reset, or goes; Prometheus knows such falls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from wiro_mock.kernel.status import Status
from wiro_mock.mock import World
from wiro_mock.worlds import Worlds

HOOK_STATES = ("waiting", "posted", "failed", "not posted")
ATTEMPTS = ("taken", "refused", "failed")


def scraper(worlds: Worlds) -> Callable[[], tuple[bytes, str]]:
    """What makes the text of a scrape, and its content type; it has a registry of its own."""
    registry = CollectorRegistry()
    registry.register(_Collector(worlds))
    ProcessCollector(registry=registry)
    return lambda: (generate_latest(registry), CONTENT_TYPE_LATEST)


class _Totals:
    """What the worlds have come to, added up."""

    def __init__(self) -> None:
        self.tasks: Counter[str] = Counter({status.value: 0 for status in Status})
        self.requests: Counter[tuple[str, str]] = Counter()
        self.faults: Counter[str] = Counter()
        self.hooks: Counter[str] = Counter(dict.fromkeys(HOOK_STATES, 0))
        self.attempts: Counter[str] = Counter(dict.fromkeys(ATTEMPTS, 0))
        self.sums: Counter[str] = Counter()
        self.spent = 0.0

    def add(self, world: World) -> None:
        """One more world."""
        with world.lock:
            world.settle()
            sim, journal = world.sim, world.journal
            self.tasks.update(Counter(task.status.value for task in sim.tasks()))
            for (operation, status), count in journal.answered.items():
                self.requests[operation or "none", str(status)] += count
            self.faults.update(world.faults.struck)
            self.hooks.update(Counter(hook.state for hook in world.deliveries.webhooks))
            self.attempts.update(world.deliveries.attempted)
            frames = world.frames
            self.sums.update(
                made=sim.made,
                forgotten=sim.forgotten,
                busy=sim.busy,
                unmatched=journal.unmatched,
                hooks=world.deliveries.made,
                sockets=len(world.sockets),
                files=sum(1 for _ in sim.files),
                bytes=sim.bytes_kept,
                journal=len(journal),
                journal_bytes=journal.weight,
                frames=len(frames) + frames.dropped,
                armed=sum(1 for _ in world.faults),
            )
            self.spent += float(sim.spent)


class _Collector(Collector):
    """Tells of the worlds as they stand."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds

    def collect(self) -> Iterator[Metric]:
        """All metrics, made anew."""
        totals, attached = _Totals(), self._worlds.worlds
        for world in attached:
            totals.add(world)
        yield _gauge("worlds", "Worlds that are served.", len(attached))
        yield _gauges("tasks", "Remembered tasks by status.", "status", totals.tasks)
        for name, about, key in GAUGES:
            yield _gauge(name, about, totals.sums[key])
        for name, about, key in COUNTERS:
            yield _counter(name, about, totals.sums[key] + (self._worlds.unknown_keys if key == "unmatched" else 0))
        requests = CounterMetricFamily(
            "wiro_mock_requests",
            "Answered requests, by operation and HTTP status; 0 is none.",
            labels=["operation", "status"],
        )
        for (operation, status), count in sorted(totals.requests.items()):
            requests.add_metric([operation, status], count)
        yield requests
        yield _counter("spent_usd", "USD that were charged.", totals.spent)
        yield _counters("faults_fired", "Faults that have struck, by operation.", "operation", totals.faults)
        yield _gauges("webhooks", "Remembered webhooks by state.", "state", totals.hooks)
        yield _counters("webhook_attempts", "Posts of webhooks by what came of them.", "outcome", totals.attempts)


GAUGES = (
    ("workers_busy", "Tasks that have a worker.", "busy"),
    ("sockets_open", "Open WebSockets.", "sockets"),
    ("files", "Files that are kept.", "files"),
    ("kept_bytes", "Bytes of files and of the runs' text that are kept.", "bytes"),
    ("journal_requests", "Requests in the journal.", "journal"),
    ("journal_bytes", "Bytes that the journal takes, roughly.", "journal_bytes"),
    ("faults_armed", "Faults that may still strike.", "armed"),
)
COUNTERS = (
    ("tasks_made", "Tasks there have been.", "made"),
    ("forgotten", "Tasks, uploads and folders that were forgotten to make room.", "forgotten"),
    ("unmatched", "Requests that nothing here answers to, or with a key of no world.", "unmatched"),
    ("webhooks_made", "Webhooks there have been.", "hooks"),
    ("socket_frames", "Frames that went over sockets, both ways.", "frames"),
)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"wiro_mock_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"wiro_mock_{name}", about, value=value)


def _gauges(name: str, about: str, label: str, values: Counter[str]) -> Metric:
    made = GaugeMetricFamily(f"wiro_mock_{name}", about, labels=[label])
    return _filled(made, values.items())


def _counters(name: str, about: str, label: str, values: Counter[str]) -> Metric:
    made = CounterMetricFamily(f"wiro_mock_{name}", about, labels=[label])
    return _filled(made, values.items())


def _filled(
    made: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[str, int]]
) -> GaugeMetricFamily | CounterMetricFamily:
    for value, count in sorted(values):
        made.add_metric([value], count)
    return made
