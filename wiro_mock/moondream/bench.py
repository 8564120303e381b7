"""What a machine can do with the model: one command, random weights, a report that says what it ran on.

First the parts, one by one, in this process; then the whole, through a server in a process of its own that loads the
weights from disk, with clients that read streams. Random weights have as much to compute as real ones; they cannot show
quality, where a text ends, or which experts are really used.
"""

from __future__ import annotations

import base64
import gc
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from wiro_mock.moondream.bounds import Bounds, bounds_of
from wiro_mock.moondream.loading import device_for, dtype_for, need
from wiro_mock.moondream.machine import machine
from wiro_mock.moondream.metrics import peak_memory
from wiro_mock.moondream.refusals import CannotStart
from wiro_mock.moondream.sizes import Sizes
from wiro_mock.moondream.toy import FULL, TOY, write_folder

PROMPT = 5
PICTURES = ((378, 378), (1024, 768), (2000, 1500))
COPIED = 1 << 28
READY = "moondream engine ready on "
PATIENCE = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is measured."""

    size: str = "toy"
    device: str = "auto"
    batches: Sequence[int] = (1, 4, 8, 16, 32)
    tokens: int = 200
    steps: int = 32
    scratch: Path | None = None
    say: Callable[[str], None] = print


def bench(course: Course) -> dict[str, Any]:
    """The report. Raises `CannotStart`."""
    need("moondream")
    sizes = TOY if course.size == "toy" else FULL
    device = device_for(course.device)
    bounds = bounds_of(sizes)
    report: dict[str, Any] = {"ran_on": machine(device), "size": course.size, "parameters": bounds.total}
    with tempfile.TemporaryDirectory(prefix="moondream-bench-", dir=course.scratch) as folder:
        report["parts"] = _parts(course, sizes, device, bounds, Path(folder) / "random")
        gc.collect()
        if device.startswith("cuda"):
            import torch

            torch.cuda.empty_cache()
        report["server"] = _whole(course, device, Path(folder) / "random")
    ceilings = {row["batch"]: row["ceiling_tokens_s"] for row in report["parts"]["decode"]}
    for row in report["server"]["clients"]:
        row["of_ceiling"] = row["tokens_s"] / ceilings[row["clients"]]
    return report


def _parts(course: Course, sizes: Sizes, device: str, bounds: Bounds, folder: Path) -> dict[str, Any]:
    import torch

    from wiro_mock.moondream.network.model import filled

    dtype = dtype_for("auto", device)
    with torch.inference_mode():
        model, seconds = _timed(device, lambda: filled(sizes, device=device, dtype=dtype))
        parts: dict[str, Any] = {"build_s": seconds, "dtype": str(dtype), "copy_gb_s": _bandwidth(device) / 1e9}
        course.say(f"built in {seconds:.1f} s")
        parts["pictures"] = _pictures(model, device)
        parts |= _steps(course, model, device, bounds, bandwidth=parts["copy_gb_s"] * 1e9)
        parts["peak_bytes"] = peak_memory(device)
        _, parts["save_s"] = _timed(device, lambda: write_folder(folder, sizes, model=model))
    return parts


def _pictures(model: Any, device: str) -> list[dict[str, Any]]:
    from PIL import Image

    from wiro_mock.moondream.network.crops import crops_of

    rows = []
    for size in PICTURES:
        picture = Image.effect_noise(size, 64).convert("RGB")
        began = time.perf_counter()
        crops, tiling = crops_of(picture, model.sizes.vision, model.text.wte.dtype)
        prepared = time.perf_counter() - began
        there = crops.to(device)
        seen = _median(device, lambda there=there, tiling=tiling: model.vision(there, tiling), 3)  # type: ignore[misc]
        rows.append({"pixels": size, "crops": len(crops), "prepare_ms": prepared * 1e3, "eye_ms": seen * 1e3})
    return rows


def _steps(course: Course, model: Any, device: str, bounds: Bounds, *, bandwidth: float) -> dict[str, Any]:
    import torch

    of, dtype = model.sizes.text, model.text.wte.dtype
    read = of.prefix_attn + PROMPT
    length = read + course.steps + 8
    cache = model.text.cache(max(course.batches), length)
    x = torch.randn(1, read, of.dim, device=device, dtype=dtype)
    prefill = _median(device, lambda: model.prefill(x, cache, 0), 3)
    course.say(f"a picture is read in {prefill * 1e3:.1f} ms")
    rows = []
    for batch in course.batches:
        hidden = torch.randn(batch, of.dim, device=device, dtype=dtype)
        pos = torch.full((batch,), read, device=device)
        seconds = _median(device, lambda h=hidden, p=pos: model.logits(model.step(h, p, cache, length)), course.steps)  # type: ignore[misc]
        ceiling = bounds.ceiling(batch, length, bandwidth, dtype.itemsize)
        row: dict[str, Any] = {"batch": batch, "ms_per_step": seconds * 1e3, "tokens_s": batch / seconds}
        row |= {"ceiling_tokens_s": ceiling, "of_ceiling": batch / seconds / ceiling}
        if device.startswith("cuda"):
            row |= _graph(model, cache, hidden, pos, length=length, steps=course.steps)
        rows.append(row)
        course.say(f"batch {batch}: {row['tokens_s']:.0f} tokens/s, {row['of_ceiling']:.0%} of the ceiling")
    return {"prefill_ms": prefill * 1e3, "decode": rows}


def _graph(model: Any, cache: Any, hidden: Any, pos: Any, *, length: int, steps: int) -> dict[str, Any]:
    """The same step, captured in a CUDA graph: what it would take without a launch for each kernel."""
    import torch

    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            model.logits(model.step(hidden, pos, cache, length))
        seconds = _median(str(hidden.device), graph.replay, steps)
    except Exception as error:  # a kernel that cannot be captured
        torch.cuda.synchronize()
        return {"graph": f"{type(error).__name__}: {error}"[:200]}
    return {"graph_ms_per_step": seconds * 1e3, "graph_tokens_s": len(hidden) / seconds}


def _bandwidth(device: str) -> float:
    """Bytes a second that a copy on the device reads and writes."""
    import torch

    source = torch.empty(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED / _median(device, lambda: target.copy_(source), 5)


def _timed(device: str, call: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    made = call()
    _sync(device)
    return made, time.perf_counter() - began


def _median(device: str, call: Callable[[], Any], count: int) -> float:
    call()
    _sync(device)
    return median(_timed(device, call)[1] for _ in range(count))


def _sync(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


# -- the whole ---------------------------------------------------------------------------------------------


def _whole(course: Course, device: str, folder: Path) -> dict[str, Any]:
    with _server(course, device, folder) as origin:
        report: dict[str, Any] = {"load_s": _health(origin)["load_s"], "clients": []}
        _stream(origin, 0, course.tokens)  # the first is slower: kernels are made
        for clients in course.batches:
            row = _crowd(origin, clients, course.tokens)
            report["clients"].append(row)
            course.say(f"{clients} clients: {row['tokens_s']:.0f} tokens/s, first word {row['first_ms_p50']:.0f} ms")
        report["kill_to_free_ms"] = [_kill(origin) * 1e3 for _ in range(5)]
        report["health"] = _health(origin)
    return report


@contextmanager
def _server(course: Course, device: str, folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "wiro_mock", "moondream", "serve", "--engine", "torch", "--port", "0"]
    options = ["--slots", max(course.batches), "--length", max(1024, 800 + course.tokens), "--device", device]
    process = subprocess.Popen(  # noqa: S603 -- of ourselves
        [*command, *(str(one) for one in options), "--weights", str(folder), "--stop-at-eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line.startswith(READY):
            raise CannotStart("the server of the benchmark did not start; what it said is above")
        yield line.removeprefix(READY).strip()
    finally:
        process.terminate()
        process.wait()


def _crowd(origin: str, clients: int, tokens: int) -> dict[str, Any]:
    """So many clients at once, each with a picture and a stream of its own."""
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        runs = list(pool.map(lambda number: _stream(origin, number, tokens), range(clients)))
    seconds = time.perf_counter() - began
    firsts = sorted(first for first, _ in runs)
    made = sum(count for _, count in runs)
    p95 = quantiles(firsts, n=20)[-1] if len(firsts) > 1 else firsts[0]
    row = {"clients": clients, "seconds": seconds, "tokens": made, "tokens_s": made / seconds}
    return {**row, "first_ms_p50": median(firsts) * 1e3, "first_ms_p95": p95 * 1e3}


def _stream(origin: str, number: int, tokens: int) -> tuple[float, int]:
    """Seconds to the first word, and how many tokens came."""
    import json

    began, first, count = time.perf_counter(), 0.0, 0
    with _asked(origin, number, tokens) as lines:
        for line in lines:
            first = first or time.perf_counter() - began
            if line.startswith("data: ") and (told := json.loads(line[6:])).get("completed"):
                count = told["tokens"]
    return first, count


def _kill(origin: str) -> float:
    """Seconds from leaving a stream until no slot is in use."""
    with _asked(origin, 0, PLENTY) as lines:
        next(iter(lines))
    began = time.perf_counter()
    while _health(origin)["active"]:
        pass
    return time.perf_counter() - began


PLENTY = 100_000


@contextmanager
def _asked(origin: str, number: int, tokens: int) -> Iterator[Iterator[str]]:
    import httpx

    # Hot enough that random weights seldom end by chance.
    settings = {"temperature": 2, "top_p": 1, "max_tokens": tokens, "seed": number}
    body = {"image_url": _picture(number), "stream": True, "settings": settings}
    with (
        httpx.Client(trust_env=False, timeout=PATIENCE) as client,
        client.stream("POST", f"{origin}/caption", json=body) as answer,
    ):
        yield answer.iter_lines()


def _picture(number: int) -> str:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.linear_gradient("L").rotate(10 * number).resize((1024, 768)).convert("RGB").save(file, "JPEG")
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _health(origin: str) -> dict[str, Any]:
    import httpx

    told: dict[str, Any] = httpx.get(f"{origin}/health", trust_env=False, timeout=PATIENCE).json()
    return told
