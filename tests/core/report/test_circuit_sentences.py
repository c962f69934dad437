"""Sentences of the circuit's check, in every state and both languages, against numbers worked by hand."""

import pytest

from core.report.sentences import circuit as circuit_words
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.text import LANGUAGES
from tests.support.made_runs import write_circuit


@pytest.fixture
def content(tmp_path):
    def made(**options):
        write_circuit(RunFolder(tmp_path), **options)
        return read_circuit(RunFolder(tmp_path))

    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_has_its_numbers(content, language):
    found = content()
    said = circuit_words.switched(found["before_after"], language)
    assert "L0H1" in said and "6" in said and "0" in said
    first, _, third = found["ablations"]
    alone = circuit_words.faithfulness(first, 3, language)
    assert "90" in alone and "100" in alone and "2\u00a0%" in alone
    undefined = circuit_words.faithfulness(third, 3, language)
    assert undefined != alone
    assert "NaN" in circuit_words.faithfulness({**third, "finite": False}, 3, language) != undefined
    assert "L2H3" in circuit_words.smallest(found, language) and "91" in circuit_words.smallest(
        found, language
    )
    assert "97" in circuit_words.switch(found, "mean", language)
    assert circuit_words.switch(found, "zero", language) == ""
    assert "52" in circuit_words.cost(found, language)
    assert circuit_words.state(found, language) == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_missing_is_said(content, language):
    for state in ("no_difference", "no_candidates"):
        found = content(state=state)
        assert circuit_words.state(found, language)
        assert circuit_words.smallest(found, language) == ""
    found = content(complete=False)
    assert circuit_words.state(found, language)
    missed = {**found, "smallest": {**found["smallest"], "complete": False}}
    assert circuit_words.smallest(missed, language) != circuit_words.smallest(found, language)
    alone = {**found["ablations"][0], "random_faithfulness": [], "rank": 1.0}
    assert "100" not in circuit_words.faithfulness(alone, 3, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_words_changes_are_counted(content, language):
    tried = content()["before_after"]
    counts = {label: {**side, "judged": 0} for label, side in tried["counts"].items()}
    said = circuit_words.switched({**tried, "counts": counts}, language)
    assert said != circuit_words.switched(tried, language)


def test_rank_tells_how_many_reach_the_circuit(content):
    first = content()["ablations"][0]
    said = circuit_words.faithfulness({**first, "rank": 4 / 101}, 3, "en")
    assert "and 3 of them reach" in said


def test_band_by_hand():
    assert circuit_words.band([0.0, 1.0]) == pytest.approx((0.05, 0.95))
