"""Timelines and scenarios: first what happens, then when.

What happens is a list of steps without times, put together from parts in the order of a task's life, so that
every timeline is legal: set-ups that fail and are tried again, the way to the start, outputs, and one of the ends.
Then each step gets its times, out of what is left of the longest duration.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from itertools import chain, combinations, product
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from wiro_mock.kernel import tokens
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.durations import format_duration, parse_duration, parse_rate
from wiro_mock.language.spelling import shortest, times_of
from wiro_mock.scenario import Scenario
from wiro_mock.strategies.outputs import ENDS_ANSWER, ERRORS, OUTPUT_STEPS, TEXTS, Keys

Step: TypeAlias = dict[str, Any]
"""A step in the words of the YAML, with exactly one key: `{"exit": 0}`, `{"print": {"text": "cat", "after": "1s"}}`."""
OUTPUTS: Final = tuple(OUTPUT_STEPS)
"""The names of the steps that put something out."""

_Part: TypeAlias = list[tuple[str, Keys]]
_LEAST: Final = 10 * SECOND
"""So long the outputs of one timeline may take by themselves: streams of words at five a second, answers."""
_MOST_OUTPUTS: Final = 4
_WAYS_TO_SPEAK: Final = ("answer", "stream")
_TIMES: Final = [
    parse_duration(text)
    for text in ("0s", "1s", "250ms", "999ms", "1us", "1s500ms", "7s", "45s", "2m", "9m", "1h", "24h")
]


def timelines(
    *, ends: bool = True, outputs: Collection[str] = OUTPUTS, longest: str = "10m"
) -> st.SearchStrategy[list[Step]]:
    """The steps of one task, in the words of the YAML: `[{"start": "1s"}, {"print": "a cat"}, {"exit": 0}]`.

    Every timeline is legal, and lasts at most `longest` (a duration of at least 10s) from the queue to its end.
    There are successes with and without outputs, with warnings on stderr too; every exit code; long queues; set-ups
    that fail for good or are tried again; cancels by somebody else in the queue, before the start, in the middle and
    after the exit. `ends=False` adds timelines that do not end by themselves: stalls, holds (which somebody may
    release), and set-ups that fail and stay so.

    `outputs` are the steps that may put something out, some of `OUTPUTS`; an empty one makes silent models.
    Raises `ValueError` for an unknown output, and for a `longest` that is no duration or too short.
    """
    unknown = [name for name in outputs if name not in OUTPUT_STEPS]
    if unknown:
        raise ValueError(f"no output '{unknown[0]}'; {did_you_mean(unknown[0], OUTPUTS)}")
    most = parse_duration(longest)
    if most < _LEAST:
        raise ValueError(f"longest is {longest}, which is too short for some outputs; write at least 10s")
    return _timelines(ends, tuple(outputs), most)


def scenarios(
    *,
    ends: bool = True,
    refusals: bool = True,
    name: str = "generated",
    outputs: Collection[str] = OUTPUTS,
    longest: str = "10m",
) -> st.SearchStrategy[Scenario]:
    """Scenarios of this name, one situation each, ready for `WiroMock(scenario=…)`.

    Their steps are those of `timelines`, and with `refusals` also the runs that Wiro does not take on: too little
    money, too many tasks, no such model, nobody signed in, and any other code with a message.
    """
    made = timelines(ends=ends, outputs=outputs, longest=longest)
    return _scenarios(name, _mostly(made, _REFUSED) if refusals else made)


@st.composite
def _scenarios(draw: st.DrawFn, name: str, steps: st.SearchStrategy[list[Step]]) -> Scenario:
    # Not a `map`, of which Hypothesis would show the name of the function instead of the scenario's own words.
    return Scenario.model_validate({"scenario": name, "steps": draw(steps)})


_REFUSALS: Final = st.one_of(
    st.sampled_from((97, 96, 98)).map(lambda code: {"code": code}),
    st.sampled_from(("slug-owner-project-not-exist", "")).map(lambda text: {"code": 1, "message": text}),
    st.fixed_dictionaries({"code": st.integers(0, 99_999), "message": TEXTS}),
)
_REFUSED: Final = _REFUSALS.map(lambda keys: [shortest("refuse", keys)])


@st.composite
def _mostly(draw: st.DrawFn, usual: st.SearchStrategy[list[Step]], other: st.SearchStrategy[list[Step]]) -> list[Step]:
    """One in eight is of the other kind; `one_of` would give it as many as it has kinds itself."""
    return draw(other if draw(st.integers(0, 7)) == 7 else usual)


_USUAL_CODES: Final = (1, 137, 2, 139, -9, 255)
_CODES: Final = st.one_of(st.sampled_from(_USUAL_CODES), st.integers(-255, 255).filter(lambda code: code != 0))
_WAY: Final = ("accept", "preprocess", "assign", "start")
_ENDS: Final = ("exit", "success", "success", "success", "failure", "failure", "cancel", "kill", "set-up")
_WAITS: Final = ("stall", "hold", "held", "stuck")


def _way(*names: str) -> st.SearchStrategy[_Part]:
    """Some of these steps, in this order."""
    ways = chain.from_iterable(combinations(names, count) for count in range(len(names) + 1))
    return st.sampled_from([[(name, Keys()) for name in way] for way in ways])


def _set_up_error(then: str) -> st.SearchStrategy[_Part]:
    """A set-up that fails, somewhere on the way to the start."""
    keys = {} if then == "fail" else {"then": then}
    return st.builds(lambda way, text: [*way, ("setup_error", {"message": text, **keys})], _way(*_WAY[:3]), ERRORS)


_TRIES: Final = st.sampled_from((0, 0, 0, 0, 0, 0, 1, 1, 2))
_SET_UPS: Final = {then: _set_up_error(then) for then in ("fail", "stuck", "requeue")}
_ACCEPTED: Final = _way(*_WAY[:2])
_ASSIGNED: Final = _way(*_WAY[:3])
_STARTED: Final = _way(*_WAY)
_STORED: Final = _way("postprocess")


@cache
def _processes(outputs: tuple[str, ...]) -> st.SearchStrategy[_Part]:
    """What comes out of the process."""
    if not outputs:
        return st.just([])
    step = st.one_of([st.tuples(st.just(name), OUTPUT_STEPS[name]) for name in outputs])
    return st.lists(step, max_size=_MOST_OUTPUTS).map(_speaking_one_way)


def _speaking_one_way(steps: _Part) -> _Part:
    """A process streams words or answers, not both; and only its last answer tells of the whole of them."""
    ways = [name for name, _ in steps if name in _WAYS_TO_SPEAK]
    said = [(name, keys) for name, keys in steps if name not in _WAYS_TO_SPEAK or name == ways[0]]
    last = max((place for place, (name, _) in enumerate(said) if name == "answer"), default=0)
    return [
        (name, {key: value for key, value in keys.items() if key not in ENDS_ANSWER})
        if name == "answer" and place < last
        else (name, keys)
        for place, (name, keys) in enumerate(said)
    ]


@st.composite
def _timelines(draw: st.DrawFn, ends: bool, outputs: tuple[str, ...], longest: Duration) -> list[Step]:  # noqa: FBT001
    process = _processes(outputs)
    end = draw(st.sampled_from(_ENDS if ends else _ENDS + _WAITS))
    tries = [draw(_SET_UPS["requeue"]) for _ in range(draw(_TRIES))]
    return _timed(draw, [*chain.from_iterable(tries), *_to_the_end(draw, end, process)], longest)


def _to_the_end(draw: st.DrawFn, end: str, process: st.SearchStrategy[_Part]) -> _Part:
    match end:
        case "exit":  # of all timelines the one with the fewest choices, so that it is what others shrink to
            return [("exit", {"code": draw(st.sampled_from((0, *_USUAL_CODES)))})]
        case "success":
            return [*draw(_STARTED), *draw(process), ("exit", {"code": 0}), *draw(_STORED)]
        case "failure":
            return [*draw(_STARTED), *draw(process), ("exit", {"code": draw(_CODES)}), *draw(_STORED)]
        case "cancel":
            return [("cancel", {})]
        case "kill":
            return [*_to_where_kill_works(draw, process), ("cancel", {})]
        case "set-up":
            return draw(_SET_UPS["fail"])
        case "stuck":
            return draw(_SET_UPS["stuck"])
        case "held":
            steps = _to_the_end(draw, draw(st.sampled_from(_ENDS)), process)
            place = draw(st.integers(0, len(steps) - 1))
            return [*steps[:place], _hold(draw), *steps[place:]]
        case _:
            far = draw(st.booleans())
            running = _to_where_kill_works(draw, process) if far else draw(_STARTED) + draw(process)
            return [*running, _hold(draw) if end == "hold" else ("stall", {"reason": "no reason"})]


def _to_where_kill_works(draw: st.DrawFn, process: st.SearchStrategy[_Part]) -> _Part:
    match draw(st.sampled_from(("assigned", "started", "exited"))):
        case "assigned":
            return [*draw(_ACCEPTED), ("assign", {})]
        case "started":
            return [*draw(_ASSIGNED), ("start", {}), *draw(process)]
        case _:
            code = draw(st.one_of(st.just(0), _CODES))
            return [*draw(_STARTED), *draw(process), ("exit", {"code": code})]


def _hold(draw: st.DrawFn) -> tuple[str, Keys]:
    return "hold", {"name": draw(st.sampled_from(("hold", "the-end")))}


def _timed(draw: st.DrawFn, steps: _Part, longest: Duration) -> list[Step]:
    """The steps with times, which together last no longer than `longest`."""
    left = longest - sum(_own_time(keys) for name, keys in steps if name in _WAYS_TO_SPEAK)
    timed = []
    for name, keys in steps:
        times = {key: usual for key, usual in times_of(name).items() if key != "wait" or keys.get("then") != "stuck"}
        drawn = draw(_durations(tuple(times.values()), max(time for time in _TIMES if time <= left)))
        left -= sum(drawn)
        written = {key: format_duration(time) for key, time in zip(times, drawn, strict=True) if time != times[key]}
        timed.append(_step(name, keys | written))
    return timed


def _step(name: str, keys: Keys) -> Step:
    """The step in its short form, and a step with nothing to say with its time: `{"accept": "0s"}`."""
    times = times_of(name)
    return shortest(name, keys or {next(key for key in ("for", "after") if key in times): "0s"})


@cache
def _durations(usual: tuple[Duration, ...], most: Duration) -> st.SearchStrategy[tuple[Duration, ...]]:
    """All times of a step in one choice, which together are at most `most`; the simplest need not be written."""
    choices = [[own, *(time for time in _TIMES if time != own)] for own in usual]
    fitting = [times for times in product(*choices) if sum(times) <= most]
    return st.sampled_from(fitting[:1] * (len(fitting) // 3) + fitting)


def _own_time(speech: Keys) -> Duration:
    """How long the words of a stream, or the tokens of an answer, take at the most after the first."""
    said = [str(speech.get(key, "")) for key in ("text", "thinking", "pieces")]
    count: int = max(sum(len(text.split()) for text in said), sum(map(tokens.count, said))) + speech.get("tokens", 0)
    uneven: float = 1 + speech.get("jitter", 0)
    return round(count * SECOND / parse_rate(speech.get("rate", "40tps")) * uneven)
