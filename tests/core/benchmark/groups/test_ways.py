"""Ways to tell texts of different mechanisms apart, on a planted model, and the table of what they are worth."""

import numpy as np
import pytest

from core.benchmark.groups.measuring import clustered, route_draw, rows_of, ticket_draw
from core.benchmark.groups.table import GroupRow, group_lines, group_summary
from core.benchmark.groups.ways import WAYS, Case, outputs_of
from core.benchmark.tasks import two_routes
from core.scenarios.build.tickets import compared_words


@pytest.fixture(scope="module")
def drawn():
    return route_draw(seed=3, examples=4, draw=0)


@pytest.fixture(scope="module")
def case(drawn):
    return Case(drawn.loaded, drawn.examples)


@pytest.mark.slow
def test_every_way_gives_a_vector_of_every_anomalous_text(case):
    for way in WAYS.values():
        vectors = way(case)
        assert vectors.shape[0] == 4
        assert np.isfinite(vectors).all()
        assert np.abs(vectors).sum() > 0


def test_heads_weigh_by_the_size_of_their_effects(case):
    assert case.weights.shape == (24,)
    assert case.weights.max() == 1
    assert case.weights.argmax() == np.abs(case.effects).mean(axis=0).argmax()


def test_words_are_the_tokens_that_a_text_holds(case):
    vectors = WAYS["words"](case)
    held = [len(set(ids)) for ids in case.observed.compared.texts[:4]]
    assert (vectors > 0).sum(axis=1).tolist() == held


def test_outputs_of_every_token_are_those_that_the_analysis_compares(case):
    every = outputs_of(case.observed.compared)
    positions = case.observed.alignment.positions
    for text in (0, 5):
        of_slots = every[text][positions[text]]
        assert np.allclose(of_slots, case.observed.outputs[text], atol=1e-5)


def test_untrained_dictionaries_differ_from_trained_ones_and_depend_on_the_seed_alone(case, drawn):
    first, again = WAYS["untrained"](case), WAYS["untrained"](Case(drawn.loaded, drawn.examples))
    assert np.array_equal(first, again)
    assert not np.allclose(first, WAYS["codes"](case))


def test_texts_of_one_draw_share_answer_and_words_whatever_their_route():
    texts = two_routes.texts(["next", "second"] * 4, seed=5)
    said = {example.actual for example in texts.examples}
    assert len(said) == 1
    for anomalous, normal in zip(texts.of("anomalous"), texts.of("normal"), strict=True):
        words, others = anomalous.text.split(), normal.text.split()
        assert sum(a != b for a, b in zip(words, others, strict=True)) == 1
        place = words.index(words[-1])
        route = words.index(anomalous.actual) - place
        assert route in (1, 2)
        assert others[-1] not in others[:-1]


def test_planted_model_says_the_wrong_answer_on_both_routes_and_not_on_normal_texts():
    planted = two_routes.build(seed=4)
    texts = two_routes.texts(["next", "second"] * 2, seed=1)
    loaded = planted.loaded
    for example in texts.examples:
        ids = loaded.tokenizer(example.text, return_tensors="pt").input_ids
        word = loaded.tokenizer.decode(loaded.model(ids).logits[0, -1].argmax())
        if example.label == "anomalous":
            assert word == example.actual
    assert not planted.heads["next"] & planted.heads["second"]


def test_tickets_of_two_faults_with_their_partners():
    drawn = ticket_draw(examples=4, draw=1)
    assert drawn.groups.tolist() == [0, 0, 1, 1]
    anomalous = drawn.examples.texts("anomalous")
    assert all("refund" in text for text in anomalous[:2])
    assert all("package" in text for text in anomalous[2:])
    assert any(word.strip() == "refund" for word in compared_words("en"))


def test_a_row_a_way_with_both_judgements(drawn):
    rows = list(rows_of(drawn, names=("effects", "words")))
    assert [row.way for row in rows] == ["effects", "words"]
    best = rows[0]
    assert (best.groups, best.examples, best.ari) == (2, 4, 1.0)
    assert best.seconds > 0


def test_groups_of_a_given_number_do_not_depend_on_lengths():
    vectors = np.array([[1.0, 0.0], [9.0, 0.1], [0.0, 2.0], [0.1, 0.5]])
    labels = clustered(vectors, 2, seed=0)
    assert labels[0] == labels[1] != labels[2] == labels[3]


def test_means_over_draws_and_what_is_printed():
    rows = [
        GroupRow("t", "m", 8, "auto", draw, "effects", 2, ari, ari, found, 1.0)
        for draw, ari, found in ((0, 1.0, 2), (1, 0.5, 3))
    ]
    table = group_summary(rows)
    assert table.to_dict("records") == [
        {
            "task": "t",
            "examples": 8,
            "pairing": "auto",
            "way": "effects",
            "draws": 2,
            "ari": 0.75,
            "ari_found": 0.75,
            "number_right": 0.5,
            "seconds": 1.0,
        }
    ]
    assert any("0.750" in line for line in group_lines(rows))
    assert list(group_lines([])) == []
    assert len(group_summary([])) == 0
