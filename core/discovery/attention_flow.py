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
    outputs: Tensor,
    attention: Attention,
    layers: np.ndarray,
    alignment: Alignment,
    texts: np.ndarray | None = None,
) -> AttentionFlow:
    """Attention flow from head outputs (example, slot, head, d_head) of aligned texts; 1 everywhere without attention.

    `layers` (head,) are the layers of the heads. With `texts`, `outputs` are those of these texts alone, and
    `alignment` is that of all of them.
    """
    positions = alignment.positions if texts is None else alignment.positions[texts]
    if attention.weights is None:
        return AttentionFlow(torch.ones(outputs.shape[1:3]))
    n_anomalous = alignment.n_anomalous
    if texts is not None:
        n_anomalous = int((texts < n_anomalous).sum())
    return flow_of(
        scale(centre(outputs, n_anomalous, alignment.paired)), attention.weights, layers, positions
    )


def flow_of(values: Tensor, attention: Tensor, layers: np.ndarray, positions: np.ndarray) -> AttentionFlow:
    """Attention flow from centred and scaled head outputs (example, slot, head, d_head), attention (head, slot,
    slot), the layers (head,) and the positions (example, slot) of the slots.
    """
    # Of the texts that have a slot; 0 where none of these texts has it.
    mean = values.norm(dim=-1).double().nanmean(dim=0).nan_to_num()
    lengths = mean.cpu().numpy()
    weights = attention.numpy()
    arrives = (positions == positions[:, -1:]).mean(axis=0)
    flow = flow_through(weights, lengths / max(lengths.max(), 1e-12), layers, arrives, once(positions))
    by_slot = np.sqrt(flow)
    links = links_of(weights, lengths, by_slot, layers)
    return AttentionFlow(torch.from_numpy(by_slot).float(), links.astype(np.float32))


def flow_through(
    attention: np.ndarray, lengths: np.ndarray, layers: np.ndarray, arrives: np.ndarray, share: np.ndarray
) -> np.ndarray:
    """Flow (slot, head) of what each head writes.

    `attention` (head, query, key), `lengths` (slot, head) of at most 1, `layers` (head,) rising, `arrives` (slot,) the
    flow behind the last layer, `share` (slot,) by which a query counts.
    """
    flow, now = np.empty(lengths.shape), arrives.astype(float)
    for layer in np.unique(layers)[::-1]:
        own = layers == layer
        flow[:, own] = now[:, None]
        writes = (share * now)[:, None] * lengths[:, own]
        now = np.minimum(1, now + np.einsum("qh,hqk->k", writes, attention[own]))
    return flow


def once(positions: np.ndarray) -> np.ndarray:
    """Share (slot,) by which each slot counts, so that a position that stands in several slots counts once.

    It is the mean over the texts that have the slot.
    """
    same = (positions[:, :, None] == positions[:, None, :]) & (positions > MEAN)[:, :, None]
    present = positions != ABSENT
    share = np.where(present, 1 / np.maximum(same.sum(axis=-1), 1), 0)
    return share.sum(axis=0) / np.maximum(present.sum(axis=0), 1)


def links_of(
    attention: np.ndarray, lengths: np.ndarray, weights: np.ndarray, layers: np.ndarray
) -> np.ndarray:
    """How well a target can read what a source writes, and is read itself: (source, target), 0 for other pairs.

    The largest, over pairs of slots, geometric mean of the source's length and the target's length times its weight
    times the attention between the two slots. `attention` (head, query, key); `lengths` and `weights` (slot, head);
    `layers` (head,) rising.
    """
    heads, slots, _ = attention.shape
    arrives = lengths * weights
    own = OWN_POSITION * np.eye(slots)
    read = np.concatenate(
        [
            (arrives[:, layers == layer].T[:, :, None] * np.maximum(attention[layers == layer], own)).max(
                axis=1
            )
            for layer in np.unique(layers)
        ]
    )
    strongest = np.zeros((heads, heads))
    for slot in range(slots):
        np.maximum(strongest, np.outer(lengths[slot], read[:, slot]), out=strongest)
    return np.where(layers[:, None] < layers[None, :], np.sqrt(strongest), 0.0)
