"""Webhooks leave the house here: to a receiver in this process, or to addresses of whoever runs the tests.

A target is posted to when every address its name resolves to is loopback, RFC 1918 or unique-local; the address
that was checked is the one connected to. Other hosts only when they were named; link-local addresses never.
What was not posted stands in the deliveries with its reason.

It is done with h11 over a plain connection: an HTTP client would bring proxies from the environment, redirects
and pools, and could be patched by a test of the very process that it runs in (respx).
"""

from __future__ import annotations

import asyncio

import h11

from wiro_mock.clock import monotonic
from wiro_mock.deliveries import Webhook
from wiro_mock.kernel.events import SECOND, Duration
from wiro_mock.mock import World
from wiro_mock.receivers import Post, Receiver
from wiro_mock.text import printable
from wiro_mock.webhook_sending import reason_of, send
from wiro_mock.webhook_targets import Refused, Target, check, read_target, resolve

TIMEOUT_SECONDS = 10.0
HANG: Duration = 10 * SECOND
"""How long a connection stays open on which nothing more comes, on the world's clock; where that stands still, not at
all: a receiver has but to see that the rest does not come."""


class Poster:
    """Posts webhooks. `allowed_hosts` are names (or addresses) beyond the private ones."""

    def __init__(self, world: World, *, allowed_hosts: frozenset[str] = frozenset()) -> None:
        self._world = world
        self._allowed = frozenset(host.lower().strip("[]") for host in allowed_hosts)

    async def post(self, webhook: Webhook) -> None:
        """Post one webhook once, and write down how it went. Never raises but when cancelled."""
        webhook.reason = "being posted"
        try:
            await self._attempt(webhook)
        except asyncio.CancelledError:
            webhook.end("not posted", "the server stopped before it was posted")
            raise
        except Refused as refused:
            self._tell(webhook, "not posted", str(refused))
        except Exception as error:
            self._tell(webhook, "failed", f"a mistake in wiro_mock itself: {type(error).__name__}: {error}")

    async def _attempt(self, webhook: Webhook) -> None:
        receiver = self._world.receivers.get(webhook.delivery.url)
        target = None if receiver is not None else read_target(webhook.delivery.url)
        post = self._post_of(webhook)
        webhook.status = None
        problem = await self._try(post, receiver, target)
        came_of_it = "failed" if webhook.status is None else "taken" if webhook.status == 200 else "refused"
        self._world.deliveries.attempted[came_of_it] += 1
        # Anything but 200 is a failure, as Wiro documents for agents' webhooks (rest.md §6). The status alone decides:
        # that a 200 whose body does not end is no failure is our choice.
        if (status := webhook.status) == 200:
            problem = f"the body of the answer did not end: {problem}" if problem else ""
            self._taken(webhook, printable(problem))
            return
        if status is not None:
            problem = f"answered with HTTP {status}{'; redirects are not followed' if 300 <= status < 400 else ''}"
        post.attempt.error = printable(problem)
        self._failed(webhook, problem)

    def _post_of(self, webhook: Webhook) -> Post:
        own = self._world.webhook_body(webhook)
        if own is None:
            raise Refused("nothing is known of its task")
        if (do := webhook.do) is None:
            return Post(webhook=webhook, pieces=[own.encode()])
        from wiro_mock.faults.bodies import damage_of, wrecked_body  # most webhooks are whole

        pieces = wrecked_body(do, own.encode(), webhook.noise)
        damage = damage_of(do, sum(map(len, pieces)), webhook.cut_after)
        return Post(
            webhook=webhook,
            pieces=pieces,
            content_type=do.content_type or "application/json",
            damage=damage,
            pace=self._seconds(SECOND) / damage.drip if damage.drip else 0.0,
            hang=self._seconds(HANG) if damage.end == "hang" else 0.0,
        )

    def _seconds(self, length: Duration) -> float:
        """The real seconds that so much of the world's time takes; 0 where time does not pass by itself."""
        clock = self._world.clock
        return clock.seconds_until(clock.now() + length) or 0.0

    def _taken(self, webhook: Webhook, told: str) -> None:
        webhook.taken, webhook.failures = True, 0
        if webhook.copies:
            webhook.copies -= 1
            webhook.again, webhook.reason = 0, f"posted, and comes once more ({webhook.fault})"
        else:
            webhook.end("posted", told)

    def _failed(self, webhook: Webhook, problem: str) -> None:
        webhook.failures += 1
        if webhook.failures < self._world.profile.callback_attempts:
            seconds = self._world.profile.callback_backoff
            webhook.again = round(seconds * SECOND)
            webhook.reason = printable(
                f"attempt {webhook.attempts} failed: {problem}; the next is due after {seconds:g} s"
            )
            self._world.tell(webhook.line)
        else:
            self._tell(webhook, "posted" if webhook.taken else "failed", problem)

    async def _try(self, post: Post, receiver: Receiver | None, target: Target | None) -> str:
        """Post once, and write down the status as soon as it is there; what went wrong, or nothing."""
        webhook, begun = post.webhook, monotonic()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS + post.size * post.pace + post.hang):
                if target is None:
                    assert receiver is not None
                    self._begin(post)
                    return await receiver.post(post)
                address = check(target.host, await resolve(target.host, target.port), self._allowed)
                self._begin(post)
                await send(target, address, post)
        except TimeoutError:
            return f"no answer within {TIMEOUT_SECONDS:g} s" if webhook.status is None else "it took too long"
        except (OSError, h11.ProtocolError, ValueError) as error:
            return reason_of(error, target)
        finally:
            post.attempt.seconds = monotonic() - begun
        if webhook.status is None and post.breaks:
            return post.breaks
        return "" if webhook.status else "the answer is no HTTP: it has no status"

    def _begin(self, post: Post) -> None:
        post.webhook.attempts += 1
        post.attempt.at = self._world.clock.now()
        post.webhook.tries.append(post.attempt)

    def _tell(self, webhook: Webhook, state: str, reason: str) -> None:
        webhook.end(state, printable(reason))
        self._world.tell(webhook.line)
