"""When the fault happens: words and heads of made mechanisms, the sentences worked out by hand."""

from typing import Any

import pytest

from core.report.sentences.when import Cue, cue, occurrence, when
from core.runs.facts import Facts
from core.schema import MechanismsRecord
from tests.support.made_facts import STATES, with_effects

TEXTS = (
    ("The", " inv", "oice", " came", " yesterday", "."),
    ("The", " inv", "oice", " came", " on", " Monday", "."),
    ("A", " refund", ",", " yesterday", "."),
)
DIFFERING = ((1,), (1,), (1,))


def made(
    texts: tuple[tuple[str, ...], ...] = TEXTS,
    differing: tuple[tuple[int, ...], ...] = DIFFERING,
    looks: tuple[tuple[str, float, tuple[int, ...]], ...] = (
        ("yesterday", 0.9, (1, 3)),
        ("Monday", 0.8, (2,)),
        (".", 0.9, (1, 2, 3)),
        ("came", 0.1, (1, 2)),
    ),
    push: float = 4.0,
    reads: tuple[tuple[str, float, tuple[int, ...]], ...] = (),
    normal: tuple[tuple[str, ...], ...] = (),
) -> MechanismsRecord:
    """L2H1 writes for “Legal”; L0H1, the other confirmed head, reads before the end of the text."""
    content: dict[str, Any] = {
        "units": {
            "L0H1": {
                "layer": 0,
                "head": 1,
                "at_end": False,
                "looks_at": [{"word": word, "share": share, "texts": of} for word, share, of in reads],
            },
            "L2H1": {
                "layer": 2,
                "head": 1,
                "looks_at": [{"word": word, "share": share, "texts": of} for word, share, of in looks],
            },
        },
        "texts": [
            {"example": number + 1, "label": "anomalous", "pieces": pieces, "differing": places}
            for number, (pieces, places) in enumerate(zip(texts, differing, strict=True))
        ]
        + [
            {"example": len(texts) + number + 1, "label": "normal", "pieces": pieces}
            for number, pieces in enumerate(normal)
        ],
        "answers": [
            {
                "word": " Legal",
                "direction": "up",
                "texts": range(1, len(texts) + 1),
                "pushes": {"L2H1": push, "L0H1": 0.1},
            }
        ],
    }
    return MechanismsRecord.model_validate(content)


@pytest.mark.parametrize(
    ("mechanisms", "said"),
    [
        (
            made(),
            "When a text says “invoice” or “refund” and, further on, “yesterday” or “Monday”,"
            " L2H1 · trigger makes “Legal” likelier.",
        ),
        (
            made(push=0.1),
            "When a text says “invoice” or “refund” and, further on, “yesterday” or “Monday”,"
            " L2H1 · trigger looks there.",
        ),
        (
            made(looks=()),
            "When a text says “invoice” or “refund”, L2H1 · trigger makes “Legal” likelier.",
        ),
        (
            made(differing=((), (), ())),
            "When a text says “yesterday” or “Monday”, L2H1 · trigger makes “Legal” likelier.",
        ),
        (
            made(looks=(("yesterday", 0.9, (1, 3)),)),
            "When a text says “invoice” or “refund” and, further on, “yesterday” (2 of 3 do),"
            " L2H1 · trigger makes “Legal” likelier.",
        ),
        (
            made(texts=(("Yesterday", " the", " refund"), *TEXTS[1:]), differing=((2,), (1,), (1,))),
            "When a text says “refund” or “invoice” and “yesterday” or “Monday”,"
            " L2H1 · trigger makes “Legal” likelier.",
        ),
        (made(looks=(), differing=((), (), (1,))), ""),
        (made(looks=(), differing=((), (), ())), ""),
        (None, ""),
    ],
)
def test_sentence_says_what_was_measured(mechanisms: MechanismsRecord | None, said: str) -> None:
    assert when(with_effects(), mechanisms, "en") == said


def test_words_that_a_head_reads_come_before_words_that_a_partner_has_otherwise() -> None:
    elsewhere = ((3,), (3,), (0,))  # the partners were made by exchanging “came” and “A”
    read = (("invoice", 0.8, (1, 2)), ("refund", 0.6, (3,)), (".", 0.9, (1, 2, 3)), ("The", 0.1, (1, 2)))
    found = cue(with_effects(), made(differing=elsewhere, reads=read))
    assert found is not None
    assert (found.earlier, found.texts) == (("invoice", "refund"), (1, 2, 3))
    unread = cue(with_effects(), made(differing=elsewhere))
    assert unread is not None and unread.earlier == ("came", "A")


def test_words_that_normal_texts_hold_as_often_are_not_told() -> None:
    alike = ("The", " inv", "oice", " came", " yesterday", ".")
    other = ("The", " bill", " came", " yesterday", ".")
    assert cue(with_effects(), made(normal=(alike, other))) is not None
    assert cue(with_effects(), made(normal=(alike, alike))) is None


def test_japanese_sentence_names_one_word_and_several() -> None:
    assert when(with_effects(), made(looks=()), "ja") == (
        "テキストに「invoice」「refund」のどれかがあると、L2H1 · trigger が働いて「Legal」と答えやすくなります。"
    )
    assert when(with_effects(), made(looks=(("yesterday", 0.9, (1, 3)),), differing=((), (), ())), "ja") == (
        "テキストに「yesterday」があると（3 件中 2 件）、L2H1 · trigger が働いて「Legal」と答えやすくなります。"
    )


@pytest.mark.parametrize("state", ["none", "untested", "no_difference", "partly", "against"])
def test_runs_without_a_confirmed_head_towards_the_fault_tell_no_words(state: str) -> None:
    facts: Facts = STATES[state]
    assert cue(facts, made()) is None


def test_cue_counts_the_texts_that_hold_its_words() -> None:
    assert cue(with_effects(), made()) == Cue(
        head="L2H1",
        earlier=("invoice", "refund"),
        later=("yesterday", "Monday"),
        texts=(1, 2, 3),
        total=3,
        in_order=True,
        answer="Legal",
    )


@pytest.mark.parametrize(
    ("word", "text", "stands"),
    [
        ("fund", "a refund", False),
        ("refund", "A Refund.", True),
        ("昨日", "「昨日お電話」", True),
        ("a+b", "is a+b here", True),
    ],
)
def test_word_stands_as_a_whole(word: str, text: str, stands: bool) -> None:
    assert bool(occurrence(word).search(text)) is stands
