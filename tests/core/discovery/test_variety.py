"""How much of a score is due to a more varied side, worked by hand."""

from itertools import combinations, product

import numpy as np
import pytest
import torch

from core.discovery.autoencoder import SILENT
from core.discovery.scoring import head_scores
from core.discovery.variety import different_codes, equalised_scores
from core.schema import Note
from tests.support.codes import made_codes, of, random_codes


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
    assert Note(key="anomalous_varied", values={"share": "12\u00a0%"}) in explained.notes()
    honest = of(made_codes(told_apart, dull, dull, n_anomalous=8), 8)
    assert honest.diversity == pytest.approx(1)
    assert "anomalous_varied" not in {note.key for note in honest.notes()}


def test_the_larger_side_is_thinned_before_codes_are_counted():
    anomalous, normal = (torch.tensor(side)[None, :, None, None] for side in ([0, 0, 1], [5, 6]))
    # of the three pairs of anomalous texts one shows one code, two show two
    assert different_codes(anomalous, normal).flatten().tolist() == pytest.approx([5 / 3, 2])


def test_different_codes_are_the_mean_over_all_ways_to_thin_the_larger_side():
    codes = random_codes(members=2, examples=9, slots=2, heads=5)
    anomalous, normal = codes.latent[:, :3], codes.latent[:, 3:]
    result = different_codes(anomalous, normal)
    for member, slot, head in product(range(2), range(2), range(5)):
        first, second = (side[member, :, slot, head].tolist() for side in (anomalous, normal))
        thinned = [len(set(selected)) for selected in combinations(second, 3)]
        assert result[:, member, slot, head].tolist() == pytest.approx([len(set(first)), np.mean(thinned)])
