"""Short names and mechanism cards of units, from records made by hand."""

import pandas as pd
import pytest

from core.mechanisms.roles import ROLES
from core.schema import (
    Answer,
    Mechanism,
    MechanismsRecord,
    RoleScore,
    SeenWord,
    SideCounts,
    TextPath,
    WrittenWord,
)
from core.story.card import card, card_html, proven_cards
from core.story.titles import LONGEST, role_meaning, role_name, title
from core.text.folding import columns

LEGAL = Mechanism(
    layer=1,
    head=2,
    place=":",
    looks_at=(
        SeenWord(word="yesterday", share=1.0, overall=0.5, texts=(1, 2)),
        SeenWord(word="Monday", share=0.97, overall=0.485, texts=(3, 4)),
        SeenWord(word=".", kind="sign", share=0.01, overall=0.01),
    ),
    likelier=(WrittenWord(word="the", change=7.0), WrittenWord(word="Legal", change=6.38)),
    unlikelier=(WrittenWord(word="Billing", change=-6.42),),
    without={
        "anomalous": SideCounts(texts=8, judged=8, fault_before=8, fault_after=2),
        "normal": SideCounts(texts=8, judged=8, right_before=8, right_after=7),
    },
)
ROW = {"verdict": "confirmed", "effect": 0.7612, "effect_low": 0.5204, "effect_high": 0.9743}


def record(**units: Mechanism) -> MechanismsRecord:
    texts = tuple(
        TextPath(example=number, label="anomalous", pieces=(), effects={"L1H2": effect})
        for number, effect in enumerate((0.9, 0.8, -0.1), start=1)
    )
    answers = (
        Answer(word="Legal", direction="up", texts=(1,), pushes={"L1H2": 6.38, "L0H3": 0.1}),
        Answer(word="Billing", direction="down", texts=(1,), pushes={"L1H2": -7.6}),
    )
    return MechanismsRecord(units=units, texts=texts, answers=answers)


def reading(*words: str, role: str = "") -> Mechanism:
    share = 1 / max(1, len(words))
    seen = tuple(SeenWord(word=word, share=0.9, overall=0.9 * share) for word in words)
    return Mechanism(layer=0, head=3, looks_at=seen, role=role)


def test_a_head_that_reads_a_word_and_pushes_an_answer_is_named_by_both():
    assert title(record(L1H2=LEGAL), "L1H2", "en") == "yesterday → Legal"
    assert title(record(L1H2=LEGAL), "L1H2", "ja") == "yesterday → Legal"


def test_other_heads_are_named_by_their_role_or_by_what_they_read():
    assert title(record(L0H3=reading("invoice", "refund")), "L0H3", "en") == "reads invoice, refund"
    assert title(record(L0H3=reading("invoice", "refund")), "L0H3", "ja") == "invoice、refundを読む"
    assert title(record(L0H3=reading("invoice", role="induction")), "L0H3", "en") == "induction"
    assert title(record(L0H3=reading("invoice", role="delimiter")), "L0H3", "en") == "reads invoice"
    assert title(record(L0H3=reading(role="first_token")), "L0H3", "en") == "rests at the start"
    assert title(record(L0H3=reading()), "L0H3", "en") == ""
    assert title(record(MLP0=Mechanism(unit="mlp", layer=0)), "MLP0", "en") == "MLP 0"
    assert title(record(), "L0H3", "en") == ""


def test_a_word_that_the_head_stands_at_does_not_name_it() -> None:
    unit = reading("is").model_copy(update={"place": "is"})
    assert title(record(L0H3=unit), "L0H3", "en") == ""


def test_where_each_text_has_another_answer_none_of_them_names_a_head() -> None:
    answers = tuple(
        Answer(word=word, direction="up", texts=(number,), pushes={"L1H2": push})
        for number, (word, push) in enumerate((("Oslo", 1.0), ("Rome", 0.9), ("Bonn", 0.8)), start=1)
    )
    several = record(L1H2=LEGAL, L0H3=reading("a", role="copying")).model_copy(update={"answers": answers})
    assert title(several, "L1H2", "en") == "yesterday → wrong answer"
    assert title(several, "L0H3", "en") == "copies a word"
    unit = LEGAL.model_copy(update={"likelier": (), "unlikelier": (), "given": 0.9, "wanted": -0.25})
    told = card(several.model_copy(update={"units": {"L1H2": unit}}), "L1H2", ROW, "en")
    assert told is not None
    assert told.lines[0].shown == "each text's wrong answer +0.9, right one −0.25"


def test_what_stands_at_the_beginning_is_named_so() -> None:
    seen = (SeenWord(word="A", kind="first", share=0.9, overall=0.9),)
    told = card(record(L1H2=LEGAL.model_copy(update={"looks_at": seen})), "L1H2", ROW, "en")
    assert told is not None
    assert told.seen == (("A (start of text)", 0.9),)
    assert title(record(L0H3=reading("a").model_copy(update={"looks_at": seen})), "L0H3", "en") == ""


@pytest.mark.parametrize("language", ["en", "ja"])
def test_names_are_short_however_long_the_words_are(language):
    for word in ("Donaudampfschifffahrtsgesellschaft", "独立行政法人情報処理推進機構"):
        shown = title(record(L0H3=reading(word)), "L0H3", language)
        assert columns(shown) <= LONGEST
        assert "…" in shown


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_role_has_a_short_name_and_a_meaning(language):
    for role in ("", *ROLES):
        assert 0 < columns(role_name(role, language)) <= LONGEST
        assert role_meaning(role, language)


def test_the_card_tells_what_the_head_does_with_numbers_rounded_once():
    told = card(record(L1H2=LEGAL), "L1H2", ROW, "en", fed_by=["L0H3", "L0H2"])
    assert told is not None
    assert (told.title, told.verdict) == ("yesterday → Legal", "confirmed")
    assert told.seen[0] == ("yesterday", 1.0)
    shown = [line.shown.replace("\u00a0", " ") for line in told.lines]
    assert shown == [
        "Legal +6.4 · Billing −6.4",
        "at fault 8 → 2, normal right 8 → 7",
        "76 % (52 % to 97 %), on 2 of 3 texts",
        "no known role",
        "L0H3 and L0H2",
    ]


def test_the_users_own_name_goes_before_and_a_run_without_the_unit_has_no_card():
    told = card(record(L1H2=LEGAL), "L1H2", ROW, "ja", own_name="引き金")
    assert told is not None
    assert told.title == "引き金"
    assert card(record(), "L1H2", ROW, "en") is None


def test_texts_without_answers_are_told_by_what_changes():
    sides = {"anomalous": SideCounts(texts=8, same=5), "normal": SideCounts(texts=6, same=6)}
    told = card(record(L1H2=LEGAL.model_copy(update={"without": sides})), "L1H2", ROW, "en")
    assert told is not None
    assert told.lines[1].shown == "says something else on 3 of 8 anomalous, 0 of 6 normal texts"


def test_a_role_is_told_with_its_scores():
    scores = tuple(
        RoleScore(role="induction", measured_on=place, score=score, least=0.2)
        for place, score in (("texts", 0.98), ("random", 0.331))
    )
    unit = LEGAL.model_copy(update={"role": "induction", "roles": scores})
    told = card(record(L1H2=unit), "L1H2", ROW, "en")
    assert told is not None
    role = next(line for line in told.lines if line.label == "role")
    assert role.shown == "induction"
    assert role.small.endswith("0.98 on the texts · 0.33 on random repeated tokens")


def test_words_that_are_no_answers_are_told_where_nothing_else_is() -> None:
    unit = LEGAL.model_copy(update={"likelier": (WrittenWord(word="the", change=2.0),), "unlikelier": ()})
    told = card(record(L1H2=unit), "L1H2", ROW, "en")
    assert told is not None
    assert told.lines[0].shown == "the +2"


def test_only_models_that_neuronpedia_has_are_linked_and_words_are_escaped():
    unit = LEGAL.model_copy(update={"looks_at": (SeenWord(word="<b>", share=1.0, overall=1.0),)})
    html = card_html(card(record(L1H2=unit), "L1H2", ROW, "en", model="gpt2"))
    assert 'href="https://www.neuronpedia.org/gpt2-small/1-att-kk"' in html
    assert "&lt;b&gt;" in html
    assert "neuronpedia" not in card_html(card(record(L1H2=unit), "L1H2", ROW, "en", model="my-model"))


def test_an_mlp_block_has_a_card_without_a_role_and_without_words_it_looks_at():
    unit = Mechanism(unit="mlp", layer=0, through="later", likelier=(WrittenWord(word="Legal", change=1.0),))
    told = card(record(MLP0=unit), "MLP0", {"verdict": "not_confirmed", "effect": float("nan")}, "en")
    assert told is not None
    assert not told.seen
    assert [line.label for line in told.lines] == ["makes likelier, unlikelier", "effect"]
    assert told.lines[0].small == "through later layers"
    assert told.lines[1].shown == "not measured"
    assert card_html(told).count("MLP") == 1


def test_proven_units_have_their_cards_with_what_feeds_them_the_strongest_first() -> None:
    units = pd.DataFrame(
        [
            {"name": "L0H3", "verdict": "partly", "effect": 0.2},
            {"name": "L1H2", "verdict": "confirmed", "effect": -0.7},
            {"name": "L1H4", "verdict": "not_confirmed", "effect": 0.9},
            {"name": "MLP0", "verdict": "confirmed", "effect": 0.1},
        ],
        index=[
            0,
            1,
            2,
            0,
        ],  # as where rows of heads and of MLP blocks were put together: each kind counts from 0
    )
    edges = pd.DataFrame(
        [
            {"source": "L0H3", "target": "L1H2", "verdict": "confirmed", "effect": 0.1},
            {"source": "L0H1", "target": "L1H2", "verdict": "partly", "effect": -0.3},
            {"source": "L0H5", "target": "L1H2", "verdict": "not_confirmed", "effect": 0.5},
        ]
    )
    mlp = Mechanism(unit="mlp", layer=0, through="later")
    told = proven_cards(record(L1H2=LEGAL, L0H3=reading("invoice"), L1H4=LEGAL, MLP0=mlp), units, edges, "en")
    assert [one.name for one in told] == ["L1H2", "L0H3", "MLP0"]
    assert told[0].lines[-1].shown == "L0H1 and L0H3"
