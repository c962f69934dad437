"""The verdict of runs in every state, each sentence worked out by hand."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from core.report.sentences import verdict
from core.runs.facts import Facts
from core.schema import CircuitRecord, Manifest
from core.text import LANGUAGES, catalogue
from tests.support.made_facts import EFFECTS, STATES, made_facts, with_effects
from tests.support.made_result import EVIDENCE


def texts(*answers: str, verdicts: str = "fault") -> pd.DataFrame:
    """Anomalous texts with these wrong answers, and a normal one."""
    rows = [{"label": "anomalous", "actual": answer, "verdict": verdicts} for answer in answers]
    return pd.DataFrame([*rows, {"label": "normal", "actual": "", "verdict": "right"}])


def together(removed: float, gone: int = 8, level: str = "high", reasons: tuple[str, ...] = ()) -> Facts:
    """Two confirmed heads, which together take this share of the gap away."""
    joint = {"heads": ["L2H1", "L0H1"], "texts": 8, "removed": removed, "gone": gone}
    about = {**EVIDENCE, "joint": joint}
    judged = {
        "level": level,
        "reasons": [{"key": "confirmed", "values": {"confirmed": 2, "tested": 6, "examples": 8}}],
    }
    judged["reasons"] += [
        {"key": key, "values": {"share": 0.2, "rest_share": 0.6, "bar_share": 0.8}} for key in reasons
    ]
    return made_facts(
        effects=EFFECTS, evidence="computed", evidence_about=about, stability={"confidence": judged}
    )


def tried(
    facts: Facts, fault: tuple[int, int], right: tuple[int, int], heads: tuple[str, ...] = ("L2H1", "L0H1")
) -> Facts:
    """The same with these heads switched off: texts at fault and still right, of 8 and of 7."""
    counts: dict[str, dict[str, int]] = {
        "anomalous": {"texts": 8, "judged": 8, "fault_before": fault[0], "fault_after": fault[1]},
        "normal": {"texts": 7, "judged": 7, "right_before": right[0], "right_after": right[1]},
    }
    content = {"state": "computed", "before_after": {"heads": heads, "mode": "mean", "counts": counts}}
    return replace(facts, circuit=CircuitRecord.model_validate(content))


LEGAL = texts("Legal", " Legal ")


@pytest.mark.parametrize(
    ("facts", "examples", "said"),
    [
        (together(0.9), LEGAL, "Two heads make the model answer “Legal” to these texts"),
        (together(0.9), texts("Legal", "Sales"), "Two heads make the model answer these texts wrongly"),
        (together(0.9), texts("", ""), "Two heads make the model treat these texts differently"),
        (
            together(0.9),
            texts("Legal", "Legal", verdicts="other"),
            "Two heads make the model treat these texts differently",
        ),
        (
            together(0.2),
            LEGAL,
            "Two heads push these texts towards “Legal”, but explain only 20\u00a0% of it",
        ),
        (together(0.9, gone=3), LEGAL, "Two heads push these texts towards “Legal”"),
        (
            together(0.6, level="low", reasons=("joint_random",)),
            LEGAL,
            "Two heads push these texts towards “Legal”",
        ),
        (with_effects(), LEGAL, "Two heads push these texts towards “Legal”"),
        (STATES["against"], LEGAL, "One head works against the fault; what causes it is not known"),
        (STATES["partly"], LEGAL, "No head is confirmed as the cause"),
        (
            STATES["one"],
            LEGAL,
            "One head goes along with the fault; whether it causes it was not tested",
        ),
        (STATES["none"], LEGAL, "No head stands out"),
        (STATES["no_difference"], LEGAL, "These texts leave nothing to explain"),
        (
            made_facts(evidence="no_difference", notes=[{"key": "evidence_chance", "values": {}}]),
            LEGAL,
            "What sets these texts apart could be chance",
        ),
    ],
)
def test_headline_says_what_was_measured(facts: Facts, examples: pd.DataFrame, said: str) -> None:
    assert verdict.headline(facts, examples, "en") == said
    japanese = verdict.headline(facts, examples, "ja")
    assert not any(letter.isascii() and letter.isalpha() for letter in japanese.replace("Legal", ""))


@pytest.mark.parametrize(
    ("fault", "right", "said", "short"),
    [
        (
            (8, 0),
            (7, 7),
            "Switching off L2H1 and L0H1 ends it: 8 → 0 of 8 texts at fault. Normal texts still right: 7 of 7.",
            "Switching off L2H1 and L0H1 ends it, and normal texts keep their right answers.",
        ),
        (
            (8, 3),
            (7, 5),
            "Switching off L2H1 and L0H1 helps in part: 8 → 3 of 8 texts at fault."
            " It costs: normal texts right 7 → 5 of 7.",
            "Switching off L2H1 and L0H1 helps in part, but costs normal texts their right answers.",
        ),
        (
            (6, 6),
            (7, 7),
            "Switching off L2H1 and L0H1 does not help: 6 → 6 of 8 texts at fault."
            " Normal texts still right: 7 of 7.",
            "Switching off L2H1 and L0H1 does not help, and normal texts keep their right answers.",
        ),
    ],
)
def test_what_helps_is_told_with_its_price(
    fault: tuple[int, int], right: tuple[int, int], said: str, short: str
) -> None:
    facts = tried(together(0.9), fault, right)
    assert verdict.helps(facts, "en") == said
    assert verdict.advises(facts, "en") == short


def test_headline_does_not_change_when_the_check_ends() -> None:
    before = together(0.9)
    after = tried(before, (8, 0), (7, 7), heads=("L2H1",))
    assert verdict.headline(before, LEGAL, "en") == verdict.headline(after, LEGAL, "en")
    assert verdict.remedy(before) is None
    assert verdict.helps(before, "en") == ""


@pytest.mark.parametrize(
    ("level", "reasons", "why", "advised"),
    [
        ("high", ("held_out",), "20\u00a0% of the effect holds on texts that were left out", False),
        ("medium", ("held_out_low", "steady"), "only 20\u00a0% holds on texts that were left out", True),
        ("low", ("held_out_low", "joint_not_heads"), "words and MLP blocks carry more (60\u00a0%)", True),
        ("none", ("no_difference",), "both kinds of text get much the same answers", True),
    ],
)
def test_trust_gives_the_reason_that_decided(
    level: str, reasons: tuple[str, ...], why: str, advised: bool
) -> None:
    judged = verdict.trust(together(0.9, level=level, reasons=reasons), "en")
    assert judged.level == level
    assert judged.reason.startswith(why)
    assert bool(judged.advice) is advised


def test_older_run_says_that_trust_was_not_measured() -> None:
    judged = verdict.trust(STATES["tested"], "en")
    assert (judged.level, judged.word) == ("unknown", "Trust not measured")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_of_a_level_has_its_words(language: str) -> None:
    """Reasons of the catalogue of confidence, which stand in manifests for ever."""
    words: dict[str, Any] = catalogue(language)
    reasons = set(words["confidence"]) - {"high", "medium", "low", "none", "and"}
    assert {f"why_{reason}" for reason in reasons} <= set(words["verdict"])
    for reason in reasons:
        values = dict.fromkeys(
            ("confirmed", "tested", "examples", "enough", "least", "count", "random", "reached"), 3
        )
        values |= dict.fromkeys(("jaccard", "bar", "share", "bar_share", "rest_share", "bound_share"), 0.5)
        stability = {"confidence": {"level": "low", "reasons": [{"key": reason, "values": values}]}}
        judged = verdict.trust(made_facts(stability=stability), language)
        assert judged.reason
        assert judged.advice


def test_manifest_of_a_run_without_reasons_is_read() -> None:
    facts = made_facts()
    empty = facts.manifest.model_copy(update={"stability": Manifest.model_fields["stability"].default})
    assert verdict.trust(replace(facts, manifest=empty), "en").level == "unknown"
