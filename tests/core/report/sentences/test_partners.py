"""What is said of made partners: for how many texts, and which words make the fault go."""

from core.report.sentences.mlps import mlp_sentence
from core.report.sentences.outcome import outcome
from core.report.sentences.partners import in_one_line, sentences, triggers
from core.schema import ExchangeRecord, MadePartner, Manifest, PartnersRecord
from tests.support.made_facts import MANIFEST


def made(text: int, *exchanges: tuple[str, str]) -> dict:
    words = [{"position": place, "old": old, "new": new} for place, (old, new) in enumerate(exchanges)]
    return {"text": text, "example": 20 + text, "exchanges": words, "closes": 1.0}


RECORD = PartnersRecord.model_validate(
    {
        "state": "computed",
        "made": [
            made(1, ("Monday", "Friday")),
            made(1, ("late", "early")),
            made(2, ("monday", "Friday")),
            made(3, ("Monday", "today")),
            made(4, ("the", "a"), ("late", "soon")),
        ],
        "without": [{"key": "partner_no_exchange", "values": {"count": 2, "lines": "7, 9"}}],
    }
)


def test_a_word_counts_once_a_text_and_its_case_does_not_matter():
    words = triggers(RECORD.made)
    assert [(word.old, word.new, word.texts) for word in words] == [
        ("Monday", ("Friday", "today"), (1, 2, 3)),
        ("late", ("early",), (1,)),
    ]


def test_words_that_only_go_together_are_counted_apart():
    assert sentences(RECORD, "en") == [
        "Partners were made for 4 of 6 texts: copies with the fewest words exchanged that make the fault go.",
        "The fault goes when “Monday” becomes “Friday” or “today” (3 of 6 texts).",
        "The fault goes when “late” becomes “early” (1 of 6 texts).",
        "Texts in which only several exchanged words together make the fault go: 1.",
    ]
    assert (
        sentences(RECORD, "ja")[1]
        == "「Monday」を「Friday」または「today」に替えると不具合が消えます（6 件中 3 件）。"
    )


def test_three_words_are_named_and_the_others_counted():
    many = PartnersRecord.model_validate(
        {"made": [made(number, (f"w{number}", "x")) for number in range(1, 9)]}
    )
    lines = sentences(many, "en")
    assert len(lines) == 1 + 3 + 1 and lines[-1].endswith("beside these: 5.")


def test_nothing_is_said_where_none_was_made():
    none = PartnersRecord(state="no_difference")
    assert sentences(none, "en") == [] == sentences(None, "ja") and in_one_line(none, "en") == ""


def test_the_command_line_says_what_a_run_rests_on_and_which_texts_have_none():
    note = {"key": "partner_no_exchange", "values": {"count": 2, "lines": "7, 9"}}
    manifest = Manifest.model_validate({**MANIFEST, "notes": [note]})
    first, second, blocks = outcome(manifest, RECORD, "en")
    assert blocks == mlp_sentence(manifest, "en")
    assert first == in_one_line(RECORD, "en") and "4 of 6" in first and "Monday" in first
    assert "(line 7, 9)" in second


def test_the_command_line_says_why_there_is_nothing_to_explain():
    note = {"key": "evidence_no_difference", "values": {"gap": "0.1"}}
    chosen = {"selection": {"candidates": "screened"}}
    manifest = Manifest.model_validate({**MANIFEST, **chosen, "notes": [note]})
    (line,) = outcome(manifest, None, "en")
    assert "nothing to explain" in line


def test_an_exchange_after_which_the_model_says_the_same_makes_nothing_go():
    exchange = ExchangeRecord(position=1, old=" the", new=" show")
    weaker = MadePartner(text=1, example=5, exchanges=(exchange,), closes=1.04, changes=False)
    record = PartnersRecord(state="computed", made=(weaker,))
    told = " ".join(sentences(record, "en"))
    assert not triggers(record.made) and "becomes" not in told
    assert "the same answer stays first: 1" in told
    assert "becomes" in " ".join(
        sentences(PartnersRecord(made=(weaker.model_copy(update={"changes": True}),)), "en")
    )
