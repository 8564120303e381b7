"""All benchmarks, one after the other: `python -m tests.benchmarks`; each takes `--help` when it is run alone."""

from tests.benchmarks import detail, lifecycles, long_run, sockets, startup

if __name__ == "__main__":
    for module in (startup, detail, lifecycles, sockets, long_run):
        module.main([])
