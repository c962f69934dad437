"""Changed runs in batches: every run once, by first position and layer, within the budget of read tokens."""

from hypothesis import given
from hypothesis import strategies as st

from core.causal._batches import Item, batches_of_runs
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
    batches = batches_of_runs(items, tokens, rows)
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
    batches = batches_of_runs([*far, *joining, *near], tokens=1000)
    assert [(batch.start, len(batch.items)) for batch in batches] == [(10, 5), (200, 4)]


def test_many_runs_do_not_join_an_earlier_start():
    many = [Item(target, 0, 0, 12, 20) for target in range(TOKENS_OF_A_PASS)]
    batches = batches_of_runs([*many, Item(0, 1, 0, 10, 20)], tokens=10_000)
    assert [(batch.start, len(batch.items)) for batch in batches] == [(10, 1), (12, TOKENS_OF_A_PASS)]


def test_runs_that_begin_together_go_by_layer():
    items = [Item(layer, 0, layer, 0, 5) for layer in (3, 1, 2, 0)]
    batches = batches_of_runs(items, tokens=10)
    assert [batch.layer for batch in batches] == [0, 2]
    assert [item.layer for batch in batches for item in batch.items] == [0, 1, 2, 3]
