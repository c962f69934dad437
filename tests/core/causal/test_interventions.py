"""Interventions against plain module surgery on tiny random models of three architectures."""

import pytest
import torch
from torch import Tensor
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from core.causal.interventions import (
    choose_heads,
    mean_values,
    patch_edges,
    record,
    replace_heads,
    resample_values,
    zero_values,
)
from core.errors import ModelError
from core.heads import EdgeId, HeadId, forward_pairs
from core.model.loading import LoadedModel
from core.scenarios.build.train_tasks import build_tokenizer

VOCABULARY = 40
TOKENIZER: PreTrainedTokenizerFast = build_tokenizer()


def _gpt2() -> GPT2LMHeadModel:
    shape = GPT2Config(vocab_size=VOCABULARY, n_positions=16, n_embd=24, n_layer=3, n_head=4)
    return GPT2LMHeadModel(shape)


def _llama() -> LlamaForCausalLM:
    shape = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
    )
    return LlamaForCausalLM(shape)


def _neox() -> GPTNeoXForCausalLM:
    shape = GPTNeoXConfig(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
    )
    return GPTNeoXForCausalLM(shape)


@pytest.fixture(params=[_gpt2, _llama, _neox], ids=["gpt2", "llama-gqa", "gpt-neox"], scope="module")
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    torch.manual_seed(3)
    model = request.param()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.3)
    return LoadedModel(model, TOKENIZER, "tiny")


@pytest.fixture(scope="module")
def tokens() -> Tensor:
    return torch.randint(VOCABULARY, (2, 7), generator=torch.Generator().manual_seed(5))


def run(loaded: LoadedModel, ids: Tensor) -> Tensor:
    with torch.no_grad():
        return loaded.model(input_ids=ids).logits


def z_of(loaded: LoadedModel, ids: Tensor) -> Tensor:
    with record(loaded) as recording:
        run(loaded, ids)
    return recording.z


def hook_count(loaded: LoadedModel) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) for module in loaded.model.modules()
    )


class Surgery:
    """A block by block re-implementation with explicit residual stream, for one row and sequential or
    parallel MLPs.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self.kind = loaded.shape.architecture

    def embed(self, ids: Tensor) -> Tensor:
        model = self.loaded.model
        x = model.get_input_embeddings()(ids)
        return x + model.transformer.wpe(torch.arange(ids.shape[1])) if self.kind == "gpt2" else x

    def z(self, layer: int, x: Tensor, reads: dict[str, Tensor] | None = None) -> Tensor:
        """z (row, position, head, d_head) with plain softmax attention; `reads` gives q, k, v their own
        residuals.
        """
        reads = reads or {}
        shape = self.loaded.shape
        q, k, v = (self.heads(layer, part, self.loaded.norm(layer)(reads.get(part, x))) for part in "qkv")
        q, k = self.rotate(q), self.rotate(k)
        k, v = (t.repeat_interleave(shape.n_heads // t.shape[1], 1) for t in (k, v))
        scores = q @ k.transpose(-1, -2) / shape.d_head**0.5
        future = torch.ones(scores.shape[-2:]).triu(1).bool()
        return (scores.masked_fill(future, float("-inf")).softmax(-1) @ v).transpose(1, 2)

    def heads(self, layer: int, part: str, normed: Tensor) -> Tensor:
        """(row, head, position, d_head) of q, k or v."""
        attention, d_head = self.loaded.attention(layer), self.loaded.shape.d_head
        index = "qkv".index(part)
        if self.kind == "gpt2":
            flat = attention.c_attn(normed).chunk(3, -1)[index]
        elif self.kind == "llama":
            flat = getattr(attention, f"{part}_proj")(normed)
        else:
            every = attention.query_key_value(normed).unflatten(-1, (-1, 3 * d_head))
            return every.chunk(3, -1)[index].transpose(1, 2)
        return flat.unflatten(-1, (-1, d_head)).transpose(1, 2)

    def rotate(self, t: Tensor) -> Tensor:
        if self.kind == "gpt2":
            return t
        base = self.loaded.model.base_model
        cos, sin = base.rotary_emb(t, torch.arange(t.shape[2])[None])
        width = cos.shape[-1]
        turned, rest = t[..., :width], t[..., width:]
        half = torch.cat([-turned[..., width // 2 :], turned[..., : width // 2]], -1)
        return torch.cat([turned * cos[:, None] + half * sin[:, None], rest], -1)

    def attend(self, layer: int, z: Tensor) -> Tensor:
        return self.loaded.projection(layer)(z.flatten(-2))

    def mlp(self, layer: int, x: Tensor) -> Tensor:
        block = self.loaded.layers[layer]
        norm = block.ln_2 if self.kind == "gpt2" else block.post_attention_layernorm
        return block.mlp(norm(x))

    def logits(self, x: Tensor) -> Tensor:
        model = self.loaded.model
        base = model.base_model
        norm = {"gpt2": "ln_f", "llama": "norm", "gpt_neox": "final_layer_norm"}[self.kind]
        return model.get_output_embeddings()(getattr(base, norm)(x))

    def run(
        self, ids: Tensor, edge: EdgeId | None = None, value: Tensor | None = None, reads: str = "all"
    ) -> Tensor:
        """Logits; with an edge, its sender's z (row, position, d_head) is `value` for the receiver alone."""
        x = self.embed(ids)
        delta = torch.zeros_like(x)
        for layer in range(self.loaded.shape.n_layers):
            z = self.z(layer, x)
            if edge and edge.target.layer == layer:
                parts = "qkv" if reads == "all" else reads
                shifted = self.z(layer, x, dict.fromkeys(parts, x + delta))
                z[:, :, edge.target.head] = shifted[:, :, edge.target.head]
            if edge and edge.source.layer == layer:
                change = value - z[:, :, edge.source.head]
                delta = change @ self.loaded.output_weights(layer)[edge.source.head]
            before = x
            x = x + self.attend(layer, z)
            x = x + self.mlp(layer, before if self.kind == "gpt_neox" else x)
        return self.logits(x)


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
    every = torch.ones(3, 2, 4, dtype=torch.bool)
    with replace_heads(loaded, every, z_of(loaded, other)), record(loaded) as recording:
        run(loaded, tokens)
    torch.testing.assert_close(recording.z, z_of(loaded, other))


def test_each_row_has_its_own_heads(loaded: LoadedModel, tokens: Tensor) -> None:
    first, second = HeadId(0, 1), HeadId(2, 3)
    ids = tokens[:1].expand(3, -1)
    with replace_heads(loaded, choose_heads(loaded, [[first], [second], []]), zero_values(loaded)):
        batched = run(loaded, ids)
    for row, heads in enumerate(([first], [second], [])):
        with replace_heads(loaded, choose_heads(loaded, [heads]), zero_values(loaded)):
            torch.testing.assert_close(run(loaded, tokens[:1])[0], batched[row], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(batched[2], run(loaded, tokens[:1])[0], rtol=1e-4, atol=1e-5)
    assert (batched[0] - batched[2]).abs().max() > 1e-3


def test_mean_and_resample_values() -> None:
    z = torch.tensor([[1.0, 2.0], [3.0, 6.0]]).reshape(1, 2, 2, 1, 1)
    assert mean_values(z).flatten().tolist() == [2.0, 4.0]
    assert mean_values(z, torch.tensor([[1, 1], [1, 0]])).flatten().tolist() == [2.0, 2.0]
    assert resample_values(z, [1, 0]).flatten().tolist() == [3.0, 6.0, 1.0, 2.0]


@pytest.mark.parametrize("reads", ["all", "q", "k", "v"])
def test_edge_patches_match_surgery_one_by_one(loaded: LoadedModel, tokens: Tensor, reads: str) -> None:
    edges = list(forward_pairs(3, 4))[::5]
    ids = tokens[:1].expand(len(edges), -1)
    values = z_of(loaded, tokens[1:]).expand(-1, len(edges), -1, -1, -1)
    with patch_edges(loaded, [[edge] for edge in edges], values, reads):  # type: ignore[arg-type]
        batched = run(loaded, ids)
    plain = run(loaded, tokens[:1])
    largest = 0.0
    for row, edge in enumerate(edges):
        value = values[edge.source.layer, :1, :, edge.source.head]
        expected = Surgery(loaded).run(tokens[:1], edge, value, reads)[0]
        torch.testing.assert_close(batched[row], expected, rtol=1e-3, atol=1e-4)
        largest = max(largest, float((expected - plain).abs().max()))
    assert largest > 0.01, "the patches must do something for the comparison to mean anything"


def test_rows_with_several_edges_match_rows_run_alone(loaded: LoadedModel, tokens: Tensor) -> None:
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
    values = z_of(loaded, tokens[1:]).expand(-1, 3, -1, -1, -1)
    with patch_edges(loaded, rows, values):
        batched = run(loaded, ids)
    for row, edges in enumerate(rows):
        with patch_edges(loaded, [edges], values[:, :1]):
            torch.testing.assert_close(run(loaded, tokens[:1])[0], batched[row], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(batched[2], run(loaded, tokens[:1])[0], rtol=1e-4, atol=1e-5)


def test_all_ways_out_of_a_head_together_are_the_head(loaded: LoadedModel, tokens: Tensor) -> None:
    """Edges to every later head, with the MLPs and the logits shifted by hand, equal replacing the head
    itself.
    """
    sender = HeadId(0, 2)
    values = z_of(loaded, tokens[1:])
    with replace_heads(loaded, choose_heads(loaded, [[sender]]), values):
        whole = run(loaded, tokens[:1])
    change = values[0, :, :, 2] - z_of(loaded, tokens[:1])[0, :, :, 2]
    delta = change @ loaded.output_weights(0)[2]
    surgery, kind = Surgery(loaded), loaded.shape.architecture
    names = {"gpt2": "ln_2", "llama": "post_attention_layernorm", "gpt_neox": "post_attention_layernorm"}
    final = {"gpt2": "ln_f", "llama": "norm", "gpt_neox": "final_layer_norm"}[kind]
    readers = [getattr(block, names[kind]) for block in loaded.layers][1 if kind == "gpt_neox" else 0 :]
    readers.append(getattr(loaded.model.base_model, final))
    handles = [
        reader.register_forward_pre_hook(lambda module, args: (args[0] + delta,)) for reader in readers
    ]
    edges = [EdgeId(sender, HeadId(layer, head)) for layer in (1, 2) for head in range(4)]
    with patch_edges(loaded, [edges], values):
        together = run(loaded, tokens[:1])
    for handle in handles:
        handle.remove()
    torch.testing.assert_close(together, whole, rtol=1e-3, atol=1e-4)
    assert (whole - surgery.run(tokens[:1])).abs().max() > 0.01


def test_hooks_are_gone_after_an_exception(loaded: LoadedModel, tokens: Tensor) -> None:
    edge = EdgeId(HeadId(0, 0), HeadId(1, 0))
    values, before = z_of(loaded, tokens), run(loaded, tokens)
    with (
        pytest.raises(KeyboardInterrupt),
        record(loaded),
        replace_heads(loaded, choose_heads(loaded, [[HeadId(1, 1)]]), zero_values(loaded)),
        patch_edges(loaded, [[edge], [edge]], values),
    ):
        assert hook_count(loaded) > 0
        raise KeyboardInterrupt
    assert hook_count(loaded) == 0
    torch.testing.assert_close(run(loaded, tokens), before)


def test_hooks_are_gone_when_the_model_fails_inside(loaded: LoadedModel, tokens: Tensor) -> None:
    edge = EdgeId(HeadId(0, 0), HeadId(1, 0))
    values = z_of(loaded, tokens)[:, :, :3]
    with pytest.raises(RuntimeError), patch_edges(loaded, [[edge], [edge]], values):
        run(loaded, tokens)
    assert hook_count(loaded) == 0


def test_backward_edges_are_refused(loaded: LoadedModel, tokens: Tensor) -> None:
    values = z_of(loaded, tokens)
    with (
        pytest.raises(ValueError, match="L1H0→L1H1"),
        patch_edges(loaded, [[EdgeId(HeadId(1, 0), HeadId(1, 1))]] * 2, values),
    ):
        run(loaded, tokens)


def test_reads_need_a_known_layout(tokens: Tensor) -> None:
    from transformers import Phi3Config, Phi3ForCausalLM

    shape = Phi3Config(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        pad_token_id=0,
    )
    phi = LoadedModel(Phi3ForCausalLM(shape), TOKENIZER, "tiny")
    values = z_of(phi, tokens)
    edges = [[EdgeId(HeadId(0, 0), HeadId(1, 1))]] * 2
    with patch_edges(phi, edges, values):
        run(phi, tokens)
    with pytest.raises(ModelError, match="phi3"), patch_edges(phi, edges, values, "k"):
        run(phi, tokens)
