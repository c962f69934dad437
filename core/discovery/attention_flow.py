"""Attention flow: whether what a head writes is read on the way to the answer.

A head may respond strongly at a position where nobody looks afterwards. So its strength at a slot is weighted by how
much of that slot reaches the last token, from which the next word is read, through the attention of later layers:

1. Behind the last layer only the last token counts: flow 1 there, 0 elsewhere.
2. One layer down, a slot keeps its flow (the residual stream) and gains, from every head of the layer above, the
   flow of the slots at which that head writes times the attention it pays to this slot. A head passes on in
   proportion to the length of what it writes, 1 for the longest of all. No slot has a flow above 1, so that early
   layers of deep models are not favoured.
3. A strength counts times the square root of the flow.

The same attention tells which pairs of heads can work together: `links`.

Nothing here knows which text is anomalous, so shuffling labels stays a fair test, and no gradient or intervention takes
part. After attention rollout and flow (Abnar & Zuidema 2020, arXiv 2005.00928) and information flow routes (Ferrando &
Voita 2024, arXiv 2403.00824), on outputs less what all texts share. That the root is taken and links at one position
count OWN_POSITION was chosen on the tuning models of the benchmark.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.discovery.autoencoder import NO_CODE, Codes
from core.discovery.codes import centre, scale
from core.examples.alignment import Alignment
from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT
from core.model.attention_weights import Attention

OWN_POSITION = 0.2
"""What a head can read, beside what it attends to, at the position where it works: its queries come from there."""


@dataclass(frozen=True)
class AttentionFlow:
    """`weights` (slot, head), by which strengths count, and `links` (source, target) of forward pairs, by which joint
    strengths count, None where nothing is known of them; heads are flat, float32.
    """

    weights: Tensor
    links: np.ndarray | None = None

    def weigh(self, codes: Codes) -> Codes:
        """Codes (member, example, slot, head) whose strengths count by the flow of their slot.

        They count by the share of the texts that have the slot too: where some lack it, fewer codes are there to be
        alike, which must not raise a score. The share looks at no label.
        """
        share = (codes.latent != NO_CODE).float().mean(dim=1, keepdim=True)
        return Codes(codes.latent, codes.strength * self.weights * share)


def flow_between(
    outputs: Tensor, attention: Attention, alignment: Alignment, texts: np.ndarray | None = None
) -> AttentionFlow:
    """Attention flow from head outputs (example, slot, head, d_head) of aligned texts; 1 everywhere without attention.

    With `texts`, `outputs` are those of these texts alone, and `alignment` is that of all of them.
    """
    positions = alignment.positions if texts is None else alignment.positions[texts]
    if attention.weights is None:
        return AttentionFlow(torch.ones(outputs.shape[1:3]))
    n_anomalous = alignment.n_anomalous
    if texts is not None:
        n_anomalous = int((texts < n_anomalous).sum())
    return flow_of(scale(centre(outputs, n_anomalous, alignment.paired)), attention.weights, positions)


def flow_of(values: Tensor, attention: Tensor, positions: np.ndarray) -> AttentionFlow:
    """Attention flow from centred and scaled head outputs (example, slot, head, d_head), attention (layer,
    head, slot, slot) and the positions (example, slot) of the slots.
    """
    layers, n_heads, slots, _ = attention.shape
    # Of the texts that have a slot; 0 where none of these texts has it.
    mean = values.norm(dim=-1).double().nanmean(dim=0).nan_to_num()
    lengths = mean.cpu().reshape(slots, layers, n_heads).numpy()
    weights = attention.numpy()
    arrives = (positions == positions[:, -1:]).mean(axis=0)
    flow = flow_through(weights, lengths / max(lengths.max(), 1e-12), arrives, once(positions))
    by_slot = np.sqrt(flow).T.repeat(n_heads, axis=1)
    links = links_of(weights, lengths.reshape(slots, -1), by_slot)
    return AttentionFlow(torch.from_numpy(by_slot).float(), links.astype(np.float32))


def flow_through(
    attention: np.ndarray, lengths: np.ndarray, arrives: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Flow (layer, slot) of what heads of a layer write.

    `attention` (layer, head, query, key), `lengths` (slot, layer, head) of at most 1, `arrives` (slot,) the flow
    behind the last layer, `share` (slot,) by which a query counts.
    """
    flow = np.empty((len(attention), len(arrives)))
    flow[-1] = arrives
    for layer in range(len(attention) - 1, 0, -1):
        writes = (share * flow[layer])[:, None] * lengths[:, layer]
        flow[layer - 1] = np.minimum(1, flow[layer] + np.einsum("qh,hqk->k", writes, attention[layer]))
    return flow


def once(positions: np.ndarray) -> np.ndarray:
    """Share (slot,) by which each slot counts, so that a position that stands in several slots counts once.

    It is the mean over the texts that have the slot.
    """
    same = (positions[:, :, None] == positions[:, None, :]) & (positions > MEAN)[:, :, None]
    present = positions != ABSENT
    share = np.where(present, 1 / np.maximum(same.sum(axis=-1), 1), 0)
    return share.sum(axis=0) / np.maximum(present.sum(axis=0), 1)


def links_of(attention: np.ndarray, lengths: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How well a target can read what a source writes, and is read itself: (source, target), 0 for other pairs.

    The largest, over pairs of slots, geometric mean of the source's length and the target's length times its weight
    times the attention between the two slots. `attention` (layer, head, query, key); `lengths` and `weights`
    (slot, flat head).
    """
    layers, n_heads, slots, _ = attention.shape
    heads = layers * n_heads
    arrives = (lengths * weights).reshape(slots, layers, n_heads)
    own = OWN_POSITION * np.eye(slots)
    read = np.concatenate(
        [
            (arrives[:, layer].T[:, :, None] * np.maximum(reads, own)).max(axis=1)
            for layer, reads in enumerate(attention)
        ]
    )
    strongest = np.zeros((heads, heads))
    for slot in range(slots):
        np.maximum(strongest, np.outer(lengths[slot], read[:, slot]), out=strongest)
    layer = np.arange(heads) // n_heads
    return np.where(layer[:, None] < layer[None, :], np.sqrt(strongest), 0.0)
