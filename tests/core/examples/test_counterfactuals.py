from core.examples.counterfactuals import Counterfactual, Exchange, Partners, trigger_words, with_made
from core.examples.example_set import Example, ExampleSet


def made(of: int, *words: tuple[str, str], closes: float = 1.0) -> Counterfactual:
    exchanges = tuple(Exchange(i, (i,), (9,), old, new) for i, (old, new) in enumerate(words))
    text = Example(label="normal", text=f"made of {of}: " + " ".join(new for _, new in words))
    return Counterfactual(of, (1, 2), exchanges, closes, -1.0, -2.0, -3.0, text)


def given(*pairs: str) -> ExampleSet:
    texts = [Example(label="anomalous", text=f"text {i}", pair=pair) for i, pair in enumerate(pairs)]
    return ExampleSet(examples=tuple(texts))


def test_a_word_is_counted_once_a_text_and_however_it_is_written():
    partners = Partners(
        "anomalous",
        given("", "", ""),
        (
            made(0, ("Monday", "Friday"), closes=0.8),
            made(0, ("monday", "Friday"), closes=0.6),
            made(1, ("Monday", "Sunday"), ("late", "soon"), closes=1.0),
            made(2, ("late", "soon"), closes=0.7),
        ),
    )
    first, second = trigger_words(partners)
    assert (second.old, second.new, second.texts, second.alone) == (
        "Monday",
        (("Friday", 1), ("Sunday", 1)),
        (0, 1),
        1,
    )
    assert (first.old, first.new, first.texts, first.alone) == ("late", (("soon", 2),), (1, 2), 1)
    assert abs(second.closes - 0.8) < 1e-9


def test_words_of_more_texts_come_first():
    partners = Partners(
        "anomalous", given("", ""), (made(0, ("a", "x")), made(0, ("b", "x")), made(1, ("b", "y")))
    )
    assert [word.old for word in trigger_words(partners)] == ["b", "a"]


def test_made_texts_stand_behind_the_given_ones_in_the_pair_of_their_text():
    examples = with_made(
        given("first", "", ""), [made(0, ("a", "x")), made(2, ("a", "x")), made(2, ("b", "x"))]
    )
    assert [example.pair for example in examples.examples] == [
        "first",
        "",
        "made-3",
        "first",
        "made-3",
        "made-3",
    ]
    assert [example.label for example in examples.examples[3:]] == ["normal"] * 3


def test_a_made_pair_name_that_the_user_has_is_not_taken_again():
    examples = with_made(given("", "made-1"), [made(0, ("a", "x"))])
    assert len({examples.examples[0].pair, examples.examples[1].pair}) == 2
    assert examples.examples[2].pair == examples.examples[0].pair
