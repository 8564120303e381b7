"""A language model's answer, cut at any place."""

from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.kernel import tokens
from wiro_mock.kernel.answer import Answer, Piece, is_thinking, pairs, plain, raw, usage_of

CALL = Piece(kind="function_call", text='{"city": "Izmir"}', id="fc_1", call_id="call_1", name="weather")


def thinking(text: str) -> Piece:
    return Piece(kind="thinking", text=text)


def answer(text: str) -> Piece:
    return Piece(kind="answer", text=text)


PIECES = st.one_of(st.builds(thinking, st.text(max_size=20)), st.builds(answer, st.text(max_size=20)), st.just(CALL))
ANSWERS = st.builds(Answer, prompt=st.just("why?"), pieces=st.lists(PIECES, max_size=5).map(tuple))


@given(st.text())
def test_the_tokens_of_a_text_are_the_whole_text(text: str) -> None:
    found = list(tokens.ends(text))
    assert found == sorted(set(found))
    assert (found[-1] if found else 0) == len(text)
    assert tokens.count(text) == len(found)


def test_a_very_long_text_is_counted_in_proportion() -> None:
    assert tokens.count("ab " * 333_334) == 333_334
    assert abs(tokens.count("ab " * 3_000_000) - 3_000_000) <= 10


def test_long_words_have_several_tokens() -> None:
    assert tokens.count("a tabby cat, asleep.") == 6
    assert tokens.count("extraordinarily") == 3
    assert tokens.count("") == 0


@given(ANSWERS, st.integers(0, 120), st.integers(0, 120))
def test_what_was_said_is_never_taken_back(made: Answer, one: int, other: int) -> None:
    less, more = sorted((one, other))
    before, after = made.said(less), made.said(more)
    assert len(before) <= len(after)
    for early, late in zip(before, after, strict=False):
        assert late.piece is early.piece
        assert late.text.startswith(early.text)
        assert late.whole >= early.whole


@given(ANSWERS)
def test_at_the_end_everything_is_said(made: Answer) -> None:
    said = made.said()
    assert all(one.whole and one.text == one.piece.text for one in said)
    assert [one.piece for one in said if one.piece.length] == [one for one in made.pieces if one.length]
    assert made.said(0) == ()


@given(ANSWERS, st.integers(0, 120))
def test_the_lists_are_paired_by_their_places(made: Answer, upto: int) -> None:
    said = made.said(upto)
    thoughts, answers = pairs(said)
    assert [text for text in answers if text] == [one.text for one in said if one.piece.kind == "answer" and one.text]
    assert [text for text in thoughts if text] == [
        one.text for one in said if one.piece.kind == "thinking" and one.text
    ]
    if thoughts:
        assert len(answers) <= len(thoughts) <= len(answers) + 1


def test_thinking_and_answer_in_turns() -> None:
    made = Answer(prompt="", pieces=(thinking("one"), answer("two"), thinking("three"), answer("four")))
    assert pairs(made.said()) == (["one", "three"], ["two", "four"])
    assert raw(made.said()) == "<think>one</think>two<think>three</think>four"
    assert plain(made.said()) == "two\n\nfour"
    middle = made.said(len("onetwoth"))
    assert is_thinking(middle)
    assert raw(middle) == "<think>one</think>two<think>th"
    assert pairs(middle) == (["one", "th"], ["two"])
    assert not is_thinking(made.said())


def test_an_answer_without_a_thought_keeps_its_place() -> None:
    made = Answer(prompt="", pieces=(answer("one"), thinking("two"), answer("three")))
    assert pairs(made.said()) == (["", "two"], ["one", "three"])
    assert pairs(Answer(prompt="", pieces=(answer("one"),)).said()) == ([], ["one"])
    assert pairs(Answer(prompt="", pieces=(thinking("a"), thinking("b"))).said()) == (["a", "b"], [""])


def test_a_call_takes_a_place_and_is_no_text() -> None:
    made = Answer(prompt="", pieces=(answer("wait"), CALL, Piece(kind="function_call", text="", name="stop")))
    assert [one.whole for one in made.said(len("wait") + 3)] == [True, False]
    assert plain(made.said()) == raw(made.said()) == "wait"
    assert [one.piece.name for one in made.said()] == ["", "weather", "stop"]


def test_the_tokens_of_an_answer() -> None:
    used = usage_of("hello there", (thinking("hm"), answer("yes, hello"), CALL), earlier=3)
    assert (used.input, used.cached, used.reasoning) == (5, 3, 1)
    assert used.output == 1 + 3 + tokens.count(CALL.text)
    assert used.total == used.input + used.output
