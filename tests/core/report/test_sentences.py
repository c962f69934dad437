"""Sentences made from a result: three of what was found, true in every state and in both languages."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.report.sentences import summary
from core.runs.facts import Facts, facts
from core.schema import Manifest
from core.text import LANGUAGES, percent, text
from tests.support.made_result import EVIDENCE

MANIFEST = {
    "model": {"name": "/models/tiny", "n_layers": 3, "n_heads": 2},
    "counts": {"anomalous": 8, "normal": 7},
    "alignment": {"mode": "aligned", "pairs": [[0, 1]]},
    "timings": {"load": 1.0, "train": 2.0},
    "forward_passes": 12,
    "device": "cpu",
    "settings": {"autoencoder": {"members": 4}},
    "selection": {"statistic": "strength"},
    "notes": [],
}
EFFECTS = {
    "L0H1": (0.3, 0.2, 0.4, "confirmed"),
    "L1H0": (-0.7, -0.9, -0.5, "partly"),
    "L2H1": (0.62, 0.41, 0.8, "confirmed"),
}


def made(
    selected: int = 3,
    effects: dict[str, tuple[float, float, float, str]] | None = None,
    label_p: list[float] | None = None,
    **manifest: object,
) -> Facts:
    """Six heads, best first, of which this many are candidates."""
    names = ["L0H1", "L1H0", "L2H1", "L0H0", "L1H1", "L2H0"]
    heads = pd.DataFrame({"layer": [int(n[1]) for n in names], "head": [int(n[3]) for n in names]})
    heads = heads.assign(
        score=[6.0, 5.0, 4.0, 3.0, 2.0, 1.0],
        frequency=[1.0, 0.75, 0.25, 0.0, 0.0, 0.0],
        selected=[i < selected for i in range(6)],
        label_p_value=[*(label_p or []), *[np.nan] * (6 - len(label_p or []))],
    )
    said = [(effects or {}).get(name, (np.nan, np.nan, np.nan, None)) for name in names]
    for place, column in enumerate(("effect", "effect_low", "effect_high", "verdict")):
        heads[column] = [row[place] for row in said]
    edges = pd.DataFrame({"selected": [True, False], "effect": [np.nan] * 2, "verdict": [None, None]})
    return facts(Manifest.model_validate({**MANIFEST, **manifest}), heads, edges, {"L2H1": "trigger"})


def with_effects(effects: dict[str, tuple[float, float, float, str]] = EFFECTS, **about: object) -> Facts:
    return made(effects=effects, evidence="computed", evidence_about={**EVIDENCE, **about})


STATES = {
    "none": made(selected=0),
    "untested": made(),
    "one": made(selected=1),
    "unpaired": made(label_p=[0.001, 0.2, 0.04], alignment={"mode": "last_mean", "pairs": []}),
    "no_difference": made(evidence="no_difference", evidence_about={"gap": -0.012}),
    "paper": made(selection={"statistic": "count"}),
    "few": made(counts={"anomalous": 3, "normal": 8}),
    "tested": with_effects(),
    "mean": with_effects(directions=["noising"]),
    "against": with_effects(
        {"L1H0": (-0.7, -0.9, -0.5, "confirmed"), "L0H1": (0.01, -0.1, 0.1, "not confirmed")}
    ),
    "partly": with_effects({"L1H0": (-0.7, -0.9, -0.5, "partly"), "L0H1": (0.1, -0.1, 0.2, "not confirmed")}),
    "too_few": with_effects(smallest_p=0.25, examples=3),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_three_sentences_are_three_and_each_is_one(state: str, language: str) -> None:
    said = summary.three_sentences(STATES[state], language)
    end = "。" if language == "ja" else "."
    assert len(said) == 3
    for sentence in said:
        assert sentence.endswith(end)
        assert sentence.count(end if language == "ja" else ". ") == (1 if language == "ja" else 0)
        assert "nan" not in sentence


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_every_other_sentence_can_be_said_in_every_state(state: str, language: str) -> None:
    found = STATES[state]
    said = [
        summary.asked(found, language),
        summary.five_note(found, language),
        *summary.unknown(found, language),
        summary.cost(found, language),
        summary.exhaustive(found, language),
        *summary.next_steps(found, language),
        *summary.meeting(found, language),
    ]
    assert len(set(said)) == len(said)
    assert all(line and "nan" not in line and "{" not in line for line in said)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("none", "None of the 6 heads stands out between the 8 anomalous and the 7 normal texts."),
        ("one", "Of 6 heads, one stands out"),
        ("untested", "Of 6 heads, 3 stand out"),
    ],
)
def test_first_sentence_counts_the_heads(state: str, said: str) -> None:
    assert summary.three_sentences(STATES[state], "en")[0].startswith(said)


def spaced(line: str) -> str:
    return line.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("none", "nothing to test"),
        ("untested", "was not tested"),
        ("no_difference", "measured difference −0.012"),
        (
            "tested",
            "Swapping what L2H1 · trigger alone writes between the two kinds of text moves the behaviour by 62 % of "
            "the difference between them (95 % interval 41 % to 80 %); 2 of 3 tested heads confirmed, 1 partly.",
        ),
        ("mean", "Switching off L2H1 · trigger alone takes away 62 % of the difference"),
        (
            "against",
            "L1H0 alone moves the behaviour by 70 % of the difference, the other way (95 % interval 50 % to 90 %)",
        ),
        (
            "partly",
            "None of the 2 tested heads is confirmed (1 partly): the largest effect is that of L1H0, −70 %",
        ),
    ],
)
def test_second_sentence_tells_the_largest_effect(state: str, said: str) -> None:
    assert said in spaced(summary.three_sentences(STATES[state], "en")[1])


@pytest.mark.parametrize(
    ("state", "said", "unsaid"),
    [
        ("untested", "2 of 3 heads are chosen by at least half of the 4 autoencoders", "verdict"),
        ("untested", "it is a correlation", "published recipe"),
        ("paper", "published recipe", "autoencoders of"),
        ("few", "fewer than 5 texts a side", "verdict"),
        ("unpaired", "2 of 3 heads have p below 0.05", "verdict"),
        ("unpaired", "chance alone would give about 0.3 among 6", "verdict"),
        ("tested", "no p can be below 0.0078;", "nothing can be confirmed"),
        ("too_few", "with 3 tested texts no p can be below 0.25, so nothing can be confirmed", "correlation"),
        ("none", "weak difference", "autoencoders"),
    ],
)
def test_third_sentence_tells_how_far_to_trust_it(state: str, said: str, unsaid: str) -> None:
    line = summary.three_sentences(STATES[state], "en")[2]
    assert said in line
    assert unsaid not in line


def test_heads_that_matter_are_confirmed_first_then_by_size_of_effect() -> None:
    assert list(summary.five(with_effects())["name"]) == ["L2H1", "L0H1", "L1H0"]
    assert list(summary.five(made(selected=6))["name"]) == ["L0H1", "L1H0", "L2H1", "L0H0", "L1H1"]
    assert list(summary.five(made(selected=6))["own_name"]) == ["", "", "trigger", "", ""]


def test_cost_is_held_against_an_exhaustive_search() -> None:
    # 6 heads; 3 pairs of layers with 4 pairs of heads each
    untested = summary.exhaustive(made(), "en")
    assert "6 heads and each of the 12 forward pairs of heads once: 18 interventions" in untested
    assert "none of them" in untested
    done = summary.exhaustive(with_effects(), "en")
    assert "made 3 of them (heads: 3, edges: 0), 6 times fewer, in 12 forward passes" in done


def test_next_steps_follow_from_the_state() -> None:
    firsts = {state: summary.next_steps(found, "en")[0] for state, found in STATES.items()}
    assert "differ more clearly" in firsts["none"]
    assert "switched off" in firsts["untested"]
    assert "does behave clearly differently" in firsts["no_difference"]
    assert "No candidate was confirmed" in firsts["partly"]
    assert firsts["tested"].startswith("Confirmed by intervention: L2H1 · trigger, L0H1.")
    assert len(summary.next_steps(STATES["few"], "en")) == 1 + len(
        summary.next_steps(STATES["untested"], "en")
    )
    assert len(summary.next_steps(STATES["tested"], "en", signed=True)) == 2
    assert any("one template" in line for line in summary.next_steps(STATES["unpaired"], "en"))
    repeated = [
        s for s, found in STATES.items() if any("come again" in x for x in summary.next_steps(found, "en"))
    ]
    assert set(STATES) - set(repeated) == {"none", "no_difference"}


def test_meeting_ends_with_a_proposal_and_names_no_cause_unwith_effects() -> None:
    assert "try a remedy on L2H1 · trigger, L0H1 first" in summary.meeting(STATES["tested"], "en")[-1]
    assert "We have not tested yet" in " ".join(summary.meeting(STATES["untested"], "en"))
    assert "One of them stands out" in " ".join(summary.meeting(STATES["one"], "en"))
    assert "works against" in " ".join(summary.meeting(STATES["against"], "en"))


def test_unknown_holds_what_the_run_noted_as_open() -> None:
    noted = made(notes=[{"key": "few_examples", "values": {"count": 3}}, {"key": "pairs_none", "values": {}}])
    assert len(summary.unknown(noted, "en")) == 1 + len(summary.unknown(made(), "en"))
    assert "no intervention has tested" in summary.unknown(made(), "en")[0]
    assert not any("no intervention has tested" in line for line in summary.unknown(with_effects(), "en"))


ABLATION = {
    "kind": "resample",
    "defined": True,
    "faithfulness": 0.91,
    "completeness": 0.05,
    "random_faithfulness": [0.0, 0.1],
    "rank": 1 / 3,
}
SIDE = {"texts": 8, "judged": 8, "same": 0}
WHOLE = {
    "state": "computed",
    "complete": True,
    "circuit": ["L0H1", "L1H0"],
    "goal": 0.9,
    "ablations": [ABLATION],
    "smallest": {"heads": ["L0H1"], "reached": 0.92, "tried": 5, "complete": True},
    "before_after": {
        "heads": ["L0H1"],
        "counts": {
            "anomalous": {**SIDE, "fault_before": 8, "fault_after": 0},
            "normal": {**SIDE, "right_before": 8, "right_after": 7},
        },
    },
    "seconds": 11.0,
    "forward_passes": 86,
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_check_of_the_circuit_is_told_where_there_is_one(language: str) -> None:
    plain = with_effects()
    checked = replace(plain, whole=WHOLE)
    assert summary.whole(plain, language) == []
    switched, alone, smallest = summary.whole(checked, language)
    assert "L0H1" in switched
    arrows = {"en": ("8 → 0", "8 → 7"), "ja": ("8 件 → 0 件", "8 件 → 7 件")}
    assert all(arrow in switched for arrow in arrows[language])
    assert "91" in alone
    assert "92" in smallest
    assert switched in summary.meeting(checked, language)
    assert summary.cost(checked, language).startswith(summary.cost(plain, language))
    assert "86" in summary.cost(checked, language)
    together = text(language, "unknown.together")
    assert together in summary.unknown(plain, language)
    assert together not in summary.unknown(checked, language)
    assert text(language, "meeting.limits_tested") not in summary.meeting(checked, language)


def test_check_that_was_broken_off_or_found_nothing_is_told_as_it_is() -> None:
    part = {name: WHOLE[name] for name in ("state", "circuit", "goal", "seconds", "forward_passes")}
    undefined = {**ABLATION, "defined": False}
    lines = summary.whole(
        replace(with_effects(), whole={**part, "complete": False, "ablations": [ABLATION]}), "en"
    )
    assert len(lines) == 2
    assert "did not come to its end" in lines[1]
    assert (
        summary.whole(
            replace(with_effects(), whole={**part, "complete": True, "ablations": [undefined]}), "en"
        )
        == []
    )
    assert (
        summary.whole(replace(with_effects(), whole={"state": "no_difference", "ablations": []}), "en") == []
    )


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (0.62, "62 %"),
        (0.0, "0 %"),
        (-0.034, "−3.4 %"),
        (1.304, "130 %"),
        (0.03, "3 %"),
        (-0.0001, "0 %"),
        (np.nan, "–"),
    ],
)
def test_shares_are_said_in_percent(share: float, shown: str) -> None:
    assert spaced(percent(share)) == shown
