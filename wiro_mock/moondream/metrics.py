"""What the server counts, in the text form that Prometheus reads."""

from __future__ import annotations

from collections import Counter

from wiro_mock.moondream.job import Engine


class Metrics:
    """Counters of the event loop's thread."""

    def __init__(self, load_seconds: float = 0.0) -> None:
        self.load_seconds = load_seconds
        self.requests: Counter[tuple[str, int]] = Counter()
        """By skill and status; 499 is a client that left, as nginx has it."""
        self.tokens = 0
        self.first_seconds = 0.0
        self.firsts = 0

    def first(self, seconds: float) -> None:
        """So long did a request wait for the first of its answer."""
        self.first_seconds += seconds
        self.firsts += 1

    def text(self, engine: Engine) -> str:
        """All of it."""
        state = engine.state()
        lines = ["# TYPE moondream_requests_total counter"]
        lines += [
            f'moondream_requests_total{{skill="{skill}",status="{status}"}} {count}'
            for (skill, status), count in sorted(self.requests.items())
        ]
        plain = {
            "tokens_total": ("counter", self.tokens),
            "steps_total": ("counter", state.steps),
            "first_token_seconds_sum": ("counter", round(self.first_seconds, 6)),
            "first_token_seconds_count": ("counter", self.firsts),
            "active": ("gauge", state.active),
            "waiting": ("gauge", state.waiting),
            "slots": ("gauge", state.slots),
            "load_seconds": ("gauge", round(self.load_seconds, 3)),
            "peak_memory_bytes": ("gauge", peak_memory(engine.device)),
        }
        for name, (kind, value) in plain.items():
            lines += [f"# TYPE moondream_{name} {kind}", f"moondream_{name} {value}"]
        return "\n".join(lines) + "\n"


def peak_memory(device: str) -> int:
    """The most bytes in use so far: of the GPU, or of this process."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # not on Windows
        return 0
    import sys

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
