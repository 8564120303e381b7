"""YAML's traps, with the parser in C and with the one in Python."""

from __future__ import annotations

import pytest
import yaml

from wiro_mock.language import yaml_source
from wiro_mock.language.yaml_source import read_documents


def test_an_alias_bomb_is_refused() -> None:
    """What aliases expand to is counted, not built."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    [trouble] = read_documents("\n".join(lines))[1]
    assert trouble.message == ("more than 50000 values once aliases are expanded; write less")


@pytest.mark.parametrize("in_c", [True, False])
def test_yaml_keeps_what_was_written(in_c: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No 1.1 surprises, with the parser in C and with the one in Python."""
    if not in_c:
        monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    text = (
        "on: yes\noff: no\na: 1:30\nb: 012\nc: 2026-11-22\nd: 0x1F\ne: 1_000\nf: 1e3\ng: .inf\nh: '5'\ni: -5\n"
        "j: 0.50\nk: true\nl: null\nm: ~\nn:\no: 1234567890123456789012\n1: x\np: !!str 5\nq: '='\nr: &z [1]\ns: *z\n"
    )
    [document], troubles = read_documents(text)
    assert troubles == []
    assert document.data == {
        "on": "yes",
        "off": "no",
        "a": "1:30",
        "b": "012",
        "c": "2026-11-22",
        "d": "0x1F",
        "e": "1_000",
        "f": "1e3",
        "g": ".inf",
        "h": "5",
        "i": -5,
        "j": 0.5,
        "k": True,
        "l": None,
        "m": None,
        "n": None,
        "o": "1234567890123456789012",
        "1": "x",
        "p": "5",
        "q": "=",
        "r": [1],
        "s": [1],
    }


def test_both_parsers_complain_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """About what is ours to find."""
    texts = ["a: 1\na: 2\n", "a: &x [*x]\n", "[" * 60, "a: *x\n", "a: !x 1\n"]
    in_c = [read_documents(text)[1] for text in texts]
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    assert [read_documents(text)[1] for text in texts] == in_c
