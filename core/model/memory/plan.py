"""How much memory a model and a run on it need, reckoned from shapes before a weight is read.

1. Weights: parameters times bytes a number, and LOADING of that for what loading and the libraries take beside them.
2. What a run keeps of its texts: z of every head, the residual streams and what MLP blocks add to them, attention
   weights, head outputs.
3. What one stage needs beside that, of which the largest counts, since stages follow each other: a batch of the forward
   pass, gradients, logits, the training of dictionaries.

Every part of 2 and 3 has a bound that the stages keep to (the constants here), so that the sum does not grow with the
number of heads. On the CPU a model is read in float32 where that fits, else in bfloat16; a GPU reads it in the type of
the checkpoint.
"""

from dataclasses import asdict, dataclass
from typing import Protocol

import torch

from core.errors import ModelError
from core.model.memory.available import available_bytes

LOADING = 0.15
"""Memory beside the weights, as a share of them."""

Z_BYTES = 2**31
"""Below this z of every position is kept, so that other positions or a changed neighbour recompute nothing."""

STREAM_BYTES = 2**30
"""Residual streams that a run keeps at most; beyond it every changed run starts at the first layer."""

MLP_BYTES = 2**29
"""Outputs of MLP blocks that a run keeps at most; beyond it they are read again, a few layers at a time."""

ATTENTION_BYTES = 2**28
"""Attention weights that a run keeps at most."""

PREFIX_BYTES = 2**29
"""Keys and values of beginnings of texts that a run keeps at most."""

GRADIENT_BYTES = 2**29
"""Memory that the activations and gradients of one backward pass may take, roughly."""

TRAINING_BYTES = 2**28
"""Memory that the dictionaries of the heads that are trained together may take, with the state of the optimiser."""

BATCH_BYTES = 2**28
"""Memory that the activations of one layer of a forward pass may take, roughly."""

LOGIT_BYTES = 2**26
"""Memory that logits, or rows of the unembedding, may take at a time."""

KEPT_A_LAYER = 20
"""Activations of d_model numbers that a layer keeps for the backward pass, roughly."""

KEPT_IN_PASS = 16
"""Activations of d_model numbers that one layer of a forward pass holds at a time, its MLP among them, roughly."""

COPIES_OF_OUTPUTS = 3
"""Head outputs as read, scaled, and centred or ordered for the training."""

STATES = 3
"""Numbers a parameter in training: itself and Adam's two means."""

BYTES: dict[str, int] = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


class Sizes(Protocol):
    """What of a model's shape the reckoning takes (`core.model.loaded_model.ModelShape`)."""

    @property
    def n_layers(self) -> int:
        """Layers."""

    @property
    def n_heads(self) -> int:
        """Heads a layer, the most of any."""

    @property
    def d_head(self) -> int:
        """Numbers of z of a head."""

    @property
    def d_model(self) -> int:
        """Numbers of the residual stream."""

    @property
    def n_parameters(self) -> int:
        """Parameters."""

    @property
    def vocabulary(self) -> int:
        """Tokens."""

    @property
    def dtype(self) -> str:
        """Type of the checkpoint."""


@dataclass(frozen=True)
class TextSizes:
    """The texts of a run: how many, their tokens together, those of the longest, and the compared positions."""

    texts: int
    tokens: int
    longest: int
    slots: int

    @classmethod
    def of(cls, lengths: list[int], slots: int) -> "TextSizes":
        """Those of texts with so many tokens each."""
        return cls(len(lengths), sum(lengths), max(lengths, default=0), slots)


TYPICAL = TextSizes(texts=16, tokens=3200, longest=200, slots=48)
"""What is assumed before there are texts: 8 and 8 of 200 tokens."""


SHORT = TextSizes(texts=6, tokens=90, longest=15, slots=15)
"""The least that a run reads: 3 and 3 short texts. A model with which not even these fit is refused."""


@dataclass(frozen=True)
class Training:
    """Dictionaries of a run: members a head, latents of each."""

    members: int = 8
    latents: int = 64


@dataclass(frozen=True)
class Parts:
    """Bytes by what they are for; of the last four the largest counts, the others lie there together."""

    weights: int
    loading: int
    z: int
    streams: int
    attention: int
    prefixes: int
    outputs: int
    batch: int
    gradients: int
    logits: int
    training: int

    @property
    def beside_weights(self) -> int:
        """What the run needs beyond weights and loading."""
        kept = self.z + self.streams + self.attention + self.prefixes + self.outputs
        return kept + max(self.batch, self.gradients, self.logits, self.training)

    @property
    def total(self) -> int:
        """All that is needed."""
        return self.weights + self.loading + self.beside_weights


@dataclass(frozen=True)
class MemoryPlan:
    """The chosen type of numbers, what is needed for it, what there is, and whether that suffices.

    `reduced` says that the type is not float32 because that does not fit.
    """

    precision: str
    parts: Parts
    available: int
    reduced: bool = False

    @property
    def needed(self) -> int:
        """Bytes."""
        return self.parts.total

    @property
    def fits(self) -> bool:
        """Whether the model and a run on it fit."""
        return self.needed <= self.available

    def refusal(self, name: str, device: str) -> ModelError:
        """The error that says how much is needed and how much there is."""
        sizes = {"needed": gigabytes(self.needed), "available": gigabytes(self.available)}
        return ModelError("does_not_fit", name=name, device=device, **sizes)

    def record(self) -> dict[str, int | str | bool]:
        """Plain JSON for the model's card."""
        return {
            **asdict(self.parts),
            "precision": self.precision,
            "needed": self.needed,
            "available": self.available,
            "fits": self.fits,
        }


def parts_of(
    shape: Sizes, precision: str, texts: TextSizes = TYPICAL, training: Training | None = None
) -> Parts:
    """Bytes that a model of this shape and a run on these texts need with numbers of this type."""
    width, training = BYTES.get(precision, 4), training or Training()
    heads = shape.n_layers * shape.n_heads
    weights = shape.n_parameters * width
    z = min(Z_BYTES, texts.tokens * heads * shape.d_head * width)
    stream = texts.tokens * shape.n_layers * shape.d_model * width
    streams = min(STREAM_BYTES, stream) + min(MLP_BYTES, stream)
    attention = min(ATTENTION_BYTES, texts.tokens * texts.longest * heads * 2)
    of_texts = texts.texts * texts.slots * heads * shape.d_head * 4
    row = texts.longest * shape.d_model * width
    batch = max(row, min(texts.tokens * shape.d_model * width, BATCH_BYTES // KEPT_IN_PASS)) * KEPT_IN_PASS
    gradients = row * shape.n_layers * KEPT_A_LAYER
    gradients = max(gradients, min(GRADIENT_BYTES, gradients * texts.texts))
    each = training.members * training.latents * 2 * shape.d_head * 4 * STATES
    dictionaries = max(each, min(TRAINING_BYTES, heads * each))
    return Parts(
        weights=weights,
        loading=int(weights * LOADING),
        z=z,
        streams=streams,
        attention=attention,
        prefixes=min(PREFIX_BYTES, 2 * texts.tokens * heads * shape.d_head * width),
        outputs=of_texts * COPIES_OF_OUTPUTS,
        batch=batch,
        gradients=gradients,
        logits=2 * max(LOGIT_BYTES, shape.vocabulary * 4),
        training=dictionaries,
    )


def gigabytes(size: int) -> str:
    """A number of bytes for a person, such as 14.5 GB."""
    return f"{size / 1e9:.1f} GB"


def plan_memory(
    shape: Sizes,
    available: int,
    on_cpu: bool,
    texts: TextSizes = TYPICAL,
    training: Training | None = None,
    precision: str | None = None,
) -> MemoryPlan:
    """The plan for a device with this many free bytes; `precision` is that of a model that is loaded already."""
    choices = ["float32", "bfloat16"] if on_cpu else [shape.dtype]
    plans = [
        MemoryPlan(choice, parts_of(shape, choice, texts, training), available, place > 0)
        for place, choice in enumerate([precision] if precision else choices)
    ]
    return next((plan for plan in plans if plan.fits), plans[-1])


def planned(
    shape: Sizes,
    device: torch.device,
    texts: TextSizes = TYPICAL,
    training: Training | None = None,
    precision: str | None = None,
    held: bool = False,
) -> MemoryPlan:
    """The plan for a device as it is now, with numbers of this type, or of the one that fits.

    `held` says that the model lies there already in that type, so that its weights count among what is free.
    """
    free = available_bytes(device)
    if held:
        free += shape.n_parameters * BYTES.get(precision or "", 4)
    return plan_memory(shape, free, device.type == "cpu", texts, training, precision)
