"""Secrets do not survive in what is told, logged or kept, however a client spells them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.api_kit import make_world
from tests.live_kit import PATIENCE, live
from wiro_mock.admin import Access
from wiro_mock.asgi import create_app
from wiro_mock.commands.request_log import log_of
from wiro_mock.masking import HIDDEN, MARGIN, SHORTEST, Mask
from wiro_mock.mock import World
from wiro_mock.settings import Settings
from wiro_mock.worlds import Worlds

TOKEN = "adm1n+token/of the-house"
SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST, max_size=40)


def every_character(text: str) -> str:
    """As `curl` does not, and others may: each byte percent-encoded, in lower case."""
    return "".join(f"%{byte:02x}" for byte in text.encode())


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a URL": quote,
    "wholly in a URL": lambda text: quote(text, safe=""),
    "in a form": quote_plus,
    "each byte": every_character,
    "quoted twice": lambda text: quote(quote(text, safe=""), safe=""),
    "half of it": lambda text: text[:4] + every_character(text[4:]),
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in JSON as escapes": lambda text: "".join(f"\\u{unit:04X}" for unit in _units(text)),
    "in JSON as it is": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in base64 of URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "in hex": lambda text: text.encode().hex(),
}


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2]) for at in range(0, len(data), 2)]


@settings(max_examples=150)
@given(secret=SECRETS, how=st.sampled_from([*SPELLINGS]), before=st.sampled_from(["", "/v1/", "a=%41&b="]))
def test_no_spelling_of_a_secret_survives(secret: str, how: str, before: str) -> None:
    """Whatever it consists of; what stands around it is left alone."""
    assume("*" not in secret and secret not in before)
    assert Mask([secret]).text(f"{before}{SPELLINGS[how](secret)}|") == f"{before}{HIDDEN}|"


@pytest.mark.parametrize("how", SPELLINGS)
def test_no_spelling_of_a_token_survives(how: str) -> None:
    """Each of them once, whatever Hypothesis draws."""
    assert Mask([TOKEN]).text(f"/v1/{SPELLINGS[how](TOKEN)}|") == f"/v1/{HIDDEN}|"


@given(secrets=st.lists(SECRETS, max_size=4), text=st.text(max_size=60))
def test_what_holds_no_secret_stays_as_it_is(secrets: list[str], text: str) -> None:
    """A mask is no other text's business."""
    digits = f"{len(text)}-1234567"
    assume(not any(one in digits for one in secrets))
    assert Mask(secrets).text(digits) == digits


@given(cut=st.integers(180, 220), spell=st.sampled_from([*SPELLINGS.values()]))
def test_no_half_of_a_spelling_survives_a_cut(cut: int, spell: Callable[[str], str]) -> None:
    """Wherever a long text is cut: the beginning of a secret at the end is one, too."""
    secret = "S3CRET-0123456789"
    shown = Mask([secret]).cut("-" * cut + spell(secret) + "-" * 4 * MARGIN, 200)
    assert ("-" * cut + HIDDEN + "-" * 200).startswith(shown)
    assert shown


def test_a_short_one_is_hidden_as_a_word_where_that_was_asked_for() -> None:
    """A key `test` is no secret; an admin token `test` is one, where it is no part of a word."""
    assert Mask(["test"]).text("/v1/test") == "/v1/test"
    mask = Mask(words=["t0ken", ""])
    assert (
        mask.text("/v1/t0ken a=t0ken&b t0%6Ben att0ken t0kens") == f"/v1/{HIDDEN} a={HIDDEN}&b {HIDDEN} att0ken t0kens"
    )
    assert mask.data(b'{"a": "t0ken \xc3\xa9"}') == f'{{"a": "{HIDDEN} é"}}'.encode()


@pytest.mark.parametrize("token", [TOKEN, "t0ken"])
def test_an_admin_token_in_a_request_reaches_neither_log_nor_journal(token: str) -> None:
    """In a path, a field, a header's value that is echoed, on the socket: whoever reads a log of CI has no control."""
    lines: list[str] = []
    world = make_world(time="auto", balance="0")
    world.log_request = log_of("json", lines.append, lines.append)
    with live(world, access=Access(closed=True, token=token)) as running:
        for path in (f"/v1/{quote(token, safe='')}", f"/v1/Run/wiro/{every_character(token)}?token={quote(token)}"):
            running.http.post(path, json={token: 1, "b": [{"c": token}]})
        running.http.get(f"/v1/File/{quote(token, safe='')}/a.png")
        with running.socket() as listener:
            listener.say({"type": token, "tasktoken": token})
            listener.say({"type": "task_info", "tasktoken": token})
            running.world.frames.wait_for(lambda one: one.direction == "in", PATIENCE, count=2)
        with running.world.lock:
            kept = [json.dumps(one.shown()) + repr(one) for one in running.world.journal]
            frames = [one.text for one in running.world.frames if one.direction == "in"]
    assert len(kept) >= 4
    assert len(frames) == 2
    everything = "\n".join([*kept, *frames, *lines, *running.told, *(path for _, path in world.unexpected)])
    for spelt in (token, quote(token), quote(token, safe=""), quote_plus(token), every_character(token)):
        assert spelt not in everything
    assert HIDDEN in everything


def test_every_world_of_a_server_hides_its_token() -> None:
    """Those that come later, those that begin anew, and that of the strays."""
    worlds = Worlds()
    early, late = (World(Settings(seed=name)) for name in ("early", "late"))
    worlds.attach(early)
    create_app(worlds, access=Access(closed=True, token=TOKEN))
    worlds.attach(late)
    early.reset()
    for world in (early, late, worlds.strays):
        assert world.journal.clean(f"-{TOKEN}-") == f"-{HIDDEN}-"
        told: list[str] = []
        world.teller = told.append
        world.tell(f"no {TOKEN}")
        assert told == [f"no {HIDDEN}"]
    for world in (early, late, worlds.strays):
        world.close()


def test_the_line_of_unknown_keys_has_no_key() -> None:
    """Neither the one that nobody knows, which may be a real one, nor those of the worlds here."""
    world = World(Settings(seed="one"))
    worlds = Worlds(world)
    worlds.for_request("GET", f"/v1/{world.project.secret}/a-real-key", {"x-api-key": "a-real-key"})
    (line,) = worlds.told_of_unknown_keys()
    assert f"first: GET /v1/{HIDDEN}/{HIDDEN})" in line
    world.close()
