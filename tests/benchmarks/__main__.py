"""All benchmarks, one after the other: `python -m tests.benchmarks`; each takes `--help` when it is run alone."""

from tests.benchmarks import (
    anchors,
    backends,
    detail,
    fanout,
    fixtures,
    growth,
    hour,
    lifecycles,
    long_run,
    plugin,
    prism,
    recorder,
    respx_calls,
    snapshots,
    sockets,
    startup,
    sync,
    uploads,
    voice,
    webhooks,
)

if __name__ == "__main__":
    for module in (
        startup,
        detail,
        lifecycles,
        sockets,
        fanout,
        voice,
        webhooks,
        sync,
        uploads,
        recorder,
        long_run,
        snapshots,
        plugin,
        fixtures,
        hour,
        respx_calls,
        growth,
        prism,
        backends,
        anchors,
    ):
        module.main([])
