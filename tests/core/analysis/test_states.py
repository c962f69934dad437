"""Input that a run can say little of: each ends in a plain sentence, and in no number that means nothing."""

from itertools import islice

import pytest

from core.analysis.behaviour_notes import doubts, same_answer
from core.analysis.confidence import judge_confidence
from core.analysis.partners import MOST_TEXTS, _drawn, _usable
from core.analysis.pipeline import analyse
from core.config import make_config
from core.examples.example_set import ExampleSet
from core.examples.pairs_note import pairs_note
from core.examples.reading import from_rows, parse_examples
from core.model.loading import ModelPool
from core.report.sentences.outcome import outcome
from core.scenarios.loader import load_scenario
from core.schema import Note, RunResult
from core.text import text
from tests.support.tiny_models import save_tiny

TICKETS = "misrouted-tickets"


@pytest.fixture(scope="module")
def models() -> ModelPool:
    return ModelPool(size=2)


@pytest.fixture(scope="module")
def tickets() -> ExampleSet:
    file = load_scenario(TICKETS).examples_file
    return parse_examples(file.read_bytes(), file.name).examples


def bare(examples):
    return [example.model_copy(update={"pair": ""}) for example in examples]


def result_of(models, examples: ExampleSet, model: str = "", **settings) -> RunResult:
    model = model or str(load_scenario(TICKETS).model_folder)
    *_, result = analyse(
        make_config(model=model, examples=examples, preset="fast", device="cpu", **settings), models
    )
    return result


def keys(result: RunResult) -> dict[str, Note]:
    return {note.key: note for note in result.manifest.notes}


def test_one_answer_on_both_sides_is_named_and_keeps_the_confidence_low():
    said = [("anomalous", "Yes")] * 3 + [
        ("anomalous", "No"),
        ("normal", "Yes"),
        ("normal", "Yes"),
        ("normal", "No"),
    ]
    note = same_answer(said)
    assert note.values == {
        "answer": "Yes", "anomalous": 3, "of_anomalous": 4, "normal": 2, "of_normal": 3,
    }  # fmt: skip
    assert "“Yes” on 3 of 4 anomalous and on 2 of 3 normal" in text("en", "note.same_answer", **note.values)
    assert same_answer([("anomalous", "No"), ("anomalous", "Yes"), ("normal", "Yes")]) is None, (
        "half is not most"
    )
    assert same_answer([("anomalous", "No")] * 3 + [("normal", "Yes")] * 3) is None
    assert [doubt.key for doubt in doubts([note], "made")] == ["same_answer"]
    assert doubts([note], "given") == [] == doubts([], "made")


def test_a_doubt_keeps_a_run_low_that_else_is_high():
    about = {
        "state": "computed", "candidates": 4, "tested": 4, "confirmed": 3, "examples": 8,
        "jaccard": 1.0, "held_out": 1.0, "diversity": 1.0,
    }  # fmt: skip
    judged = judge_confidence(**about, doubts=[Note(key="same_answer")])
    assert judged.level == "low" and "same_answer" in [reason.key for reason in judged.reasons]
    assert judge_confidence(**about).level != "low"


def test_pairs_of_several_sources_are_counted_apart():
    assert pairs_note("given", ("given", "given"), 2) == Note(key="pairs_given", values={"count": 2})
    mixed = pairs_note("given", ("given", "made", "made"), 3)
    assert mixed.key == "pairs_mixed"
    assert mixed.values == {"count": 3, "given": 1, "matched": 0, "made": 2}
    assert pairs_note("automatic", (), 5).key == "pairs_automatic", "a run of before knows no sources"


def test_partners_are_compared_where_enough_texts_have_one():
    assert _usable(made=3, anomalous=3, wanted=3)
    assert not _usable(made=2, anomalous=3, wanted=3), "two texts are too few"
    assert not _usable(made=3, anomalous=8, wanted=8), "fewer than half"
    assert _usable(made=1, anomalous=8, wanted=4), "given pairs count"
    assert not _usable(made=0, anomalous=8, wanted=4)
    assert _usable(made=MOST_TEXTS, anomalous=200, wanted=200), "texts that were not asked for do not count"


def test_of_many_texts_some_are_drawn_by_the_seed():
    assert _drawn(range(5, 9), 0) == [5, 6, 7, 8]
    drawn = _drawn(range(200), 0)
    assert drawn == sorted(set(drawn)) and len(drawn) == MOST_TEXTS
    assert drawn == _drawn(range(200), 0) != _drawn(range(200), 1)


def test_one_text_without_a_partner_among_pairs_gets_one(models, tickets):
    pairs = tickets.examples
    short = pairs[0].pair
    lone = [e for e in bare(pairs[:1]) if e.label == "anomalous"]
    kept = [*lone, *(e for e in pairs if e.pair != short)]
    result = result_of(models, tickets.with_examples(kept), pairing="given", evidence=False)
    assert "partners_no_difference" not in keys(result), "one text alone cannot tell whether the sides differ"
    assert {one.text for one in result.partners.made} == {1}
    values = keys(result)["pairs_mixed"].values
    assert (values["given"], values["made"]) == (len(kept) // 2, 1)
    assert "left_out" not in keys(result) and "normal_level" not in keys(result)


def test_normal_texts_beside_made_partners_are_not_called_left_out(models, tickets):
    kept = [*islice(bare(tickets.of("anomalous")), 4), *bare(tickets.of("normal"))[-4:]]
    result = result_of(models, tickets.with_examples(kept), evidence=False, pairing="given")
    assert keys(result)["normal_level"].values == {"count": 4}
    assert "left_out" not in keys(result)


def test_normal_texts_called_anomalous_find_nothing_to_explain(models, tickets):
    normal = bare(tickets.of("normal"))
    wrong = [e.model_copy(update={"label": "anomalous", "actual": "Legal"}) for e in normal[:4]]
    result = result_of(models, tickets.with_examples([*wrong, *normal[4:]]))
    assert result.manifest.evidence == "no_difference"
    assert result.manifest.stability.confidence.level == "none"
    for column in ("effect", "p_value", "q_value", "label_p_value"):
        assert result.heads[column].isna().all(), column
    assert not result.heads["selected"].any() and not result.edges["selected"].any()
    assert result.manifest.counts.selected_heads == result.manifest.counts.selected_edges == 0
    lines = outcome(result.manifest, result.partners, "en")
    assert "no candidate was tested" in lines[0]
    assert not any("No partners" in line for line in lines), "it says the same"


def test_texts_that_differ_in_spaces_alone_are_not_trusted(models):
    rows = [("anomalous", "Legal", range(4)), ("normal", "Billing", range(4, 8))]
    examples = from_rows(
        [
            {
                "label": label,
                "text": f"Ticket: Where is my refund?{' ' * spaces} Department:",
                "expected": "Billing",
                "actual": actual,
            }
            for label, actual, of_label in rows
            for spaces in of_label
        ]
    )
    result = result_of(models, examples)
    assert keys(result)["same_answer"].values["anomalous"] == 4
    assert result.manifest.stability.confidence.level in ("none", "low")
    assert not result.partners.made


def test_a_tiny_random_model_without_a_fault_makes_no_partner(models, tmp_path):
    folder = save_tiny(tmp_path / "tiny", "gpt2", seed=3)
    rows = [
        {"label": label, "text": f"w1 w{i + 4 * k} w2"}
        for k, label in enumerate(("anomalous", "normal"))
        for i in range(4)
    ]
    result = result_of(models, from_rows(rows), model=str(folder), pairing="given")
    record = result.partners
    assert record.state in ("no_difference", "none_found", "too_few") and not record.made
    assert f"partners_{record.state}" in keys(result)
    assert result.manifest.stability.confidence.level in ("none", "low")
