"""What heads write instead of their own z, against plain module surgery."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.causal.metric import Row
from core.causal.replacements import from_the_end
from core.generators import result_of
from core.heads import HeadId, all_heads
from core.model.loading import LoadedModel
from tests.support.pairs import pairs, patched
from tests.support.surgery import Surgery, nothing, recorded, replace_heads, run, z_of
from tests.support.tiny_models import tiny


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=3)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return torch.randint(4, 64, (2, 7), generator=torch.Generator().manual_seed(5))


def test_surgery_is_the_model(loaded: LoadedModel, tokens: Tensor) -> None:
    torch.testing.assert_close(Surgery(loaded).run(tokens), run(loaded, tokens), rtol=1e-3, atol=1e-4)


def test_recorded_z_times_output_weights_is_the_attention_output(loaded: LoadedModel, tokens: Tensor) -> None:
    seen = {}
    handle = loaded.projection(1).register_forward_hook(
        lambda module, args, output: seen.update(output=output)
    )
    z = z_of(loaded, tokens)
    handle.remove()
    written = torch.einsum("rphd,hde->rpe", z[1], loaded.output_weights(1))
    bias = loaded.projection(1).bias
    torch.testing.assert_close(written + (0 if bias is None else bias), seen["output"], rtol=1e-4, atol=1e-5)


def test_replacing_every_head_moves_a_run_onto_another(loaded: LoadedModel, tokens: Tensor) -> None:
    other = tokens.roll(1, 0)
    every = [all_heads(3, 4)] * 2
    with replace_heads(loaded, every, z_of(loaded, other).__getitem__), recorded(loaded) as recording:
        run(loaded, tokens)
    torch.testing.assert_close(recording.z, z_of(loaded, other))


def test_each_row_has_its_own_heads(loaded: LoadedModel, tokens: Tensor) -> None:
    first, second = HeadId(0, 1), HeadId(2, 3)
    ids = tokens[:1].expand(3, -1)
    with replace_heads(loaded, [[first], [second], []], nothing):
        batched = run(loaded, ids)
    for row, heads in enumerate(([first], [second], [])):
        with replace_heads(loaded, [heads], nothing):
            torch.testing.assert_close(run(loaded, tokens[:1])[0], batched[row], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(batched[2], run(loaded, tokens[:1])[0], rtol=1e-4, atol=1e-5)
    assert (batched[0] - batched[2]).abs().max() > 1e-3


@given(st.integers(1, 9), st.integers(1, 9))
def test_donor_is_counted_from_the_end(length, donor):
    places = from_the_end(length, donor).tolist()
    assert places == [max(0, position + donor - length) for position in range(length)]


@pytest.mark.parametrize("start", [0, 2, 3, 4])
def test_the_mean_of_last_tokens_stands_where_the_answer_begins_and_nowhere_else(start):
    patching, _ = patched(tiny("gpt2", seed=2), pairs(count=2), "mean")
    everywhere, last = (means[1][2] for means in patching.replacements.means)
    row = Row(0, (5, 6, 7, 8, 9), 4, ())  # four tokens of a text and one of an answer
    values = patching.replacements.at(1, [row], [[2]], "mean", start)[0]
    torch.testing.assert_close(values, torch.stack([everywhere] * 3 + [last] + [everywhere])[start:])
    of_mlp = patching.mlp_outputs
    of_mlp.prepare([row], [1], "mean", False)
    everywhere, last = of_mlp.means(1)
    values = of_mlp.at(1, [row], [0], "mean", start)[0]
    torch.testing.assert_close(values, torch.stack([everywhere] * 3 + [last] + [everywhere])[start:])


def test_texts_without_partners_get_a_drawn_text_of_the_other_side():
    loaded = tiny("gpt2", seed=2)
    examples = pairs(count=4, longer=True)
    patching, metric = patched(loaded, [*examples[:4], *examples[5:]], "mean")
    assert {patching.replacements._donor_of[text] for text in range(4)} <= {4, 5, 6}
    assert {patching.replacements._donor_of[text] for text in range(4, 7)} <= {0, 1, 2, 3}
    assert np.isfinite(result_of(patching.measure([all_heads(3, 4)], range(7), metric, "resample"))).all()
