"""What the unchanged model does on texts: each text is read once, plainly, for every stage that asks.

Kept are z of every head, attention weights between the compared positions, the last hidden state, and the residual
streams (`core.model.partial_forward`). All but the streams go through the disk cache; texts that lack their streams are
read once more when a later stage first starts from one. Where z of all positions would take more than Z_BYTES, memory
holds those of the compared positions alone; the others lie in the disk cache, in blocks of layers, or are read again.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from core.generators import result_of
from core.model._plain_passes import PlainPasses
from core.model.activation_store import ActivationStore
from core.model.attention_weights import AttentionState
from core.model.batching import padded
from core.model.loaded_model import LoadedModel
from core.model.next_token import head_logits
from core.model.prefixes.kept_prefix import Prefix

LOGIT_ROWS = 64
"""Texts whose logits are on the device at a time."""


class Recording:
    """Plain runs of texts given as token ids, which are read when something is first asked for.

    `slots` are the compared positions of those texts that are compared, MEAN for a mean over the text. `attention`
    and `streams` say that attention weights and streams will be asked for, so that the one pass keeps them too.
    `read_at` are the positions of each text whose logits will be asked for, by default its last one alone.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        texts: Sequence[Sequence[int]],
        *,
        store: ActivationStore | None = None,
        slots: Mapping[int, Sequence[int]] | None = None,
        attention: bool = False,
        streams: bool = False,
        read_at: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.loaded = loaded
        self._passes = PlainPasses(loaded, texts, store, slots or {}, attention, streams, read_at)
        self._index = list(range(len(texts)))

    def of(self, texts: Sequence[int]) -> "Recording":
        """The same recording of some of its texts, in this order; nothing is read twice."""
        part = Recording.__new__(Recording)
        part.loaded, part._passes = self.loaded, self._passes
        part._index = [self._index[text] for text in texts]
        return part

    @property
    def texts(self) -> list[Sequence[int]]:
        """Token ids."""
        return [self._passes.texts[i] for i in self._index]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each text."""
        return [len(text) for text in self.texts]

    @property
    def forward_passes(self) -> int:
        """Forward passes made so far, of all texts of the recording."""
        return self._passes.forward_passes + self._passes.prefixes.forward_passes

    @property
    def cached_texts(self) -> int:
        """Texts that the cache knew."""
        return sum(i in self._passes.cached for i in self._index)

    @property
    def attention_state(self) -> AttentionState:
        """Whether there are attention weights, or why there are none."""
        return self._passes.attention_state

    def read(self) -> Generator[int, None, None]:
        """Read what is not known yet; yields how many texts are done after each batch. May be left between batches.

        Raises ModelError for activations that are no finite numbers, naming text and layer.
        """
        return self._passes.read()

    def log_probabilities(self) -> Tensor:
        """Log-probabilities (text, vocabulary) of the token after each text, float32 on the CPU."""
        everything = range(len(self._index))
        parts = [everything[start : start + LOGIT_ROWS] for start in everything[::LOGIT_ROWS]]
        return torch.cat([self.logits(part).float().log_softmax(dim=-1).cpu() for part in parts])

    @torch.no_grad()
    def logits(self, texts: Sequence[int]) -> Tensor:
        """Logits (place, vocabulary) after these texts, or at the positions that each is read at, on the device."""
        kept = [self._known().hidden[self._index[text]] for text in texts]
        hidden = torch.cat([of_text.reshape(-1, of_text.shape[-1]) for of_text in kept])
        return head_logits(self.loaded, hidden.to(self.loaded.device))

    def z(self, texts: Sequence[int]) -> list[list[Tensor]]:
        """z of every head on each of these texts, by layer (position, head, d_head), on the CPU in the numbers
        that the model computes in.

        Layers may differ in their heads and in the width of these; one without heads holds an empty tensor.
        """
        return self._known().whole_z([self._index[text] for text in texts])

    def padded_z(self, texts: Sequence[int], start: int = 0) -> list[Tensor]:
        """The same of all these texts, by layer (text, position, head, d_head), from position `start` on.

        It is 0 behind the end of a text.
        """
        layers = zip(*self.z(texts), strict=True)
        return [padded([own[start:] for own in of_layer]) for of_layer in layers]

    def z_at(self, text: int, positions: Sequence[int]) -> list[Tensor]:
        """z by layer (position, head, d_head) at these positions, which are among the compared ones."""
        return self._known().z_at(self._index[text], positions)

    def attention(self, text: int, positions: Sequence[int]) -> Tensor | None:
        """Attention weights (flat head, query, key) between the compared positions; None where there are none."""
        return self._known().attention_at(self._index[text], positions)

    def mlps(self, texts: Sequence[int]) -> list[dict[int, Tensor]] | None:
        """What MLP blocks add on each of these texts, by layer (position, d_model), on the CPU.

        None where there are no such blocks, or memory does not hold what they add on all texts.
        """
        if not self._passes.mlps.usable:
            return None
        own = [self._index[text] for text in texts]
        self._known().require_mlps(own)
        return [self._passes.mlps.of(text) for text in own]

    def keeps_prefixes(self, widths: Sequence[int]) -> bool:
        """Whether passes over these texts may begin behind their first `widths` tokens; tried once.

        Every position that a text is read at lies behind its width.
        """
        known, texts = self._known(), self.texts
        read = [text for text, own in enumerate(self._index) if known.hidden[own].numel()]
        text = max(read, key=widths.__getitem__, default=None)
        if text is None:
            return False
        own = self._index[text]
        hidden = known.hidden[own].reshape(-1, known.hidden[own].shape[-1])[-1]
        others = [own_text[:width] for own_text, width in zip(texts, widths, strict=True) if width]
        return known.prefixes.hold(texts[text], widths[text], known.last_read(own), hidden, others)

    def prefix(self, texts: Sequence[int], width: int) -> Prefix:
        """What is kept of the first `width` tokens of these texts, one row each."""
        own = self.texts
        return self._passes.prefixes.of([own[text] for text in texts], width)

    def resumed(self, texts: Sequence[int], first: int, start: int = 0) -> AbstractContextManager[None]:
        """Forward passes inside read these texts from layer `first` on, with what lies before as in the plain run.

        They read what lies behind a prefix of `start` tokens.
        """
        if first == 0 or not self._passes.streams.usable:
            return nullcontext()
        self._known().require_streams(self._index)
        return self._passes.streams.resumed([self._index[text] for text in texts], first, start)

    def _known(self) -> "PlainPasses":
        result_of(self._passes.read())
        return self._passes
