"""Where facts about Wiro's wire come from: a short name, a date as printed, and what that makes a fact.

The sources are those of rest.md §0 and socket.md. `documented` is what Wiro publishes, `observed` is what its server
or its own clients did, `our choice` is what no source says.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Standing: TypeAlias = Literal["documented", "observed", "our choice"]


class Source(NamedTuple):
    """Where something is known from, when that was printed, and how sure that makes it."""

    name: str
    date: str
    standing: Standing = "documented"

    def __str__(self) -> str:
        return f"{self.name} ({self.date})"


PAGE = Source("saved model page", "2025-12")
APRIL = Source("documentation", "2026-04-17")
NEWEST = Source("newest documentation", "2026-08 to 2026-09")
SERVERS_OPENAPI = Source("OpenAPI documents of Wiro's server", "2026-03", "observed")
SDKS = Source("Wiro's own SDKs", "2026-07", "observed")
MCP = Source("Wiro's MCP server", "2026", "observed")
N8N = Source("Wiro's n8n node", "2026", "observed")
GO_CLIENT = Source("third-party client", "2026", "observed")
OPENAPI_CLIENT = Source("third-party client", "2026-03", "observed")
LIVE_401 = Source("a live answer with 401", "2026-03", "observed")
PAGES_OF_MODELS = Source("pages of models", "2025", "observed")
WEBHOOK_RECEIVER = Source("third-party receiver of webhooks", "2026", "observed")
GUESS = Source("no source", "2026-11", "our choice")
