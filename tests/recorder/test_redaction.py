"""No secret in any file: in a text, in a URL, in JSON, in base64, in bytes, whatever it consists of."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.recorder.redaction import Redactor
from wiro_mock.recorder.spellings import spellings

SECRETS = st.text(min_size=6, max_size=30).filter(lambda text: text == text.strip() and text not in "[redacted]")
SPELT = st.sampled_from(
    [
        str,
        lambda text: json.dumps(text)[1:-1],
        lambda text: quote(text, safe="", errors="replace"),
        lambda text: base64.b64encode(text.encode(errors="replace")).decode(),
        lambda text: text.encode(errors="replace").hex(),
        lambda text: text.encode(errors="replace").hex().upper(),
        lambda text: base64.b64encode(text.encode(errors="replace")).decode().rstrip("="),
        lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="", errors="replace")),
        lambda text: quote(quote(text, safe="", errors="replace"), safe=""),
        lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
        html.escape,
    ]
)


@given(secret=SECRETS, spelt=SPELT, around=st.tuples(st.text(max_size=9), st.text(max_size=9)))
def test_a_secret_is_found_in_every_spelling(secret: str, spelt: object, around: tuple[str, str]) -> None:
    """In texts, keys and bytes alike."""
    assert callable(spelt)
    written = spelt(secret)
    redactor = Redactor([secret])
    text = f"{around[0]}{written}{around[1]}"
    assert written not in redactor.text(text).replace("[redacted]", "")
    cleaned = json.dumps(redactor.value({text: [text, {"a": text}]}), ensure_ascii=False)
    shape = json.dumps({"": ["", {"a": ""}]})
    assert written not in cleaned.replace("[redacted]", "") or written in shape
    assert written.encode(errors="replace") not in redactor.data(text.encode(errors="replace")).replace(
        b"[redacted]", b""
    )


@given(
    secret=st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=20),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    ends=st.lists(st.sampled_from(["", "\n", "\r\n"]), min_size=5, max_size=5),
    around=st.tuples(st.text(" .,", max_size=20), st.text(" .,", max_size=20)),
)
def test_a_secret_is_found_over_lines_and_texts(
    secret: str, cuts: list[int], ends: list[str], around: tuple[str, str]
) -> None:
    """Wherever it is cut; what is around it stays as it was."""
    whole = around[0] + secret + around[1]
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    texts = [whole[low:high] + end for low, high, end in zip(places, places[1:], ends, strict=False)]
    cleaned = Redactor([secret]).texts(texts)
    assert len(cleaned) == len(texts)
    flat = "".join(cleaned).replace("\r", "").replace("\n", "")
    assert flat == f"{around[0]}[redacted]{around[1]}"
    assert [text[len(text.rstrip("\r\n")) :] for text in cleaned] == ends[: len(texts)]


@given(length=st.integers(8, 19))
def test_the_beginning_of_a_secret_goes_from_what_is_not_over(length: int) -> None:
    """The rest of it would have come next."""
    secret = "sk-0123456789abcdefg"
    redactor = Redactor([secret])
    assert redactor.texts(["the key is ", secret[:length]], partial=True) == ["the key is ", "[redacted]"]
    assert redactor.texts(["the key is ", secret[:length]]) == ["the key is ", secret[:length]]


def test_what_is_new_with_every_request_is_forgotten_at_last() -> None:
    """So that a long recording takes no more memory and time; what was named is not."""
    redactor = Redactor(["hush-hush"])
    for number in range(500):
        redactor.learn_headers({"x-signature": f"signature-{number:05}"})
        redactor.learn(f"token-{number:05}", pool="tokens")
    assert redactor.text("signature-00499 token-00300 hush-hush") == "[redacted] [redacted] [redacted]"
    assert len(redactor._secrets) < 400


def test_what_a_url_or_a_key_calls_a_secret_is_one() -> None:
    """Without anybody having named it."""
    redactor = Redactor()
    redactor.learn_headers(
        {"Authorization": "Bearer abcdef123456", "x-signature": "SHA2-256(stdin)= 0123abcd", "a": "plain"}
    )
    assert (
        redactor.text("see https://x/y?a=1&access_token=t0p&b=2") == "see https://x/y?a=1&access_token=[redacted]&b=2"
    )
    assert redactor.value({"api_key": "k", "n": 5}) == {"api_key": "[redacted]", "n": 5}
    assert redactor.text("abcdef123456 0123abcd plain") == "[redacted] [redacted] plain"
    assert redactor.text("curl -H 'Bearer zzzzzzzzzz'") == "curl -H 'Bearer [redacted]'"


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=30),
    around=st.tuples(st.binary(max_size=5), st.binary(max_size=5)),
    code=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
def test_a_secret_is_found_inside_of_longer_base64(
    secret: str, around: tuple[bytes, bytes], code: Callable[[bytes], bytes]
) -> None:
    """As in `user:secret`, or in a file that came as one: nothing of it can be decoded any more but its ends."""
    text = code(around[0] + secret.encode() + around[1]).decode()
    cleaned = Redactor([secret]).text(text)
    assert "[redacted]" in cleaned
    assert len(cleaned) - len("[redacted]") <= -(-len(around[0]) * 4 // 3) + -(-len(around[1]) * 4 // 3) + 4


@given(
    secret=st.text(st.characters(categories=["L", "N"]), min_size=6, max_size=20), coding=st.sampled_from(["le", "be"])
)
def test_a_secret_is_found_in_utf_16(secret: str, coding: str) -> None:
    """In the bytes of an output, as Windows writes texts; whether or not they could be UTF-8, too."""
    data = f"so {secret} it is".encode(f"utf-16-{coding}")
    cleaned = Redactor([secret]).data(data)
    assert secret.encode(f"utf-16-{coding}") not in cleaned
    assert cleaned.startswith("so ".encode(f"utf-16-{coding}"))
    assert b"[redacted]" in cleaned


def test_what_a_run_calls_a_secret_is_looked_for_in_what_it_says() -> None:
    """Such as the key of another service that a model works with; a word of a few letters stays one."""
    redactor = Redactor()
    redactor.learn_named(
        {"hf_token": "hf_0123456789abc", "with": [{"apiKey": "none"}, {"private_key": "pk-0123456789"}]}
    )
    assert redactor.text("loading with hf_0123456789abc, pk-0123456789, none") == (
        "loading with [redacted], [redacted], none"
    )


def test_cookies_are_known_one_by_one_and_forgotten_at_last() -> None:
    """A content network sets another one with every answer."""
    redactor = Redactor()
    redactor.learn_headers({"cookie": "lang=english; session=0123456789abcdef"})
    assert redactor.text("english 0123456789abcdef") == "english [redacted]"
    for number in range(500):
        redactor.learn_headers({"set-cookie": f"__cf_bm={number:030}; Path=/; HttpOnly"})
    assert redactor.text(f"at {499:030} in English") == "at [redacted] in English"
    assert len(redactor._secrets) < 100


@given(
    st.lists(st.text("ab", min_size=4, max_size=12), min_size=1, max_size=4),
    st.lists(st.text("abcd \n", max_size=30), min_size=1, max_size=4),
)
def test_the_beginning_of_a_secret_at_the_end_is_found_whatever_its_length(
    secrets: list[str], texts: list[str]
) -> None:
    """As if each length of each secret were tried: a third of it, and four characters, are too much."""
    redactor = Redactor(secrets)
    spelt = {one for secret in secrets for one in spellings(secret)}
    said = "".join(redactor.texts(texts, partial=True)).replace("\n", "")
    begun = {one[:length] for one in spelt for length in range(max(4, len(one) // 3), len(one) + 1)}
    assert not any(said.endswith(one) for one in begun)
    assert not any(secret in said for secret in secrets)
    harmless = [text.translate(str.maketrans("ab", "cd")) for text in texts]
    assert redactor.texts(harmless, partial=True) == harmless
