"""What time it is, and how far away a deadline is."""

from __future__ import annotations

import time

import pytest

from wiro_mock.clock import EPOCH, SystemClock, VirtualClock, make_clock, monotonic


def test_virtual_time_stands_still_until_it_is_told() -> None:
    """And it never runs backwards."""
    for autojump, mode in ((True, "auto"), (False, "manual")):
        clock = make_clock(mode)
        assert (clock.mode, clock.autojump, clock.now()) == (mode, autojump, EPOCH)
        clock.jump(EPOCH + 5)
        clock.jump(EPOCH + 3)
        assert clock.now() == EPOCH + 5
        assert clock.seconds_until(EPOCH + 5) == 0.0
        assert clock.seconds_until(EPOCH + 6) is None


def test_virtual_clocks_start_in_2025() -> None:
    """2025-01-01T00:00:00Z (design.md §11)."""
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH / 1e6)) == "2025-01-01T00:00:00Z"


def test_real_time_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole microseconds; it goes on by the monotonic clock, so that a corrected clock does not move it back."""
    nanoseconds = [7_000_000_000_000]
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_123_456_789)
    monkeypatch.setattr(time, "monotonic_ns", lambda: nanoseconds[0])
    clock = make_clock("real")
    assert clock.now() == 1_700_000_000_123_456
    nanoseconds[0] += 2_000_000
    assert clock.now() == 1_700_000_000_125_456
    clock.jump(clock.now() + 10)
    clock.jump(clock.now() - 10)
    assert clock.now() == 1_700_000_000_125_466
    assert clock.seconds_until(clock.now() + 3_000_000) == 3.0
    assert clock.seconds_until(clock.now() - 1) == 0.0


def test_a_rate_makes_time_run_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten virtual seconds in one real one, and waits that are as much shorter."""
    nanoseconds = [0]
    monkeypatch.setattr(time, "monotonic_ns", lambda: nanoseconds[0])
    clock = make_clock("10x", now=EPOCH)
    nanoseconds[0] = 1_000_000_000
    assert clock.now() == EPOCH + 10_000_000
    assert clock.seconds_until(EPOCH + 20_000_000) == 1.0


@pytest.mark.parametrize("rate", [1.0, 10.0, 0.5, 123.4567, 0.000000001, 999_999.5, 1_000_000.0])
def test_a_modes_name_makes_the_same_clock_again(rate: float) -> None:
    """A reset does that."""
    clock = SystemClock(rate)
    again = make_clock(clock.mode)
    assert isinstance(again, SystemClock)
    assert again.rate == rate
    assert "e" not in clock.mode.removeprefix("real")


@pytest.mark.parametrize("mode", ["real", "auto", "manual", "3x"])
def test_time_goes_on_from_an_instant(mode: str) -> None:
    """When the mode is changed."""
    assert 0 <= make_clock(mode, now=EPOCH + 7).now() - EPOCH - 7 < 5_000_000


@pytest.mark.parametrize("mode", ["", "fast", "x", "-1x", "1e3x", "10 x", "nanx", "infx", "10X", "10x\n", "\u0661x"])
def test_a_mode_that_is_none_has_a_way_out(mode: str) -> None:
    """The modes there are, and what was asked for."""
    with pytest.raises(ValueError, match="time is real, auto, manual or a rate such as 10x, not "):
        make_clock(mode)


@pytest.mark.parametrize("mode", ["0x", "1000000.1x", "0.0x"])
def test_a_rate_has_its_bounds(mode: str) -> None:
    """To stop time there is manual."""
    with pytest.raises(ValueError, match="above 0 and at most 1000000"):
        make_clock(mode)


def test_guards_run_on_the_systems_own_clock() -> None:
    """In every mode."""
    assert abs(monotonic() - time.monotonic()) < 5
    assert not VirtualClock(autojump=False).autojump
