"""Changed runs in batches: every run once, by first position and layer, within the budget of read tokens."""

from hypothesis import given
from hypothesis import strategies as st

from core.causal._batches import Batch, Item, batches_of_runs
from core.model.batching import TOKENS_OF_A_PASS

runs = st.builds(
    lambda target, row, layer, start, more: Item(target, row, layer, start, start + more),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 5),
    st.integers(0, 40),
    st.integers(1, 30),
)


@given(st.lists(runs, max_size=60), st.integers(1, 200), st.integers(1, 9))
def test_every_run_is_in_one_batch_that_begins_early_enough(items, tokens, rows):
    batches = batches_of_runs(items, tokens, 6, rows)
    assert sorted(map(repr, items)) == sorted(repr(item) for batch in batches for item in batch.items)
    for batch in batches:
        assert len(batch.items) <= rows
        assert batch.layer == min(item.layer for item in batch.items)
        assert all(batch.start <= item.start for item in batch.items)
        longest = max(item.length for item in batch.items)
        assert len(batch.items) == 1 or (longest - batch.start) * len(batch.items) <= tokens


def test_runs_that_begin_far_apart_are_kept_apart_and_few_others_join_an_earlier_start():
    far = [Item(target, 0, 0, 200, 205) for target in range(4)]
    near = [Item(target, 1, 0, 10, 20) for target in range(4)]
    joining = [Item(0, 2, 0, 12, 20)]
    batches = batches_of_runs([*far, *joining, *near], 1000, 2)
    assert [(batch.start, len(batch.items)) for batch in batches] == [(10, 5), (200, 4)]


def test_many_runs_do_not_join_an_earlier_start():
    many = [Item(target, 0, 0, 12, 20) for target in range(TOKENS_OF_A_PASS)]
    batches = batches_of_runs([*many, Item(0, 1, 0, 10, 20)], 10_000, 2)
    assert [(batch.start, len(batch.items)) for batch in batches] == [(10, 1), (12, TOKENS_OF_A_PASS)]


def test_runs_that_begin_together_go_by_layer():
    items = [Item(layer, 0, layer, 0, 5) for layer in (3, 1, 2, 0)]
    batches = batches_of_runs(items, 10, 4)
    assert [batch.layer for batch in batches] == [0, 2]
    assert [item.layer for batch in batches for item in batch.items] == [0, 1, 2, 3]


def test_a_layer_far_behind_the_others_has_a_pass_of_its_own_where_its_runs_are_many():
    """40 runs of 5 tokens from layer 9 of 10 on: in one pass with those from layer 0 they would run 9 layers more."""
    early = [Item(target, 0, 0, 0, 5) for target in range(40)]
    late = [Item(target, 1, 9, 0, 5) for target in range(40)]
    assert [batch.layer for batch in batches_of_runs([*late, *early], 1000, 10)] == [0, 9]
    near = [Item(0, 1, 1, 0, 5)]
    assert [batch.layer for batch in batches_of_runs([*early, *near], 1000, 10)] == [0]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_cuts_between_layers_cost_no_more_than_one_pass_and_no_more_than_one_a_layer(layers):
    def cost(batches):
        return sum((6 - batch.layer) * (batch.tokens + TOKENS_OF_A_PASS) for batch in batches)

    items = [Item(number, 0, layer, 0, 5) for number, layer in enumerate(layers)]
    made = cost(batches_of_runs(items, 10_000, 6))
    by_layer = [tuple(item for item in items if item.layer == layer) for layer in set(layers)]
    assert made <= cost([Batch(tuple(items), min(layers), 0)])
    assert made <= cost([Batch(own, own[0].layer, 0) for own in by_layer])
