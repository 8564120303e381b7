"""100 000 tasks through one long-lived server: Run and Detail each, over HTTP, with a key-only project.

Time is virtual and a poll is worth the rest of the task, so every task is finished by its Detail. Finished tasks
beyond `--keep` are forgotten, oldest first; so the resident memory must rise to what that many tasks take, and
then stay. The curve is printed, and the growth over the second half of the run; the last answer is checked to be
whole, and the oldest task to be forgotten.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

from tests.benchmarks import kit

RUN_BODY = json.dumps({"inputImageUrl": "https://example.test/cat.png", "prompt": "a cat " * 10}).encode()
OPTIONS = ("--time", "auto", "--key-only", "--balance", "1000000")
MIB = 1 << 20


def lives(port: int, connections: int, tasks: int) -> Iterator[str]:
    """Run that many tasks to their ends, a round of all connections at a time; yields their tokens."""
    pool = [kit.Connection(port) for _ in range(connections)]
    run = kit.post(port, kit.CAPTION_RUN, RUN_BODY, signed=False)
    made = 0
    while made < tasks:
        for connection in pool:
            connection.send(run)
        tokens = [json.loads(connection.receive())["socketaccesstoken"] for connection in pool]
        for connection, token in zip(pool, tokens, strict=True):
            connection.send(kit.post(port, "/v1/Task/Detail", b'{"tasktoken":"%s"}' % token.encode(), signed=False))
        for connection in pool:
            answer = connection.receive()
            assert b'"status":"task_postprocess_end"' in answer, answer
        made += len(tokens)
        yield from tokens
    for connection in pool:
        connection.close()


def main(arguments: list[str] | None = None) -> None:
    """Run, sample, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.long_run", description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--keep", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=10, help="stop earlier after so long")
    options = parser.parse_args(arguments)
    kit.title(f"{options.tasks:,} tasks through one server, of which {options.keep:,} are remembered")
    with kit.wiro_mock(kit.modes()[-1], *OPTIONS, "--keep-tasks", str(options.keep)) as child:
        _run(child, options)


def _run(child: kit.Child, options: argparse.Namespace) -> None:
    empty, started, first = child.resident, time.perf_counter(), ""
    rows: list[list[object]] = [[0, empty / MIB, "-", "-"]]
    samples = [(0, empty)]
    every = max(options.tasks // 20, 1)
    count, since = 0, started
    for token in lives(child.port, options.connections, options.tasks):
        first = first or token
        count += 1
        if count % every == 0:
            now, resident = time.perf_counter(), child.resident
            samples.append((count, resident))
            rows.append([count, resident / MIB, every / (now - since), (resident - empty) / min(count, options.keep)])
            since = now
            if now - started > 60 * options.minutes:
                break
    elapsed = time.perf_counter() - started
    kit.table(["tasks", "RSS MiB", "tasks/s", "bytes per task kept"], rows)
    late = [resident for at, resident in samples if at >= max(count // 2, options.keep)]
    print(f"   {count:,} tasks in {elapsed:.0f} s: {count / elapsed:,.0f} lifecycles/s over HTTP")
    if len(late) > 1:
        growth = (late[-1] - late[0]) / MIB
        span = f"{late[0] / MIB:.1f} -> {late[-1] / MIB:.1f} MiB"
        print(f"   second half: {span} ({growth:+.1f}), peak {max(late) / MIB:.1f}")
    if count > options.keep:
        body = b'{"tasktoken":"%s"}' % first.encode()
        answer = kit.ask(child.port, kit.post(child.port, "/v1/Task/Detail", body, signed=False))
        assert json.loads(answer)["result"] is False, "the oldest task should have been forgotten"
        print("   the oldest task answers like an unknown one")
    print()


if __name__ == "__main__":
    main()
