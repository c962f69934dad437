"""A part of an example set: which texts stay, and that nothing else changes."""

from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.examples.narrowing import with_anomalous

TURNS = (Message(role="user", content="n2"),)
SET = ExampleSet(
    examples=(
        Example(label="anomalous", text="a1", pair="1", expected="x", actual="y"),
        Example(label="normal", text="n1", pair="1", expected="x"),
        Example(label="anomalous", text="a2", pair="2"),
        Example(label="normal", text="n2", pair="2", messages=TURNS, carried={"id": "7"}),
        Example(label="anomalous", text="a3", pair="made-3"),
        Example(label="normal", text="m3", pair="made-3", source="made"),
        Example(label="normal", text="n4"),
        Example(label="anomalous", text="a5"),
    ),
    form="chat",
    system="Be brief.",
)


def texts(narrowed: ExampleSet) -> list[tuple[str, str]]:
    return [(example.text, example.pair) for example in narrowed.examples]


def test_the_chosen_texts_stay_with_their_partners_and_every_normal_text():
    narrowed = with_anomalous(SET, [0, 4])
    assert texts(narrowed) == [
        ("a1", "1"),
        ("n1", "1"),
        ("n2", ""),
        ("a3", "made-3"),
        ("m3", "made-3"),
        ("n4", ""),
    ]
    assert narrowed.examples[2].messages == TURNS
    assert narrowed.examples[2].carried == {"id": "7"}
    assert (narrowed.examples[0].expected, narrowed.examples[0].actual) == ("x", "y")
    assert (narrowed.form, narrowed.system) == ("chat", "Be brief.")


def test_made_partners_of_other_texts_go():
    assert texts(with_anomalous(SET, [2, 7])) == [
        ("n1", ""),
        ("a2", "2"),
        ("n2", "2"),
        ("n4", ""),
        ("a5", ""),
    ]


def test_all_texts_are_the_whole_set():
    assert with_anomalous(SET, [0, 2, 4, 7]) == SET
