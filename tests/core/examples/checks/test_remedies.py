"""Moving and leaving out texts."""

from hypothesis import given
from hypothesis import strategies as st

from core.examples.checks import dropped, moved, parted
from core.examples.example_set import Example, ExampleSet


def of(*rows: tuple[str, str, int]) -> ExampleSet:
    examples = [
        Example(label="anomalous" if text < "m" else "normal", text=text, pair=pair, line=line)
        for text, pair, line in rows
    ]
    return ExampleSet(examples=tuple(examples), frame="<{text}>")


def rows(examples: ExampleSet) -> list[tuple[str, str, str, int]]:
    return [(e.label[0], e.text, e.pair, e.line) for e in examples.examples]


def test_moved_text_stands_last_on_the_other_side_without_its_pair() -> None:
    before = of(("a", "1", 1), ("b", "2", 2), ("x", "1", 1), ("y", "2", 2))
    after = moved(before, [0])
    assert rows(after) == [("a", "b", "2", 1), ("n", "x", "", 1), ("n", "y", "2", 2), ("n", "a", "", 3)]
    assert after.frame == before.frame
    assert parted(before, [0]) == parted(before, [0, 2]) == 1


def test_dropped_text_leaves_its_partner_without_a_pair() -> None:
    assert rows(dropped(of(("a", "1", 1), ("b", "", 2), ("x", "1", 1)), [0])) == [
        ("a", "b", "", 1),
        ("n", "x", "", 1),
    ]


def test_lines_of_a_file_stay() -> None:
    assert rows(moved(of(("a", "", 2), ("b", "", 3), ("x", "", 4)), [1])) == [
        ("a", "a", "", 2),
        ("n", "x", "", 4),
        ("n", "b", "", 3),
    ]


@given(st.lists(st.sampled_from("abcxyz"), unique=True, min_size=1), st.data())
def test_moving_keeps_every_text_and_moving_back_every_label(texts: list[str], draw: st.DataObject) -> None:
    before = of(*((text, "", 0) for text in texts))
    row = draw.draw(st.integers(0, len(texts) - 1))
    after = moved(before, [row])
    assert sorted(e.text for e in after.examples) == sorted(texts)
    back = moved(after, [len(texts) - 1])
    assert {e.text: e.label for e in back.examples} == {e.text: e.label for e in before.examples}
