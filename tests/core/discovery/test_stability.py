"""Certainty of the selection from made codes with answers worked by hand, and the rule of trust."""

import json
from itertools import combinations, product

import numpy as np
import pytest
import torch

from core.analysis.confidence import judge_confidence
from core.discovery.autoencoder import SILENT, Codes
from core.discovery.held_out import FEWEST, held_out
from core.discovery.redrawn import DRAWS, draw_examples, drawn_scores
from core.discovery.scoring import head_scores
from core.discovery.selection import HEAD_RULE, select
from core.discovery.stability import jaccard, members_overlap, stability_of
from core.discovery.thresholds import BAR
from core.discovery.variety import different_codes, equalised_scores
from core.report.sentences.confidence import confidence_sentence
from core.schema import ConfidenceRecord, Manifest, ModelRecord
from core.text import LANGUAGES, catalogue

NAN = float("nan")


def random_codes(members=3, examples=12, slots=4, heads=7, seed=0) -> Codes:
    numbers = torch.Generator().manual_seed(seed)
    latent = torch.randint(SILENT, 4, (members, examples, slots, heads), generator=numbers)
    strength = torch.rand(latent.shape, generator=numbers) * (latent != SILENT)
    return Codes(latent, strength)


def made_codes(*heads: list[int], n_anomalous: int) -> Codes:
    """One member and slot; each head's codes over the examples, anomalous first, all of strength 1."""
    latent = torch.tensor(heads).T[None, :, None]
    assert latent.shape[1] > n_anomalous
    return Codes(latent, (latent != SILENT).float())


def of(codes: Codes, n_anomalous: int, paired=True, statistic="strength", texts=None):
    scores = head_scores(codes, n_anomalous, statistic)
    texts = texts or [[i] for i in range(codes.latent.shape[1])]
    return stability_of(codes, scores, texts, n_anomalous, paired, statistic, seed=0)


@pytest.mark.parametrize("statistic", ["strength", "count"])
def test_every_text_drawn_once_gives_the_score_itself(statistic):
    codes = random_codes()
    ones = np.ones((2, 5), dtype=int), np.ones((2, 7), dtype=int)
    drawn = drawn_scores(codes, *ones, statistic)
    expected = head_scores(codes, 5, statistic).score.numpy()
    np.testing.assert_allclose(drawn, [expected, expected], rtol=1e-5)


@pytest.mark.parametrize("statistic", ["strength", "count"])
def test_texts_drawn_several_times_count_as_if_they_stood_there_several_times(statistic):
    codes = random_codes()
    anomalous, normal = draw_examples(12, 5, paired=False, seed=3, draws=6)
    drawn = drawn_scores(codes, anomalous, normal, statistic)
    for row in range(6):
        rows = np.concatenate(
            [np.repeat(np.arange(5), anomalous[row]), np.repeat(np.arange(5, 12), normal[row])]
        )
        again = Codes(*(field[:, rows] for field in codes))
        np.testing.assert_allclose(drawn[row], head_scores(again, 5, statistic).score.numpy(), rtol=1e-5)


def test_blocks_of_heads_change_nothing(monkeypatch):
    codes = random_codes()
    drawn = draw_examples(12, 6, paired=True, seed=1)
    at_once = drawn_scores(codes, *drawn)
    monkeypatch.setattr("core.discovery.redrawn.BLOCK_NUMBERS", 1)
    np.testing.assert_allclose(drawn_scores(codes, *drawn), at_once)


def test_pairs_are_drawn_together_and_sides_keep_their_size():
    anomalous, normal = draw_examples(16, 8, paired=True, seed=0)
    assert anomalous.shape == (DRAWS, 8)
    np.testing.assert_array_equal(anomalous, normal)
    anomalous, normal = draw_examples(15, 8, paired=False, seed=0)
    assert (normal.shape, set(normal.sum(axis=1)), set(anomalous.sum(axis=1))) == ((DRAWS, 7), {7}, {8})
    assert not np.array_equal(anomalous[:, :7], normal)


def test_overlaps_by_hand():
    first, second = np.array([True, True, True, False]), np.array([False, True, True, True])
    assert jaccard(first, second) == 2 / 4
    assert jaccard(first & False, second & False) == 1.0
    # selected at or above the mean: heads {0}, {0, 1}, {1}
    scores = torch.tensor([[4.0, 1, 0, 0], [4, 4, 0, 0], [1, 4, 0, 0]])
    assert members_overlap(scores) == pytest.approx((1 / 2 + 0 + 1 / 2) / 3)
    assert np.isnan(members_overlap(scores[:1]))


def test_a_head_that_one_text_alone_lifts_is_often_not_selected_again():
    steady = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    single = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    codes = made_codes(steady, single, [0] * 12, [0] * 12, n_anomalous=6)
    found = of(codes, 6)
    assert found.selected.tolist() == [True, False, False, False]
    assert found.again[0] == 1.0
    # the second reaches the mean (1 + k / 6) / 4 with k >= 2 of 6 draws
    binomial = 1 - (5 / 6) ** 6 - (5 / 6) ** 5
    assert found.again[1] == pytest.approx(binomial, abs=4 * np.sqrt(binomial * (1 - binomial) / DRAWS))
    assert found.jaccard == pytest.approx(1 - found.again[1] / 2)


def test_the_mirror_is_the_score_of_the_other_side():
    codes = random_codes(examples=10)
    swapped = Codes(*(torch.cat([field[:, 5:], field[:, :5]], dim=1) for field in codes))
    found = of(codes, 5)
    np.testing.assert_allclose(found.mirror_score, head_scores(swapped, 5).score.numpy())
    np.testing.assert_array_equal(found.mirror_selected, select(found.mirror_score, HEAD_RULE))
    assert found.mirror_overlap == pytest.approx(jaccard(found.selected, found.mirror_selected))


def test_more_variety_on_the_anomalous_side_alone_explains_the_score():
    varied = [1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]
    told_apart = [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    both_varied = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18]
    from_silence = [3, 3, 3, 3, 3, 3, 3, 3] + [SILENT] * 8
    codes = made_codes(varied, told_apart, both_varied, from_silence, n_anomalous=8)
    assert head_scores(codes, 8).score.tolist() == [1, 1, 1, 1]
    assert equalised_scores(codes, 8).tolist() == pytest.approx([1 / 8, 1, 1, 1])
    counts = equalised_scores(codes, 8, "count")
    assert counts.tolist() == pytest.approx([8 / 8, 1, 8, 1])
    dull = [0] * 16
    explained = of(made_codes(varied, dull, dull, n_anomalous=8), 8)
    assert explained.diversity == pytest.approx(1 / 8)
    assert explained.as_json()["codes_anomalous"] == 8
    assert {"key": "anomalous_varied", "values": {"share": "12\u00a0%"}} in explained.notes()
    honest = of(made_codes(told_apart, dull, dull, n_anomalous=8), 8)
    assert honest.diversity == pytest.approx(1)
    assert "anomalous_varied" not in {note["key"] for note in honest.notes()}


def test_the_larger_side_is_thinned_before_codes_are_counted():
    anomalous, normal = (torch.tensor(side)[None, :, None, None] for side in ([0, 0, 1], [5, 6]))
    # of the three pairs of anomalous texts one shows one code, two show two
    assert different_codes(anomalous, normal).flatten().tolist() == pytest.approx([5 / 3, 2])


def test_different_codes_are_the_mean_over_all_ways_to_thin_the_larger_side():
    codes = random_codes(members=2, examples=9, slots=2, heads=5)
    anomalous, normal = codes.latent[:, :3], codes.latent[:, 3:]
    found = different_codes(anomalous, normal)
    for member, slot, head in product(range(2), range(2), range(5)):
        first, second = (side[member, :, slot, head].tolist() for side in (anomalous, normal))
        thinned = [len(set(chosen)) for chosen in combinations(second, 3)]
        assert found[:, member, slot, head].tolist() == pytest.approx([len(set(first)), np.mean(thinned)])


def test_different_tokens_of_both_sides_are_counted():
    codes = random_codes(examples=4)
    assert of(codes, 2, texts=[[1, 2, 3], [1, 2], [4], [4, 4]]).tokens == (3, 1)


def test_effects_that_hold_on_texts_left_out():
    told_apart, dull = [1] * 6 + [0] * 6, [0] * 12
    codes = made_codes(told_apart, told_apart, told_apart, *[dull] * 5, n_anomalous=6)
    same = [0.2] * 6
    outlier = [0.9, 0, 0, 0, 0, 0]
    against = [-0.1] * 6
    small = [0.04] * 6

    def share(*effects):
        return held_out(codes, range(len(effects)), np.array([effects]), 0.05, True, "strength", seed=0)

    assert (share(same).share, share(same).checked) == (1.0, 30)
    assert share(against).share == 1.0
    # seen in two of three folds, and never where it is left out
    assert (share(outlier).share, share(outlier).checked) == (0.0, 20)
    assert share(same, outlier).share == pytest.approx(30 / 50)
    assert np.isnan(share(small).share)
    unselected = held_out(codes, [4], np.array([[same]]), 0.05, True, "strength", seed=0)
    assert (unselected.checked, np.isnan(unselected.share)) == (0, True)


def test_the_larger_direction_on_the_texts_seen_is_the_one_that_is_checked():
    codes = made_codes([1] * 6 + [0] * 6, *[[0] * 12] * 3, n_anomalous=6)
    effects = np.array([[[0.01] * 6], [[0.3] * 6]])
    assert held_out(codes, [0], effects, 0.05, True, "strength", seed=0).share == 1.0


def test_too_few_texts_are_not_split():
    few = FEWEST - 1
    codes = made_codes([1] * few + [0] * 8, [0] * (few + 8), n_anomalous=few)
    found = held_out(codes, [0], np.full((1, 1, few), 0.5), 0.05, False, "strength", seed=0)
    assert (found.checked, np.isnan(found.share)) == (0, True)


def test_nothing_selected_gives_no_numbers_and_plain_json():
    found = of(made_codes([0] * 8, [0] * 8, n_anomalous=4), 4)
    said = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert (said["jaccard"], said["diversity"], said["mirror_overlap"]) == (None, None, None)
    assert found.notes() == []
    assert json.dumps(found.of_heads(["L0H0", "L0H1"]), allow_nan=False)


GOOD = {
    "state": "computed",
    "candidates": 5,
    "tested": 5,
    "confirmed": 3,
    "examples": 8,
    "jaccard": 0.9,
    "held_out": 0.85,
    "diversity": 0.95,
}


@pytest.mark.parametrize(
    ("changes", "level", "keys"),
    [
        ({}, "high", ["confirmed", "steady", "held_out"]),
        ({"jaccard": BAR}, "high", ["confirmed", "steady", "held_out"]),
        ({"jaccard": 0.79}, "medium", ["confirmed", "held_out", "unsteady"]),
        ({"diversity": 0.4}, "medium", ["confirmed", "steady", "held_out", "varied"]),
        ({"examples": 6, "held_out": 0.5}, "medium", ["confirmed", "steady", "few", "held_out_low"]),
        ({"held_out": NAN}, "medium", ["confirmed", "steady", "held_out_unknown"]),
        (
            {"examples": 7, "jaccard": 0.5, "held_out": 0.5},
            "low",
            ["confirmed", "few", "unsteady", "held_out_low"],
        ),
        ({"confirmed": 0}, "low", ["none_confirmed"]),
        ({"confirmed": 0, "examples": 3}, "low", ["too_few"]),
        ({"state": "not_computed"}, "low", ["untested"]),
        ({"state": "no_difference"}, "none", ["no_difference"]),
        ({"state": "not_computed", "candidates": 0}, "none", ["no_candidates"]),
    ],
)
def test_the_rule_of_trust_and_its_sentence(changes, level, keys):
    found = judge_confidence(**GOOD | changes)
    assert found.level == level
    assert [reason.key for reason in found.reasons] == keys
    manifest = with_confidence(found)
    for language in LANGUAGES:
        said = confidence_sentence(manifest, language)
        assert said.startswith(catalogue(language)["confidence"][level].split("{")[0])
        assert "{" not in said
        assert "nan" not in said


def with_confidence(found: ConfidenceRecord) -> Manifest:
    content = {"model": {"name": "m"}, "stability": {"confidence": found.model_dump(mode="json")}}
    return Manifest.model_validate_json(json.dumps(content, allow_nan=False))


def test_the_sentence_gives_the_numbers_and_an_old_run_has_none():
    found = judge_confidence(**GOOD | {"jaccard": 0.655})
    said = confidence_sentence(with_confidence(found), "en")
    assert said == (
        "Trust in this result is medium: 3 of 5 tested heads confirmed on 8 tested texts; on texts left out, "
        "85\u00a0% of the effects hold; drawing the texts anew changes which heads are chosen (mean overlap 66\u00a0%, "
        "at least 80\u00a0% wanted)."
    )
    assert confidence_sentence(Manifest(model=ModelRecord(name="m")), "en") == ""
