"""Groups of texts by the heads that carry the fault on them: by hand, on a planted model, and where there are none."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.analysis.text_groups import (
    BARS,
    clearest_cut,
    divided,
    numbers_of,
    rand_index,
    silhouette,
    text_groups,
    with_groups,
)
from core.benchmark.tasks import two_routes
from core.causal.evidence import Evidence
from core.causal.verdicts import judge
from core.heads import HeadId
from core.schema import EvidenceAbout, Manifest, TextGroup, TextGroups

TWO = np.array([[1.0, 0.1], [0.1, 1.0], [2.0, 0.2], [0.2, 2.0]])


def found(noising, kept=None, denoising=None, method="resample", mean=None) -> TextGroups | None:
    """What a run with these effects (text, head) says."""
    effects = np.stack([noising.T] if denoising is None else [noising.T, denoising.T])
    heads = [HeadId(0, number) for number in range(effects.shape[1])]
    evidence = Evidence(
        "computed",
        heads=judge(heads, effects, 0.05, 0),
        about=EvidenceAbout(method=method),
        others={} if mean is None else {"mean": mean.T},
        compared=heads,
    )
    return text_groups(evidence, SimpleNamespace(kept=kept or list(range(2 * len(noising)))))


def test_texts_of_two_directions_are_two_groups_however_strong_each_is():
    division = divided(TWO)
    assert division.labels.tolist() == [1, 2, 1, 2]
    cosine = 0.2 / 1.01
    assert division.separation == pytest.approx(1)
    assert division.distance == pytest.approx(1 - cosine)


def test_texts_of_one_direction_are_one_group_and_keep_what_was_measured():
    division = divided(np.array([[1.0, 0.1], [2.0, 0.3], [1.0, 0.2], [0.5, 0.1], [1.0, 0.05]]))
    assert division.count == 1
    assert division.distance < BARS["resample"].distance


def test_a_single_text_of_another_kind_makes_no_group():
    effects = np.array([[1.0, 0.0], [1.0, 0.05], [1.0, 0.1], [1.0, 0.02], [0.0, 1.0]])
    assert divided(effects).count == 1


def test_three_groups():
    effects = np.repeat(np.eye(3), 2, axis=0) + 0.01
    assert divided(effects).labels.tolist() == [1, 1, 2, 2, 3, 3]


def test_a_text_on_which_no_head_does_enough_is_not_placed():
    effects = np.vstack([TWO, TWO, [[0.0, 0.001]]])
    assert divided(effects).labels.tolist() == [1, 2, 1, 2, 1, 2, 1, 2, 0]


def test_nothing_is_grouped_where_many_texts_show_nothing():
    effects = np.vstack([TWO, np.zeros((2, 2))])
    assert divided(effects).count == 0
    groups = found(effects)
    assert groups is not None
    assert groups.state == "weak"


def test_the_silhouette_is_the_usual_one():
    from sklearn.metrics import silhouette_score

    rows = np.random.default_rng(0).normal(size=(9, 3))
    square = np.linalg.norm(rows[:, None] - rows, axis=-1)
    labels = np.array([1, 1, 1, 2, 2, 2, 3, 3, 3])
    assert silhouette(square, labels) == pytest.approx(silhouette_score(square, labels, metric="precomputed"))


@given(st.integers(0, 2**16), st.integers(4, 12))
def test_order_and_strength_of_texts_do_not_matter(seed, count):
    random = np.random.default_rng(seed)
    effects = random.normal(size=(count, 4))
    order, strength = random.permutation(count), random.uniform(0.8, 1.2, size=(count, 1))
    first, second = (
        clearest_cut(effects, BARS["mean"]),
        clearest_cut((effects * strength)[order], BARS["mean"]),
    )
    assert (first is None) == (second is None)
    if first is not None and second is not None:
        assert first.separation == pytest.approx(second.separation)
        assert rand_index(first.labels[order], second.labels) == pytest.approx(1)


def test_a_run_names_texts_in_the_users_order_and_the_heads_that_tell():
    noising = np.hstack([TWO, np.full((4, 1), 0.3)])
    groups = found(noising, kept=[6, 0, 3, 2, 1, 4, 5, 7], denoising=noising)
    assert groups is not None
    assert groups.state == "several"
    assert [group.texts for group in groups.groups] == [(6, 3), (0, 2)]
    assert [group.heads for group in groups.groups] == [("L0H0",), ("L0H1",)]
    assert groups.groups[0].effects == {"L0H0": 1.5, "L0H1": pytest.approx(0.15)}
    assert set(groups.telling) == {"L0H0", "L0H1"}
    assert groups.agreement == 1
    assert groups.heads == 3


def test_groups_that_the_other_direction_does_not_give_are_said_to_disagree():
    groups = found(TWO, denoising=TWO[[0, 2, 1, 3]])
    assert groups is not None
    assert groups.agreement is not None
    assert groups.agreement < 0.1


def test_without_effects_nothing_is_said_and_too_few_texts_are_named():
    assert text_groups(Evidence(), SimpleNamespace(kept=[0, 1])) is None
    few = found(TWO[:3])
    assert few is not None
    assert few.state == "too_few"


def test_a_head_whose_effect_is_no_number_is_left_out():
    noising = np.hstack([TWO, [[np.nan], [1.0], [1.0], [1.0]]])
    groups = found(noising)
    assert groups is not None
    assert (groups.state, groups.heads) == ("several", 2)


def test_a_head_that_does_next_to_nothing_has_no_say():
    noising = np.hstack([np.ones((4, 1)), [[0.02], [-0.02], [0.02], [-0.02]]])
    groups = found(noising)
    assert groups is not None
    assert (groups.state, groups.heads) == ("one", 1)
    nothing = found(np.full((4, 2), 0.01))
    assert nothing is not None
    assert nothing.state == "weak"


def test_groups_that_hang_on_the_partners_alone_do_not_stand():
    """Each text differs from its partner at one of two places: other heads see it, the mechanism is the same."""
    alike = found(TWO, mean=np.array([[1.0, 0.9], [0.9, 1.0], [1.0, 1.0], [0.9, 0.9]]))
    assert alike is not None
    assert (alike.state, alike.separation) == ("one", pytest.approx(1))
    same = found(TWO, mean=TWO)
    assert same is not None
    assert same.state == "several"
    silent = found(TWO, mean=np.zeros((4, 2)))
    assert silent is not None
    assert silent.state == "one"


def test_the_mean_of_the_normal_texts_takes_more_heads_and_a_clearer_cut():
    few = found(TWO, method="mean")
    assert few is not None
    assert (few.state, few.heads, few.fewest) == ("few_heads", 2, 8)
    many = found(np.hstack([TWO] * 4), method="mean")
    assert many is not None
    assert many.state == "several"
    between = np.array([[1.0, 0.4], [0.4, 1.0], [1.0, 0.42], [0.42, 1.0]])
    assert divided(between).count == 1
    apart = np.array([[1.0, 0.3], [0.3, 1.0], [1.0, 0.32], [0.32, 1.0]])
    assert divided(apart).count == 2
    assert divided(apart, BARS["mean"]).count == 1


def test_one_mechanism_is_told_with_what_was_measured():
    groups = found(np.array([[1.0, 0.1], [1.0, 0.2], [1.0, 0.11], [1.0, 0.22]]))
    assert groups is not None
    assert groups.state == "one"
    assert groups.separation is not None
    assert groups.groups == ()


def test_the_table_of_examples_gets_the_numbers():
    groups = TextGroups(state="several", groups=(TextGroup(texts=(2, 0)), TextGroup(texts=(1,))))
    assert numbers_of(groups) == {2: 1, 0: 1, 1: 2}
    table = with_groups(pd.DataFrame({"text": list("abcd")}), groups)
    assert table["mechanism"].tolist()[:3] == [1, 2, 1]
    assert pd.isna(table["mechanism"].iloc[3])
    assert with_groups(table, None)["mechanism"].isna().all()


def test_manifests_without_groups_open():
    manifest = Manifest.model_validate({"model": {"name": "m"}})
    assert manifest.groups is None
    again = Manifest.model_validate_json(manifest.model_copy(update={"groups": found(TWO)}).model_dump_json())
    assert again.groups == found(TWO)


@pytest.mark.slow
def test_two_routes_through_different_heads_are_told_apart_and_one_is_not():
    planted = two_routes.build(seed=3)
    both = [divided(two_routes.effects(planted, ["next", "second"] * 4, seed)).labels for seed in range(8)]
    assert sum(labels.tolist() == [1, 2] * 4 for labels in both) >= 7
    single = [divided(two_routes.effects(planted, ["next"] * 8, seed)).count for seed in range(8)]
    assert single.count(1) >= 7
