"""Whole analyses of texts with answers of several tokens, and of texts without any answer."""

import pytest

from core.analysis.pipeline import analyse
from core.causal.bounds import SMALLEST_GAP
from core.config import AutoencoderConfig, make_config
from core.examples.example_set import ExampleSet
from core.report.save import save
from core.runs.run_folder import RunFolder
from core.schema import EvidenceDetails
from core.text import text
from tests.support.answers import answered

QUICK = AutoencoderConfig(members=2, latents=8, epochs=20)


def run(folder, models, examples, **values):
    given = ExampleSet(examples=tuple(examples))
    settings = {"examples": given, "autoencoder": QUICK, "device": "cpu"} | values
    config = make_config(model=str(folder), **settings)
    return config, list(analyse(config, models))[-1]


@pytest.fixture
def any_gap_counts(monkeypatch):
    """A random model behaves differently by chance alone, which is enough here."""
    monkeypatch.setattr("core.causal.metric._metric.SMALLEST_GAP", dict.fromkeys(SMALLEST_GAP, 1e-9))
    monkeypatch.setattr("core.causal.metric._metric.CHANCE", 1.0)


@pytest.mark.parametrize("candidates", ["codes", "screened"])
def test_a_run_with_whole_answers_says_what_carries_the_gap(
    candidates, folder, models, tmp_path, any_gap_counts
):
    pairs = [e.model_copy(update={"pair": f"p{i % 4}"}) for i, e in enumerate(answered())]
    # in the user's order the two texts of a pair stand together
    examples = [pairs[i + side] for i in range(4) for side in (0, 4)]
    config, result = run(folder, models, examples, candidates=candidates)
    about = result.manifest.evidence_about
    assert (about.metric, result.manifest.evidence) == ("answer_difference", "computed")
    assert sum(place.share for place in about.answer_places) == pytest.approx(1, abs=1e-3)
    assert result.heads.loc[result.heads["selected"], "effect"].notna().all()
    if candidates == "screened":
        assert result.manifest.gradient_screen.state == "computed"
    keys = [note.key for note in result.manifest.notes]
    most = about.answer_places[0]
    assert {"evidence_answer_difference", f"answer_place_{most.side}", "answer_begins_other"} <= set(keys)
    for note in result.manifest.notes:
        for language in ("en", "ja"):
            assert "{" not in text(language, f"note.{note.key}", **note.values)
    of_second = [token for token in result.evidence.answers if token.example == 2]
    assert {(token.side, token.place, token.piece.strip()) for token in of_second} == {
        ("expected", 1, "w43"),
        ("actual", 1, "w53"),
        ("actual", 2, "w54"),
        ("actual", 3, "w55"),
    }
    saved = RunFolder.create(tmp_path / "run", config)
    save(result, saved)
    assert saved.read_model("evidence.json", EvidenceDetails).answers == result.evidence.answers
    assert saved.manifest().evidence_about.answer_places == about.answer_places


def test_a_run_without_answers_and_pairs_is_tested_by_own_words(folder, models, any_gap_counts):
    bare = [e.model_copy(update={"expected": "", "actual": ""}) for e in answered(paired=False)]
    _, result = run(folder, models, bare, pairing="off")
    assert result.manifest.evidence_about.metric == "own_word"
    assert result.manifest.evidence == "computed"
    assert result.manifest.evidence_about.answer_places == result.evidence.answers == ()
    assert "evidence_own_word" in {note.key for note in result.manifest.notes}


def test_answers_without_room_or_tokens_are_named(folder, models, tmp_path):
    given = answered()
    given[1] = given[1].model_copy(update={"line": 3, "expected": " ".join(["w1"] * 500)})
    given[4] = given[4].model_copy(update={"line": 6, "actual": "☃"})
    given[6] = given[6].model_copy(update={"line": 8, "expected": "", "actual": ""})
    _, result = run(folder, models, given, evidence=False)
    (note,) = [note for note in result.manifest.notes if note.key == "answers_unread"]
    assert note.values == {"count": 2, "lines": "3, 6"}
    for language in ("en", "ja"):
        assert "3, 6" in text(language, "note.answers_unread", **note.values)
    _, plain = run(folder, models, answered(), evidence=False)
    assert "answers_unread" not in [note.key for note in plain.manifest.notes]
