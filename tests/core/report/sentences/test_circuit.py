"""Sentences of the circuit's check, in every state and both languages, against numbers worked by hand."""

from dataclasses import replace

import pytest

from core.report.sentences import advice, circuit, notes, overview
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.schema import CircuitRecord
from core.text import LANGUAGES, text
from tests.support.made_facts import with_effects
from tests.support.made_runs import write_circuit


@pytest.fixture
def content(tmp_path):
    def written(**options):
        write_circuit(RunFolder(tmp_path), **options)
        return read_circuit(RunFolder(tmp_path))

    return written


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_its_numbers(content, language):
    checked = content()
    line = circuit.ablated(checked.before_after, language)
    assert "L0H1" in line and "6" in line and "0" in line
    first, _, third = checked.ablations
    alone = circuit.faithfulness(first, 3, language)
    assert "90" in alone and "100" in alone and "2\u00a0%" in alone
    undefined = circuit.faithfulness(third, 3, language)
    assert undefined != alone
    assert "NaN" in circuit.faithfulness(third.model_copy(update={"finite": False}), 3, language) != undefined
    assert "L2H3" in circuit.minimal_circuit(checked, language) and "91" in circuit.minimal_circuit(
        checked, language
    )
    assert "97" in circuit.minimal_ablation_set(checked, "mean", language)
    assert circuit.minimal_ablation_set(checked, "zero", language) == ""
    assert "52" in circuit.cost(checked, language)
    assert circuit.state(checked, language) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_is_line(content, language):
    for state in ("no_difference", "no_candidates"):
        checked = content(state=state)
        assert circuit.state(checked, language)
        assert circuit.minimal_circuit(checked, language) == ""
    checked = content(complete=False)
    assert circuit.state(checked, language)
    missed = checked.model_copy(
        update={"minimal_circuit": checked.minimal_circuit.model_copy(update={"complete": False})}
    )
    assert circuit.minimal_circuit(missed, language) != circuit.minimal_circuit(checked, language)
    alone = checked.ablations[0].model_copy(update={"random_faithfulness": (), "rank": 1.0})
    assert "100" not in circuit.faithfulness(alone, 3, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_words_changes_are_counted(content, language):
    tried = content().before_after
    counts = {label: side.model_copy(update={"judged": 0}) for label, side in tried.counts.items()}
    line = circuit.ablated(tried.model_copy(update={"counts": counts}), language)
    assert line != circuit.ablated(tried, language)


def test_rank_tells_how_many_reach_the_circuit(content):
    first = content().ablations[0]
    line = circuit.faithfulness(first.model_copy(update={"rank": 4 / 101}), 3, "en")
    assert "and 3 of them reach" in line


def test_band_by_hand():
    assert circuit.band([0.0, 1.0]) == pytest.approx((0.05, 0.95))


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
        "mode": "mean",
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
    checked = replace(plain, circuit=CircuitRecord.model_validate(WHOLE))
    assert circuit.whole(plain, language) == []
    ablated, alone, smallest = circuit.whole(checked, language)
    assert "L0H1" in ablated
    assert "8 → 0" in ablated and "8 → 7" in ablated
    assert "91" in alone
    assert "92" in smallest
    assert ablated in advice.meeting(checked, language)
    assert overview.cost(checked, language).startswith(overview.cost(plain, language))
    assert "86" in overview.cost(checked, language)
    together = text(language, "unknown.together")
    assert together in notes.unknown(plain, language)
    assert together not in notes.unknown(checked, language)
    assert text(language, "meeting.limits_tested") not in advice.meeting(checked, language)


def test_check_that_was_broken_off_or_found_nothing_is_told_as_it_is() -> None:
    part = {name: WHOLE[name] for name in ("state", "circuit", "goal", "seconds", "forward_passes")}
    undefined = {**ABLATION, "defined": False}

    def lines(**content: object) -> list[str]:
        return circuit.whole(replace(with_effects(), circuit=CircuitRecord.model_validate(content)), "en")

    incomplete = lines(**part, complete=False, ablations=[ABLATION])
    assert len(incomplete) == 2
    assert "did not come to its end" in incomplete[1]
    assert lines(**part, complete=True, ablations=[undefined]) == []
    assert lines(state="no_difference", ablations=[]) == []


@pytest.mark.parametrize(
    ("alone", "left", "random", "said"),
    [
        (0.9, 0.1, 0.3, "Needed: yes. Enough: yes."),
        (0.89, -0.2, 0.3, "Needed: yes. Enough: in part."),
        (0.4, 0.5, 0.3, "Needed: in part. Enough: no."),
        (1.2, 0.51, 0.3, "Needed: no. Enough: yes."),
        (0.95, 0.0, 0.95, "Needed: yes. Enough: no more than random heads."),
        (None, None, 0.3, ""),
    ],
)
def test_needed_and_enough_come_first(content, alone, left, random, said):
    numbers = {"faithfulness": alone, "completeness": left}
    others = {"random_faithfulness": (random,) * 20, "random_completeness": (1 - random / 3,) * 20}
    ablation = content().ablations[0].model_copy(update={**numbers, **others})
    assert circuit.needed_and_enough(ablation, 0.9, "en") == said
