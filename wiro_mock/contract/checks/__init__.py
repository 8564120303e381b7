"""One function per promise, and the table of all: `PROMISES`.

A check knows an HTTP client, a socket client and the documented shapes, and nothing of the mock. Each area is a module
with a table of its own; the order is that in which they are checked.
"""

from wiro_mock.contract.checks import (
    auth,
    catalogue,
    files,
    language,
    runs,
    sessions,
    socket,
    stops,
    sync,
    tasks,
    uploads,
    webhooks,
)
from wiro_mock.contract.promise import Promise

PROMISES: tuple[Promise, ...] = (
    *auth.PROMISES,
    *catalogue.PROMISES,
    *runs.PROMISES,
    *tasks.PROMISES,
    *stops.PROMISES,
    *socket.PROMISES,
    *files.PROMISES,
    *uploads.PROMISES,
    *sync.PROMISES,
    *webhooks.PROMISES,
    *language.PROMISES,
    *sessions.PROMISES,
)
