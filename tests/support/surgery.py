"""A model run block by block with an explicit residual stream, and what its heads write."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from core.causal import replacements
from core.examples.example_set import Example
from core.heads import EdgeId, HeadId
from core.model.hooks import on_every_z
from core.model.loading import LoadedModel


class Recorded:
    """z of the last forward pass inside `recorded`."""

    def __init__(self):
        self.layers = {}

    @property
    def z(self) -> Tensor:
        """(layer, row, position, head, d_head), float32."""
        return torch.stack([self.layers[layer] for layer in sorted(self.layers)])


@contextmanager
def recorded(loaded: LoadedModel) -> Iterator[Recorded]:
    """Keep z of every head in the forward passes inside the context."""
    kept = Recorded()

    def keep(layer: int, z: Tensor) -> None:
        kept.layers[layer] = z.detach().float()

    with on_every_z(loaded, keep):
        yield kept


def replace_heads(loaded: LoadedModel, heads, values):
    """Put `values(layer)`, which broadcasts to (row, position, head, d_head), in place of z of each row's heads."""

    def of_entries(layer: int, of_rows) -> Tensor:
        whole = values(layer)
        if whole.ndim == 0:
            return whole
        whole = whole.expand(len(of_rows), *whole.shape[1:])
        return torch.cat([row[:, own].transpose(0, 1) for row, own in zip(whole, of_rows, strict=True)])

    return replacements.replace_heads(loaded, heads, of_entries)


def run(loaded: LoadedModel, ids: Tensor) -> Tensor:
    with torch.no_grad():
        return loaded.model(input_ids=ids).logits


def z_of(loaded: LoadedModel, ids: Tensor) -> Tensor:
    with recorded(loaded) as plain:
        run(loaded, ids)
    return plain.z


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


def plain_z(surgery: Surgery, ids: Tensor, head: HeadId) -> Tensor:
    """z (position, d_head) of a head, walking the blocks one by one."""
    kept = {}
    original = surgery.attend

    def attend(layer: int, z: Tensor) -> Tensor:
        kept[layer] = z.clone()
        return original(layer, z)

    surgery.attend = attend
    surgery.run(ids)
    surgery.attend = original
    return kept[head.layer][0, :, head.head]


def plain_run(loaded: LoadedModel, text: list[int], target, value: Tensor | None) -> Tensor:
    """Logits at the last position of one text with the target's z replaced, without this package's hooks."""
    surgery, ids = Surgery(loaded), torch.tensor([text])
    with torch.no_grad():
        if isinstance(target, EdgeId):
            return surgery.run(ids, target, value)[0, -1]
        original = surgery.attend

        def attend(layer: int, z: Tensor) -> Tensor:
            if target is not None and layer == target.layer:
                z = z.clone()
                z[0, :, target.head] = value
            return original(layer, z)

        surgery.attend = attend
        return surgery.run(ids)[0, -1]


def plain_difference(loaded: LoadedModel, logits: Tensor, example: Example) -> float:
    return float(logits[loaded.word_token(example.expected)] - logits[loaded.word_token(example.actual)])


def nothing(layer: int) -> Tensor:
    """What heads write that are ablated by zero."""
    return torch.zeros(())
