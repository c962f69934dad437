"""Made partners in a set: whose they are, what a change of the texts leaves of them, and the file they go through."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core.examples.example_set import Example, ExampleSet
from core.examples.made_texts import keeping_made, owner_of, partners_of, refusing, with_text, without_made
from core.examples.reading import parse_examples, to_csv


def text(label, words, pair="", source="", **values) -> Example:
    return Example(label=label, text=words, pair=pair, source=source, **values)


def texts_with_made() -> ExampleSet:
    """Two anomalous texts with made partners, one of them with two, and one that is paired by its user."""
    return ExampleSet(
        examples=(
            text("anomalous", "on Monday", "made-1", expected="a", actual="b"),
            text("anomalous", "at Easter", "made-2"),
            text("anomalous", "in May", "own"),
            text("anomalous", "in spring"),
            text("normal", "in June", "own"),
            text("normal", "in July"),
            text("normal", "in August"),
            text("normal", "on Friday", "made-1", "made", expected="a", actual="b"),
            text("normal", "by Monday", "made-1", "made"),
            text("normal", "at noon", "made-2", "made"),
        )
    )


def shape(examples: ExampleSet) -> list[tuple[str, str, str]]:
    return [(e.text, e.pair, e.source) for e in examples.examples]


def test_whose_they_are():
    examples = texts_with_made()
    monday = examples.examples[0]
    assert [e.text for e in partners_of(examples, monday)] == ["on Friday", "by Monday"]
    assert owner_of(examples, examples.examples[9]).text == "at Easter"
    assert partners_of(examples, examples.examples[5]) == []


def test_the_set_before_partners_were_made_keeps_the_users_pairs():
    before = without_made(texts_with_made())
    assert [e.pair for e in before.examples] == ["", "", "own", "", "own", "", ""]
    assert before.check()


def test_partners_stay_with_texts_that_stay_and_go_with_changed_ones():
    before = texts_with_made()
    changed = [
        e.model_copy(update={"text": "at Whitsun"}) if e.text == "at Easter" else e for e in before.given
    ]
    after, gone = keeping_made(before.with_examples(changed), before)
    assert gone == 1
    assert [(e.text, e.pair) for e in after.made] == [("on Friday", "made-1"), ("by Monday", "made-1")]
    assert [e.pair for e in after.given] == ["made-1", "", "own", "", "own", "", ""]
    assert after.check()


def test_partners_go_with_a_text_that_changes_sides_is_paired_or_given_itself():
    before = without_made(texts_with_made())
    easter = before.examples[1]
    paired = [*before.examples, text("normal", "on time", "mine")]
    paired[1] = easter.model_copy(update={"pair": "mine"})
    moved = [e for e in before.examples if e != easter] + [easter.model_copy(update={"label": "normal"})]
    written = [*before.examples, text("normal", "at noon")]
    for examples in (paired, moved, written):
        after, gone = keeping_made(ExampleSet(examples=tuple(examples)), texts_with_made())
        assert (gone, [e.text for e in after.made]) == (1, ["on Friday", "by Monday"])
        assert after.check()


def test_partners_are_read_by_the_answers_that_their_text_has_now():
    before = texts_with_made()
    other = [e.model_copy(update={"expected": "c", "actual": "d"}) for e in before.given]
    after, _ = keeping_made(before.with_examples(other), before)
    assert {(e.expected, e.actual) for e in after.made} == {("c", "d")}


def test_a_set_that_brings_partners_keeps_its_own():
    before = texts_with_made()
    after, gone = keeping_made(refusing(before, "by Monday"), before)
    assert ([e.text for e in after.made], gone) == (["on Friday", "at noon"], 0)


def test_a_refused_partner_is_named_and_the_next_one_takes_its_place():
    examples = refusing(texts_with_made(), "on Friday")
    assert examples.refused == ("on Friday",)
    assert [e.text for e in partners_of(examples, examples.examples[0])] == ["by Monday"]
    examples = refusing(examples, "at noon")
    assert examples.examples[1].pair == ""
    assert examples.check()


def test_an_edited_partner_stands_in_its_place():
    examples = with_text(texts_with_made(), "on Friday", text("normal", "on Sunday", "x", "made"))
    assert shape(examples)[7] == ("on Sunday", "made-1", "made")


def test_a_file_of_them_is_read_as_it_was_written():
    before = texts_with_made()
    reading = parse_examples(to_csv(before), "examples.csv")
    assert shape(reading.examples) == shape(before)
    assert [(note.key, note.values) for note in reading.notes] == [("made_read", {"count": 3})]
    plain = to_csv(without_made(before))
    assert b"pair_source" not in plain


def test_a_table_of_a_run_says_made_of_both_texts_and_the_first_one_is_given():
    rows = (
        "label,text,pair,pair_source\nanomalous,on Monday,1,made\nnormal,in June,,\nnormal,on Friday,1,made\n"
    )
    read = parse_examples(rows.encode(), "examples.csv").examples
    assert shape(read) == [("on Monday", "1", ""), ("in June", "", ""), ("on Friday", "1", "made")]


SIDES = st.lists(st.sampled_from([chr(97 + n) for n in range(8)]), unique=True, min_size=1, max_size=5)


@settings(deadline=None)
@given(anomalous=SIDES, left=SIDES, partners=st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_no_partner_is_left_without_its_text_and_no_pair_with_one_text(anomalous, left, partners):
    given_texts = [
        text("anomalous", word, f"made-{n}" if partners[n] else "") for n, word in enumerate(anomalous)
    ]
    given_texts += [text("normal", f"n{n}") for n in range(3)]
    made = [
        text("normal", f"{word}{k}", f"made-{n}", "made")
        for n, word in enumerate(anomalous)
        for k in range(partners[n])
    ]
    before = ExampleSet(examples=(*given_texts, *made))
    changed = [text("anomalous", word) for word in left] + [e for e in given_texts if e.label == "normal"]
    after, gone = keeping_made(ExampleSet(examples=tuple(changed)), before)
    stay = set(anomalous) & set(left)
    assert {e.text for e in after.made} == {e.text for e in made if e.text[0] in stay}
    assert gone == len(made) - len(after.made)
    for pair in {e.pair for e in after.examples} - {""}:
        members = [e for e in after.examples if e.pair == pair]
        assert sum(not e.source for e in members) == 1 and len(members) > 1
