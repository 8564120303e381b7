"""The throw-away certificate authority: whose it is, what it may sign, how long it lives, and how it goes."""

from __future__ import annotations

import shlex
import ssl
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from wiro_mock.commands.group import wiro_mock
from wiro_mock.reach.authority import LIFE, Authority, Files, NoTls, checked_name
from wiro_mock.reach.doors import Doors
from wiro_mock.reach.trust import trust

NAMES = ("api.wiro.ai", "socket.wiro.ai", "cdn1.wiro.ai", "localhost")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIRO_MOCK_CA_DIR", str(tmp_path / "ca"))


def played(*words: str) -> Result:
    return CliRunner().invoke(wiro_mock, list(words), prog_name="wiro-mock")


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """A handshake without a network. Raises what the client finds wrong."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = server.wrap_bio(to_server, to_client, server_side=True)
    for half in (one, other, one, other):
        try:
            half.do_handshake()
        except ssl.SSLWantReadError:
            continue


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem.decode())


@pytest.mark.parametrize("name", [*NAMES, "127.0.0.1", "wiro-mock"])
def test_it_signs_for_wiro_and_this_machine_and_what_was_asked_for(name: str) -> None:
    """A client that trusts it, and nothing else, is content."""
    authority = Authority.made(["wiro-mock"])
    shake_hands(authority.context(["wiro-mock"]), trusting(authority), name)


@pytest.mark.parametrize("name", ["example.com", "wiro-mock", "wiro.ai.example.com", "10.0.0.1"])
def test_nobody_believes_it_anything_else(name: str) -> None:
    """Even where its key is stolen, and used for another site: its own certificate forbids it."""
    authority = Authority.made()
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        shake_hands(authority.context([name]), trusting(authority), name)


def test_it_lives_for_a_week() -> None:
    """A client does not believe one that has expired."""
    assert timedelta(days=6) < Authority.made().ends - datetime.now(UTC) <= LIFE
    old = Authority.made(now=datetime.now(UTC) - timedelta(days=8))
    assert not old.lasts()
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        shake_hands(old.context(), trusting(old), "api.wiro.ai")


def test_it_is_one_for_all_processes_of_a_user(tmp_path: Path) -> None:
    """However many begin at once; only its user can read the key."""
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: Authority.of_user(tell=print).pem, range(8)))
    assert len(set(made)) == 1
    files = Files.of_user()
    assert files.folder == tmp_path / "ca"
    assert files.folder.stat().st_mode & 0o077 == 0
    assert files.key.stat().st_mode & 0o077 == 0


def test_an_expired_one_is_made_anew_and_told() -> None:
    """With the names that it had."""
    files = Files.of_user()
    files.folder.mkdir(mode=0o700)
    old = Authority.made(["wiro-mock"], now=datetime.now(UTC) - timedelta(days=8))
    files.certificate.write_bytes(old.pem)
    files.key.write_bytes(old._key)
    told: list[str] = []
    new = Authority.of_user(tell=told.append)
    assert new.lasts()
    assert new.extra_names() == ["wiro-mock"]
    assert "has expired: it was made anew" in told[0]
    assert Authority.of_user(tell=told.append).pem == new.pem
    assert len(told) == 1


def test_another_name_makes_another_one() -> None:
    """As its constraints are in its certificate; what it may sign already stays."""
    told: list[str] = []
    Authority.of_user(["one.test"], tell=told.append)
    both = Authority.of_user(["two.test", "10.1.2.3"], tell=told.append)
    assert both.extra_names() == ["one.test", "two.test", "10.1.2.3"]
    assert "may not sign for two.test, 10.1.2.3" in told[0]
    shake_hands(both.context(["10.1.2.3"]), trusting(both), "10.1.2.3")


def test_a_server_goes_on_with_the_one_that_has_taken_its_place() -> None:
    """One that was removed serves those that trust it, until another lies there: then that is told, and served."""
    told: list[str] = []
    doors = Doors(
        tls=True,
        renew=lambda: Authority.of_user(tell=told.append),
        replaced=Authority.was_replaced,
        tell=told.append,
    )
    old = Authority.of_user(tell=told.append)
    shake_hands(doors.context(), trusting(old), "api.wiro.ai")
    assert played("ca", "--remove").exit_code == 0
    shake_hands(doors.context(), trusting(old), "api.wiro.ai")
    assert not Files.of_user().folder.exists()
    assert played("ca", "--env").exit_code == 0  # makes another
    new = Authority.of_user(tell=told.append)
    assert new.pem != old.pem
    context = doors.context()
    shake_hands(context, trusting(new), "api.wiro.ai")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(context, trusting(old), "api.wiro.ai")
    assert told == ["another CA has taken the place of the old one; start again what trusts that one"]
    assert doors.context() is context


def test_what_cannot_be_read_is_made_anew() -> None:
    """A file that was cut short is no reason to fail."""
    Authority.of_user(tell=print)
    Files.of_user().key.write_bytes(b"nonsense")
    assert Authority.of_user(tell=print).lasts()


def test_a_folder_that_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence with the way out."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WIRO_MOCK_CA_DIR", str(tmp_path / "file" / "ca"))
    with pytest.raises(NoTls, match=r"cannot be kept in .*; \$WIRO_MOCK_CA_DIR names another folder"):
        Authority.of_user(tell=print)


@settings(max_examples=10)  # of so many names each, as an authority takes its time to be made
@given(st.lists(st.text(max_size=30) | st.from_regex(r"[a-zA-Z0-9.*_\[\]:-]{1,40}"), max_size=40))
def test_a_name_is_a_hosts_or_refused(texts: list[str]) -> None:
    """Whatever is given, what comes out can stand in a certificate."""
    names = []
    for text in texts:
        with suppress(ValueError):
            names.append(checked_name(text))
    Authority.made(names).context(names)


# -- how it is trusted ---------------------------------------------------------------------------------


def test_the_bundle_has_what_was_trusted_before(tmp_path: Path) -> None:
    """Else nothing but the mock could be reached; the same again is the same file, and it never grows."""
    authority, files = Authority.of_user(tell=print), Files.of_user()
    before = tmp_path / "corporate.pem"
    before.write_bytes(Authority.made().pem)
    environ = {"SSL_CERT_FILE": str(before), "NODE_EXTRA_CA_CERTS": str(before)}
    made = trust(authority, files, environ, java=True)
    assert made.bundle.read_bytes() == before.read_bytes().strip() + b"\n" + authority.pem
    assert made.extra == made.bundle
    assert trust(authority, files, {"SSL_CERT_FILE": str(made.bundle)}, java=False).bundle == made.bundle
    assert made.store is not None
    assert made.store.stat().st_size > 0
    assert f'curl.cainfo="{made.bundle}"' in (made.php / "wiro-mock.ini").read_text()
    assert trust(authority, files, {}, java=False).extra == files.certificate


# -- the command ---------------------------------------------------------------------------------------


def test_env_shows_variables_for_a_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line can be evaluated; Wiro's hosts are never let past the proxy."""
    monkeypatch.setenv("NO_PROXY", "*,example.com")
    result = played("ca", "--env", "--proxy", "http://127.0.0.1:5000")
    assert result.exit_code == 0
    made = dict(shlex.split(line)[1].split("=", 1) for line in result.stdout.splitlines())
    assert made["HTTPS_PROXY"] == made["https_proxy"] == "http://127.0.0.1:5000"
    assert made["NO_PROXY"] == "example.com,localhost,127.0.0.1,::1"
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        assert Path(made[name]).exists()
    assert made["NODE_USE_ENV_PROXY"] == "1"
    assert "-Dhttps.proxyPort=5000" in made["JAVA_TOOL_OPTIONS"]
    without = played("ca", "--env", "--no-proxy").stdout
    assert "SSL_CERT_FILE" in without
    assert "PROXY" not in without


def test_it_is_shown_and_removed() -> None:
    """By one command, with all that was made with it."""
    assert "there is no CA yet" in played("ca").stdout
    played("ca", "--env")
    shown = played("ca").stdout
    assert "signs for:   wiro.ai, *.wiro.ai, localhost, 127.0.0.1, ::1, and nothing else" in shown
    assert str(Files.of_user().certificate) in shown
    assert played("ca", "--remove").stdout == f"removed {Files.of_user().folder}\n"
    assert not Files.of_user().folder.exists()
    assert "there is no CA" in played("ca", "--remove").stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("ca", "--env", "--remove"), "give one of them"),
        (("ca", "--env", "--proxy", "socks5://x"), "--proxy is the address of serve --intercept"),
        (("serve", "--tunnel", "x"), "--tunnel does nothing without --intercept"),
        (("serve", "--tls-name", "x"), "--tls-name does nothing without --tls"),
        (("serve", "--tls", "--tls-name", "a b"), "a name of a certificate is a host's"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], sentence: str) -> None:
    """One sentence, and status 2."""
    result = played(*words)
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize(
    "words", [("ca", "--env"), ("serve", "--tls"), ("serve", "--intercept"), ("exec", "--intercept", "--", "true")]
)
def test_without_the_extra(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that says what to install, and status 2; `ca --remove` needs it not."""
    hide: Callable[[str, None], None] = lambda name, value: monkeypatch.setitem(sys.modules, name, value)  # noqa: E731
    hide("trustme", None)
    result = played(*words)
    assert result.exit_code == 2
    assert result.stderr == (
        "wiro-mock: TLS needs the extra tls, which is not installed; pip install 'wiro-mock[tls]'\n"
    )
    assert played("ca", "--remove").exit_code == 0
