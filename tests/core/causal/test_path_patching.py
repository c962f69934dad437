"""Path patching against its definition: hold everything, let one head see a change, put what it writes into a plain
run. On a tiny random model of every architecture, so also where a norm stands behind the attention.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM

from core.causal.path_patching import patch_edges
from core.errors import ModelError
from core.heads import EdgeId, HeadId, all_heads, forward_pairs
from core.model.hooks import after
from core.model.loading import LoadedModel
from core.model.logit_attribution import final_norm
from tests.support import every_type
from tests.support.surgery import Surgery, hook_count, nothing, recorded, replace_heads, run, z_of
from tests.support.tiny_models import CONFIGS, config_of, tiny, word_tokenizer

LAYERS, HEADS = 3, 4


MLP_OUTPUTS = ("mlp.c_proj", "mlp.down_proj", "mlp.dense_4h_to_h", "mlp.fc_out", "fc2")


NORM_BEHIND = ("gemma2", "gemma3_text")


@pytest.fixture(params=sorted(CONFIGS), scope="module")
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return tiny(request.param, seed=4)


@pytest.fixture(params=sorted(CONFIGS), scope="module")
def without_mlps(request: pytest.FixtureRequest) -> LoadedModel:
    return silenced(tiny(request.param, seed=4))


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def walked(request):
    return tiny(request.param, seed=3)


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return torch.randint(4, 64, (2, 7), generator=torch.Generator().manual_seed(5))


def mlp_outputs(loaded: LoadedModel) -> list[nn.Module]:
    """The last linear map of every MLP."""
    found = [module for name, module in loaded.model.named_modules() if name.endswith(MLP_OUTPUTS)]
    assert len(found) == LAYERS
    return found


def silenced(loaded: LoadedModel) -> LoadedModel:
    with torch.no_grad():
        for module in mlp_outputs(loaded):
            for parameter in module.parameters():
                parameter.zero_()
    return loaded


def stream_after(loaded: LoadedModel, layer: int, ids: Tensor) -> Tensor:
    """The residual stream (row, position, d_model) behind a layer."""
    kept = {}

    def keep(module: nn.Module, args: tuple, output: Tensor | tuple) -> None:
        kept["stream"] = output if isinstance(output, Tensor) else output[0]

    handle = loaded.layers[layer].register_forward_hook(keep)
    run(loaded, ids)
    handle.remove()
    return kept["stream"]


@contextmanager
def held_mlps(loaded: LoadedModel, ids: Tensor) -> Iterator[None]:
    """Let every MLP write what it writes in the plain run."""
    kept: dict[nn.Module, Tensor] = {}
    modules = mlp_outputs(loaded)

    def keep(module: nn.Module, args: tuple, output: Tensor) -> None:
        kept[module] = output.clone()  # Falcon adds to it in place

    handles = [module.register_forward_hook(keep) for module in modules]
    run(loaded, ids)
    for handle in handles:
        handle.remove()
    with ExitStack() as stack:
        for module in modules:
            stack.enter_context(after(module, lambda module, output: kept[module].clone()))
        yield


def by_definition(loaded: LoadedModel, ids: Tensor, edges: Sequence[EdgeId], values: Tensor) -> Tensor:
    """Logits with edges into one receiver patched: two runs with everything else held, no path patching."""
    senders, receiver = [edge.source for edge in edges], edges[0].target
    plain = z_of(loaded, ids)
    others = [head for head in all_heads(LAYERS, HEADS) if head not in (*senders, receiver)]
    held = replace_heads(loaded, [others], plain.__getitem__)
    with held_mlps(loaded, ids), held, replace_heads(loaded, [senders], values.__getitem__):
        seen = z_of(loaded, ids)
    with replace_heads(loaded, [[receiver]], seen.__getitem__):
        return run(loaded, ids)


SETS = {
    "next layer": [EdgeId(HeadId(0, 1), HeadId(1, 2))],
    "over a layer": [EdgeId(HeadId(0, 3), HeadId(2, 0))],
    "late": [EdgeId(HeadId(1, 0), HeadId(2, 3))],
    "two senders of a layer": [EdgeId(HeadId(1, 1), HeadId(2, 1)), EdgeId(HeadId(1, 2), HeadId(2, 1))],
}


@pytest.mark.parametrize("edges", SETS.values(), ids=SETS)
def test_path_patching_is_its_definition(loaded, tokens, edges):
    values, ids = z_of(loaded, tokens[1:]), tokens[:1]
    with patch_edges(loaded, [edges], values):
        patched = run(loaded, ids)
    expected = by_definition(loaded, ids, edges, values)
    torch.testing.assert_close(patched, expected, rtol=1e-3, atol=1e-4)
    assert (expected - run(loaded, ids)).abs().max() > 1e-3


def test_rows_of_a_batch_have_their_own_edges(loaded, tokens):
    rows = [*SETS.values(), []]
    values, ids = z_of(loaded, tokens[1:]), tokens[:1]
    with patch_edges(loaded, rows, values.expand(-1, len(rows), -1, -1, -1)):
        together = run(loaded, ids.expand(len(rows), -1))
    for row, edges in enumerate(rows):
        with patch_edges(loaded, [edges], values):
            torch.testing.assert_close(run(loaded, ids)[0], together[row], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("senders", [[HeadId(0, 2)], [HeadId(0, 1), HeadId(0, 2)]], ids=["one", "two"])
def test_all_ways_out_of_heads_and_the_direct_one_are_the_heads(without_mlps, tokens, senders):
    """MLPs write nothing, so the edges to all later heads and the way to the logits are all there is."""
    loaded, ids = without_mlps, tokens[:1]
    values = z_of(loaded, tokens[1:])
    with replace_heads(loaded, [senders], values.__getitem__):
        whole, z = run(loaded, ids), z_of(loaded, ids)
        added = stream_after(loaded, 0, ids)
    direct = added - stream_after(loaded, 0, ids)
    later = [head for head in all_heads(LAYERS, HEADS) if head.layer > 0]
    with patch_edges(loaded, [[EdgeId(sender, head) for sender in senders for head in later]], values):
        edges_alone = run(loaded, ids)
        torch.testing.assert_close(z_of(loaded, ids)[1:], z[1:], rtol=1e-3, atol=1e-4)
        handle = final_norm(loaded)[1].register_forward_pre_hook(lambda module, args: (args[0] + direct,))
        with_direct = run(loaded, ids)
        handle.remove()
    torch.testing.assert_close(with_direct, whole, rtol=1e-3, atol=1e-4)
    assert (edges_alone - whole).abs().max() > 1e-3, "the direct way is not part of the edges"


def test_a_receiver_that_is_changed_is_seen_by_later_heads(without_mlps, tokens):
    """a→b alone: what b makes of a runs on to every later head and the logits, a itself does not."""
    loaded, ids = without_mlps, tokens[:1]
    a, b = HeadId(0, 0), HeadId(1, 3)
    values, plain = z_of(loaded, tokens[1:]), z_of(loaded, ids)
    with patch_edges(loaded, [[EdgeId(a, b)]], values), recorded(loaded) as recording:
        patched = run(loaded, ids)
    with replace_heads(loaded, [[b]], recording.z.__getitem__):
        torch.testing.assert_close(run(loaded, ids), patched, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(z_of(loaded, ids)[2], recording.z[2], rtol=1e-4, atol=1e-5)
    same = torch.ones(HEADS, dtype=torch.bool)
    same[b.head] = False
    torch.testing.assert_close(recording.z[1][:, :, same], plain[1][:, :, same])
    assert (recording.z[2] - plain[2]).abs().max() > 1e-4


def test_the_end_of_a_chain_sees_the_given_value_of_its_middle(loaded, tokens):
    """a→b→c: c reads values[b] whether or not b has read a; the other heads see what b made of a."""
    ids = tokens[:1]
    a, b, c = HeadId(0, 0), HeadId(1, 3), HeadId(2, 2)
    values = z_of(loaded, tokens[1:])
    with patch_edges(loaded, [[EdgeId(a, b), EdgeId(b, c)]], values):
        chain = z_of(loaded, ids)
    with patch_edges(loaded, [[EdgeId(a, b)]], values):
        first = z_of(loaded, ids)
    torch.testing.assert_close(chain[1], first[1])
    others = [head for head in range(HEADS) if head != c.head]
    torch.testing.assert_close(chain[2][:, :, others], first[2][:, :, others], rtol=1e-4, atol=1e-5)
    assert (chain[2][:, :, c.head] - first[2][:, :, c.head]).abs().max() > 1e-4


def test_the_end_of_a_chain_is_that_of_its_last_edge_where_no_mlp_runs(without_mlps, tokens):
    loaded, ids = without_mlps, tokens[:1]
    a, b, c = HeadId(0, 0), HeadId(1, 3), HeadId(2, 2)
    values = z_of(loaded, tokens[1:])
    with patch_edges(loaded, [[EdgeId(a, b), EdgeId(b, c)]], values):
        chain = z_of(loaded, ids)
    with patch_edges(loaded, [[EdgeId(b, c)]], values):
        last = z_of(loaded, ids)
    torch.testing.assert_close(chain[2][:, :, c.head], last[2][:, :, c.head], rtol=1e-3, atol=1e-5)
    assert (chain[1] - last[1]).abs().max() > 1e-4


@pytest.mark.parametrize("kind", NORM_BEHIND)
def test_the_norm_behind_attention_changes_what_a_receiver_sees(kind, tokens, monkeypatch):
    """Without the norm the same edge gives other logits: the tests above could tell."""
    loaded, edges = tiny(kind, seed=4), SETS["next layer"]
    values, ids = z_of(loaded, tokens[1:]), tokens[:1]
    with patch_edges(loaded, [edges], values):
        normed = run(loaded, ids)
    monkeypatch.setattr("core.causal.path_patching._Plan._norm_behind", lambda self, layer: None)
    with patch_edges(loaded, [edges], values):
        assert (run(loaded, ids) - normed).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("kind", "setting"),
    [("opt", {"do_layer_norm_before": False}), ("bloom", {"apply_residual_connection_post_layernorm": True})],
)
def test_models_that_normalise_the_stream_itself_are_refused_in_words(kind, setting, tokens):
    config = config_of(kind)
    config.update(setting)
    model = LoadedModel(AutoModelForCausalLM.from_config(config), word_tokenizer(), "tiny")
    values = z_of(model, tokens[1:])
    with pytest.raises(ModelError, match=kind), patch_edges(model, [SETS["next layer"]], values):
        run(model, tokens[:1])


@pytest.mark.parametrize("reads", ["all", "q", "k", "v"])
def test_edge_patches_match_surgery_one_by_one(walked: LoadedModel, tokens: Tensor, reads: str) -> None:
    edges = list(forward_pairs(all_heads(3, 4)))[::5]
    ids = tokens[:1].expand(len(edges), -1)
    values = z_of(walked, tokens[1:]).expand(-1, len(edges), -1, -1, -1)
    with patch_edges(walked, [[edge] for edge in edges], values, reads):  # type: ignore[arg-type]
        batched = run(walked, ids)
    plain = run(walked, tokens[:1])
    largest = 0.0
    for row, edge in enumerate(edges):
        value = values[edge.source.layer, :1, :, edge.source.head]
        expected = Surgery(walked).run(tokens[:1], edge, value, reads)[0]
        torch.testing.assert_close(batched[row], expected, rtol=1e-3, atol=1e-4)
        largest = max(largest, float((expected - plain).abs().max()))
    assert largest > 0.01, "the patches must do something for the comparison to mean anything"


def test_rows_with_several_edges_match_rows_run_alone(walked: LoadedModel, tokens: Tensor) -> None:
    rows = [
        [
            EdgeId(HeadId(0, 0), HeadId(1, 2)),
            EdgeId(HeadId(0, 1), HeadId(1, 3)),
            EdgeId(HeadId(1, 2), HeadId(2, 0)),
        ],
        [EdgeId(HeadId(0, 0), HeadId(2, 2)), EdgeId(HeadId(1, 1), HeadId(2, 2))],
        [],
    ]
    ids = tokens[:1].expand(3, -1)
    values = z_of(walked, tokens[1:]).expand(-1, 3, -1, -1, -1)
    with patch_edges(walked, rows, values):
        batched = run(walked, ids)
    for row, edges in enumerate(rows):
        with patch_edges(walked, [edges], values[:, :1]):
            torch.testing.assert_close(run(walked, tokens[:1])[0], batched[row], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(batched[2], run(walked, tokens[:1])[0], rtol=1e-4, atol=1e-5)


def test_all_ways_out_of_a_head_together_are_the_head(walked: LoadedModel, tokens: Tensor) -> None:
    """Edges to every later head, with the MLPs and the logits shifted by hand, equal replacing the head
    itself.
    """
    sender = HeadId(0, 2)
    values = z_of(walked, tokens[1:])
    with replace_heads(walked, [[sender]], values.__getitem__):
        whole = run(walked, tokens[:1])
    change = values[0, :, :, 2] - z_of(walked, tokens[:1])[0, :, :, 2]
    delta = change @ walked.output_weights(0)[2]
    surgery, kind = Surgery(walked), walked.shape.architecture
    names = {"gpt2": "ln_2", "llama": "post_attention_layernorm", "gpt_neox": "post_attention_layernorm"}
    final = {"gpt2": "ln_f", "llama": "norm", "gpt_neox": "final_layer_norm"}[kind]
    readers = [getattr(block, names[kind]) for block in walked.layers][1 if kind == "gpt_neox" else 0 :]
    readers.append(getattr(walked.model.base_model, final))
    handles = [
        reader.register_forward_pre_hook(lambda module, args: (args[0] + delta,)) for reader in readers
    ]
    edges = [EdgeId(sender, HeadId(layer, head)) for layer in (1, 2) for head in range(4)]
    with patch_edges(walked, [edges], values):
        together = run(walked, tokens[:1])
    for handle in handles:
        handle.remove()
    torch.testing.assert_close(together, whole, rtol=1e-3, atol=1e-4)
    assert (whole - surgery.run(tokens[:1])).abs().max() > 0.01


def test_hooks_are_gone_after_an_exception(walked: LoadedModel, tokens: Tensor) -> None:
    edge = EdgeId(HeadId(0, 0), HeadId(1, 0))
    values, before = z_of(walked, tokens), run(walked, tokens)
    with (
        pytest.raises(KeyboardInterrupt),
        recorded(walked),
        replace_heads(walked, [[HeadId(1, 1)]], nothing),
        patch_edges(walked, [[edge], [edge]], values),
    ):
        assert hook_count(walked) > 0
        raise KeyboardInterrupt
    assert hook_count(walked) == 0
    torch.testing.assert_close(run(walked, tokens), before)


def test_hooks_are_gone_when_the_model_fails_inside(walked: LoadedModel, tokens: Tensor) -> None:
    edge = EdgeId(HeadId(0, 0), HeadId(1, 0))
    values = z_of(walked, tokens)[:, :, :3]
    with pytest.raises(RuntimeError), patch_edges(walked, [[edge], [edge]], values):
        run(walked, tokens)
    assert hook_count(walked) == 0


def test_backward_edges_are_refused(walked: LoadedModel, tokens: Tensor) -> None:
    values = z_of(walked, tokens)
    with (
        pytest.raises(ValueError, match="L1H0→L1H1"),
        patch_edges(walked, [[EdgeId(HeadId(1, 0), HeadId(1, 1))]] * 2, values),
    ):
        run(walked, tokens)


def test_queries_keys_and_values_of_a_type_that_multiplies_by_itself_are_not_told_apart(tokens):
    mpt = LoadedModel(every_type.tiny("mpt"), word_tokenizer(), "tiny")
    values = z_of(mpt, tokens)
    edges = [[EdgeId(HeadId(0, 0), HeadId(1, 1))]] * 2
    with patch_edges(mpt, edges, values):
        run(mpt, tokens)
    with pytest.raises(ModelError, match="mpt"), patch_edges(mpt, edges, values, "k"):
        run(mpt, tokens)
