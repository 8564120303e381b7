"""The HTTP API and the socket dialogue, without a transport: values in, values out.

`handle(world, request)` plays any of `OPERATIONS`; `Conversation` plays the socket, and is imported when asked for.
"""

from typing import TYPE_CHECKING, Any

from wiro_mock.api.messages import NO_BODY, Body, Damage, Outcome, Request, Response, Upload, World
from wiro_mock.api.operations import OPERATIONS, Operation, find, handle
from wiro_mock.api.profile import PROFILES, Profile, find_profile, switch

if TYPE_CHECKING:
    from wiro_mock.api.socket import Conversation

__all__ = [
    "NO_BODY",
    "OPERATIONS",
    "PROFILES",
    "Body",
    "Conversation",
    "Damage",
    "Operation",
    "Outcome",
    "Profile",
    "Request",
    "Response",
    "Upload",
    "World",
    "find",
    "find_profile",
    "handle",
    "switch",
]


def __getattr__(name: str) -> Any:
    if name != "Conversation":
        raise AttributeError(f"module 'wiro_mock.api' has no attribute {name!r}; it has: {', '.join(__all__)}")
    from wiro_mock.api.socket import Conversation

    return Conversation
