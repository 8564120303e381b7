"""Where webhooks may go: the address that a name resolves to decides, and nothing that the URL says of itself."""

from __future__ import annotations

import ipaddress
import json
import socket
from typing import Any

import pytest

from tests.live_kit import fate, hooks, live
from wiro_mock.journal import Journal
from wiro_mock.webhook_targets import Refused, check, read_target


@pytest.mark.parametrize(
    "url",
    ["junk", "", "Optional: your callback", "ftp://127.0.0.1/", "mailto:a@b", "javascript:1", "//127.0.0.1/"],
)
def test_junk_makes_no_delivery_and_no_crash(url: str) -> None:
    """The page's own sample sends an English sentence (rest.md §5.2)."""
    with live() as running:
        _, token = running.run(callbackUrl=url)
        assert running.frames_of(token)[-1]["success"] is True
        assert running.admin("/webhooks") == {"webhooks": []}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://", "no http or https URL with a host"),
        ("http://:80/", "no http or https URL with a host"),
        ("http://[::1/", "cannot be read"),
        ("http://a:99999/", "cannot be read"),
        ("http://a:x/", "cannot be read"),
        ("http://127.0.0.1:0/", "no http or https URL with a host and a port"),
        ("http://" + "a" * 70 + "/", "cannot be read"),
        ("http://no-such-host.invalid/", "cannot be resolved"),
        ("http://0.0.0.0/", "never posted to"),
        ("http://169.254.169.254/latest", "never posted to"),
        ("http://[fe80::1]/", "never posted to"),
        ("http://[::ffff:169.254.169.254]/", "never posted to"),
        ("http://[::]/", "never posted to"),
        ("http://192.0.2.1/", "--webhook-host 192.0.2.1 lets webhooks go there"),
        ("http://[2001:db8::1]/", "not loopback or private"),
        ("http://[::ffff:192.0.2.1]/", "not loopback or private"),
        ("http://3221225985/", "not loopback or private"),  # 192.0.2.1
    ],
)
def test_what_may_not_be_posted_stands_in_the_deliveries_with_its_reason(url: str, reason: str) -> None:
    """And the task ends as ever."""
    with live() as running:
        hook = fate(running, url)
        assert (hook["state"], hook["attempts"]) == ("not posted", 0)
        assert reason in hook["reason"]


@pytest.mark.parametrize("host", ["127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "127.0.0.1"])
def test_every_spelling_of_loopback_is_posted_to(host: str) -> None:
    """What counts is the address that a name resolves to; the Host is as written."""
    with hooks() as target, live() as running:
        hook = fate(running, f"http://{host}:{target.port}/")
        if hook["reason"] == "could not connect from where the mock runs: nothing listens there":
            pytest.skip(f"{host} is IPv6 here, where the target does not listen")
        assert hook["state"] == "posted", hook
        assert target.posts[0][0]["host"] == f"{host}:{target.port}"


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A resolver that gives these answers in turn, the last one for ever; and what it was asked."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *more: Any, **named: Any) -> Any:
        if not str(host).endswith(".test"):
            return real(host, port, *more, **named)
        asked.append(host)
        addresses = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that points elsewhere the next time it is asked (DNS rebinding) is asked once."""
    with hooks() as target, live() as running:
        asked = resolving(monkeypatch, ["127.0.0.1"], ["192.0.2.1"])
        assert fate(running, f"http://rebind.test:{target.port}/")["state"] == "posted"
        assert asked == ["rebind.test"]
        assert target.posts[0][0]["host"] == f"rebind.test:{target.port}"


def test_one_public_address_among_private_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them must be private."""
    with hooks() as target, live() as running:
        resolving(monkeypatch, ["127.0.0.1", "192.0.2.1"])
        hook = fate(running, f"http://mixed.test:{target.port}/")
        assert hook["state"] == "not posted"
        assert "192.0.2.1" in hook["reason"]
        assert not target.posts


ADDRESSES = {
    "127.0.0.1": True,
    "127.255.255.254": True,
    "10.1.2.3": True,
    "172.16.0.1": True,
    "172.31.255.255": True,
    "172.32.0.1": False,
    "192.168.1.1": True,
    "192.169.0.1": False,
    "100.64.0.1": False,
    "0.0.0.1": False,
    "255.255.255.255": False,
    "8.8.8.8": False,
    "::1": True,
    "fd12::1": True,
    "fe80::1": False,
    "::ffff:10.0.0.1": True,
    "::ffff:8.8.8.8": False,
    "64:ff9b::7f00:1": False,
    "2002:7f00:1::": False,
}


@pytest.mark.parametrize(("text", "may"), ADDRESSES.items())
def test_private_means_loopback_rfc_1918_and_unique_local(text: str, may: bool) -> None:
    """And nothing else, in either family."""
    address = ipaddress.ip_address(text)
    if may:
        assert check("name", [address]) == address
    else:
        with pytest.raises(Refused):
            check("name", [address])


@pytest.mark.parametrize("text", ["169.254.169.254", "fe80::1", "::ffff:169.254.0.1", "0.0.0.0", "224.0.0.1"])
def test_a_named_host_opens_public_addresses_but_link_local_ones_never(text: str) -> None:
    """`--webhook-host` does not reach the cloud's metadata."""
    named = frozenset({"name"})
    assert check("NAME", [ipaddress.ip_address("8.8.8.8")], named)
    with pytest.raises(Refused, match="never"):
        check("name", [ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address(text)], named)


def test_credentials_in_the_url_go_into_a_header_and_are_shown_nowhere() -> None:
    """Neither in the list of webhooks nor in a line for the tester, also when it goes wrong."""
    with hooks() as target, live() as running:
        hook = fate(running, f"http://user:p%40ss@127.0.0.1:{target.port}/hook")
        assert hook["url"] == f"http://***@127.0.0.1:{target.port}/hook"
        assert target.posts[0][0]["authorization"] == "Basic dXNlcjpwQHNz"
        assert target.posts[0][0]["host"] == f"127.0.0.1:{target.port}"
        bad = fate(running, "http://user:p%40ss@192.0.2.1/")
        assert bad["state"] == "not posted"
        shown = json.dumps([running.admin("/webhooks"), running.told])
        assert "p%40ss" not in shown
        assert "p@ss" not in shown


def test_credentials_in_a_url_that_cannot_be_read_are_shown_nowhere() -> None:
    """What Python says of such a URL holds them."""
    with live() as running:
        hook = fate(running, "http://user:TopSecret@exam\u2100ple.com/")
        assert (hook["state"], hook["reason"]) == ("not posted", "callbackUrl cannot be read")
        assert "TopSecret" not in json.dumps([running.admin("/webhooks"), running.told])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a/b@c", "http://a/b@c"),
        ("http://u:p@a/b@c", "http://***@a/b@c"),
        ("https://u@a?x@y", "https://***@a?x@y"),
        ("http://u:p@x@a/", "http://***@a/"),
    ],
)
def test_a_url_is_shown_without_its_credentials(url: str, shown: str) -> None:
    """And with everything else."""
    assert Journal().clean(url) == shown


def test_a_target_is_read_from_any_url() -> None:
    """Odd characters in the path are escaped, those that are escaped already stay so."""
    target = read_target('HTTP://Example.TEST:8080/a b/%20/ü?q=ü "')
    assert (target.host, target.netloc, target.port) == ("example.test", "example.test:8080", 8080)
    assert target.path == "/a%20b/%20/%C3%BC?q=%C3%BC%20%22"
    assert read_target("https://[::1]").netloc == "[::1]"
    assert (read_target("https://[::1]").port, read_target("https://[::1]").path) == (443, "/")
    assert read_target("http://bücher.test/").host == "xn--bcher-kva.test"
