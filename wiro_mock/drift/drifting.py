"""The entry points: a target or recordings in, a `Drift` out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from wiro_mock.api.profile import switch
from wiro_mock.contract.checks import PROMISES
from wiro_mock.contract.cleanup import clean_up
from wiro_mock.contract.client import PATIENCE
from wiro_mock.contract.runner import BUDGET, Target, prepared
from wiro_mock.contract.service import RUNS_AT_MOST
from wiro_mock.contract.verdicts import chosen, one_line, scrubbed
from wiro_mock.drift.by_itself import played_by_itself, told_otherwise
from wiro_mock.drift.findings import Drift, Finding, merged, unexplained
from wiro_mock.drift.har import CannotRead
from wiro_mock.drift.hearing import Hearing
from wiro_mock.drift.hooks import not_seen
from wiro_mock.drift.judging import judged
from wiro_mock.drift.probe import asked
from wiro_mock.drift.recordings import read
from wiro_mock.drift.remedies import by_switch
from wiro_mock.drift.replay import replayed
from wiro_mock.drift.takes import ABSENT, Take
from wiro_mock.drift.tap import Tap
from wiro_mock.drift.timing import slower
from wiro_mock.loader import Library
from wiro_mock.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The mock that is compared with: its profile and scenarios. `scenario` plays every run, where one is named."""

    settings: Settings = field(default_factory=Settings)
    library: Library = field(default_factory=Library)
    scenario: str = ""


def drift_of_target(
    target: Target,
    reference: Reference,
    *,
    runs: bool = True,
    budget: float = BUDGET,
    patience: float = PATIENCE,
    callbacks: tuple[str, int] = ("", 0),
    agreed: Callable[[str], bool],
) -> Drift:
    """Ask a service, and compare. `callbacks` is the address by which it reaches this machine, and the port here that
    this leads to. Raises `CannotRun` where it cannot be asked, or would cost more than that.
    """
    promises = [one for one in chosen(PROMISES, ()) if runs or one.cost != "runs a model"]
    service = prepared(target, promises, patience=patience, budget=budget, agreed=agreed, what="asking for the drift")
    service.runs_at_most = RUNS_AT_MOST  # refused ones are asked for in any case
    tap = Tap(target.credentials, time.monotonic)
    service.http.tap, service.http.file_tap, service.on_frame = tap.answered, tap.fetched, tap.heard
    left: list[str] = []
    try:
        with Hearing(service, tap.now, *callbacks) as hearing:
            trouble, missed = asked(service, runs=runs)
            if runs:
                tap.hooks, tap.awaited, unheard = hearing.wait()
                missed += unheard
        trouble += tap.cut_off()
    finally:
        service.http.tap = service.http.file_tap = None
        left += [scrubbed(text, service) for text in clean_up(service)]
        service.http.close()

    def hide(text: str) -> str:
        return one_line(scrubbed(text, service))

    if not runs:
        missed.append("what happens to a task: no model was run")
    found = drift_of([tap.take(target.url, skipped=tuple(missed))], reference, source=target.url, hide=hide)
    return replace(found, trouble=[hide(text) for text in trouble], left_behind=left)


def drift_of_recordings(paths: Sequence[Path], reference: Reference) -> Drift:
    """Compare what was recorded. Raises `CannotRead` where there is nothing to compare; what else is broken is told."""
    found = read(paths, reference.library)
    if not found.takes:
        raise CannotRead("; ".join(found.broken))
    drift = drift_of(found.takes, reference, source=", ".join(map(str, paths)))
    return replace(drift, trouble=list(map(one_line, found.broken)))


def drift_of(
    takes: Sequence[Take], reference: Reference, *, source: str, hide: Callable[[str], str] = one_line
) -> Drift:
    """Compare takes with the mock. `hide` takes secrets out of what is told."""
    findings: list[Finding] = []
    skipped: list[str] = []
    requests = frames = files = hooks = 0
    for take in takes:
        mock = replayed(take, reference.library, reference.settings)
        findings += _tried(take, list(judged(take, mock)), reference)
        findings += _by_itself(take, reference)
        skipped += [*take.skipped, *mock.not_compared, *not_seen(take)]
        requests += sum(one.answer is not ABSENT for one in take.exchanges)
        frames += sum(map(len, take.streams.values())) + len(take.loose)
        files += sum(one.is_file and ours is not None for one, ours in zip(take.exchanges, mock.answers, strict=True))
        hooks += len(take.hooks)
    return Drift(
        source=source,
        findings=[_hidden(one, hide) for one in merged(findings)],
        requests=requests,
        frames=frames,
        files=files,
        hooks=hooks,
        not_compared=[hide(text) for text in dict.fromkeys(skipped)],
    )


def _tried(take: Take, findings: list[Finding], reference: Reference) -> list[Finding]:
    """The findings, each with the switch that it was named for only where that does it: each is set and all asked
    anew, and it must make findings go and none come.
    """
    settings, explained = reference.settings, list[Finding]()
    for assignment in dict.fromkeys(one.switch for one in findings if one.switch):
        trial = replace(settings, profile=switch(settings.profile, assignment))
        left = list(judged(take, replayed(take, reference.library, trial)))
        keys, before = {one.key for one in left}, {one.key for one in findings}
        if keys < before:
            explained += [
                one if one.switch == assignment else replace(one, switch=assignment, change=by_switch(assignment))
                for one in findings
                if one.key not in keys
            ]
            findings, settings = left, trial
    return [*explained, *unexplained(findings)]


def _by_itself(take: Take, reference: Reference) -> Iterator[Finding]:
    for run in take.runs():
        played = played_by_itself(run, reference.library, reference.settings, reference.scenario)
        if played is None:
            continue
        yield from told_otherwise(take, run, played)
        for one in slower(take, run, played):
            yield Finding(
                level="upstream new",
                key=("timing", run.call, one.phase),
                what=f"{run.call} {one.phase}",
                mock=f"{one.mock:.1f} s",
                live=f"{one.live:.1f} s",
                change=f"change {one.where}",
                places=(run.where,),
            )


def _hidden(one: Finding, hide: Callable[[str], str]) -> Finding:
    return replace(
        one,
        what=hide(one.what),
        mock=hide(one.mock),
        live=hide(one.live),
        change=hide(one.change),
        switch=hide(one.switch),
        places=tuple(map(hide, one.places)),
    )
