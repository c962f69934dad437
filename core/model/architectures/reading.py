"""Where a model keeps its attention heads, read off one short pass (`core.model.architectures.watching`).

1. The blocks are the outermost list of modules that the attention modules lie in.
2. The output projection is the last linear map below the attention module, called after attention was computed,
   whose input has one number for each head and coordinate. Its input is z, so gates and norms in front of it count.
3. The norm in front made the tensor that the attention module read; the norm behind reads what the projection made,
   and nothing else, before the block ends.
4. The final norm reads what the last block returned.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.heads import HeadId
from core.model.architectures.watching import N_TOKENS, AttentionCall, Call, Trace, watch
from core.model.memory import is_out_of_memory, running_device

FAILURES = (
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    KeyError,
    NotImplementedError,
    AssertionError,
)
"""What the code of a model raises that cannot be run as it is."""


@dataclass(frozen=True)
class HeadsOfLayer:
    """The attention of one block. Modules are paths below the model, "" where there is none.

    `plain_input` says that the attention reads the residual stream through `norm` alone, or directly where that is "".
    `by_interface` says that its queries, keys and values go through transformers' attention interface.
    """

    layer: int
    attention: str
    projection: str
    n_heads: int
    d_head: int
    norm: str = ""
    norm_behind: str = ""
    plain_input: bool = True
    by_interface: bool = True


@dataclass(frozen=True)
class Reading:
    """The blocks of a model, by their path, and those of them that have attention heads, from the first on."""

    blocks: str
    n_blocks: int
    layers: tuple[HeadsOfLayer, ...]
    final_norm: str
    d_model: int

    @property
    def heads(self) -> tuple[HeadId, ...]:
        """Every head, layer by layer: the order of every flat head axis."""
        return tuple(HeadId(of.layer, head) for of in self.layers for head in range(of.n_heads))


def read_heads(model: Any, name: str) -> Reading:
    """Read a model's heads in one short pass; raises ModelError with what was found where it has none to read.

    A model on the meta device is read as well: blocks whose other parts need numbers are passed over.
    """
    blocks, ids = _candidate_blocks(model) if _is_meta(model) else [], probe_ids(model)
    failure = ""
    for interface in (True, False):
        try:
            trace = watch(model, ids, blocks, interface)
        except FAILURES as error:
            if is_out_of_memory(error):
                raise
            failure = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            continue
        if trace.attention or not interface:
            return _Reader(model, trace, name).reading()
    raise ModelError("no_short_pass", name=name, architecture=model.config.model_type, detail=failure)


def probe_ids(model: Any, length: int = N_TOKENS, shift: int = 0) -> Tensor:
    """Token ids (1, length) from the middle of the vocabulary that mark no images, sounds, beginnings or ends."""
    config = model.config
    marks = {
        value
        for part in (config, config.get_text_config())
        for key, value in vars(part).items()
        if key.endswith(("_token_id", "_token_index", "_id")) and isinstance(value, int)
    }
    embeddings = model.get_input_embeddings()
    size = int(getattr(embeddings, "num_embeddings", 0) or config.get_text_config().vocab_size)
    usual = [token for token in range(size // 3, size) if token not in marks] or list(range(size))
    chosen = [usual[(17 * place + 5 * shift) % len(usual)] for place in range(length)]
    return torch.tensor([chosen], device=running_device(embeddings))


def linear_widths(module: Any) -> tuple[int, int] | None:
    """Numbers in and out of a linear map, also of transformers' transposed Conv1D; None for other modules."""
    weight = getattr(module, "weight", None)
    if weight is None or isinstance(module, nn.Embedding) or getattr(weight, "ndim", 0) != 2:
        return None
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    return (weight.shape[0], weight.shape[1]) if type(module).__name__ == "Conv1D" else None


def _is_meta(model: Any) -> bool:
    return running_device(model.get_input_embeddings()).type == "meta"


def _candidate_blocks(model: nn.Module) -> list[nn.Module]:
    """The members of every outermost list of modules."""
    lists: list[str] = []
    blocks: list[nn.Module] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in lists)
        if isinstance(module, nn.ModuleList) and not inside:
            lists.append(name)
            blocks.extend(module)
    return blocks


class _Reader:
    def __init__(self, model: Any, trace: Trace, name: str) -> None:
        self._model, self._trace, self._name = model, trace, name
        self._modules: dict[str, Any] = dict(model.named_modules())

    def reading(self) -> Reading:
        """The reading, or the refusal that the trace gives reason for."""
        if not self._trace.attention and self._trace.added:
            raise self._refusal("positions_added", count=self._trace.added)
        if not self._trace.attention:
            raise self._refusal("no_heads")
        blocks = self._blocks()
        inside = f"{blocks}."
        by_layer: dict[int, list[AttentionCall]] = {}
        for call in self._trace.attention:
            if call.name.startswith(inside):
                by_layer.setdefault(int(call.name[len(inside) :].split(".")[0]), []).append(call)
        layers = tuple(self._layer(blocks, layer, by_layer[layer]) for layer in sorted(by_layer))
        last = self._calls_of(f"{blocks}.{len(self._modules[blocks]) - 1}")[-1]
        return Reading(
            blocks=blocks,
            n_blocks=len(self._modules[blocks]),
            layers=layers,
            final_norm=self._final_norm(last, inside),
            # what the heads write, also where the layers hand on several streams side by side
            d_model=(linear_widths(self._modules[layers[0].projection]) or (0, 0))[1],
        )

    def _blocks(self) -> str:
        """The outermost list of modules that the attention modules lie in."""
        lists: dict[str, int] = {}
        for call in self._trace.attention:
            parts = call.name.split(".")
            paths = (".".join(parts[:end]) for end in range(1, len(parts)))
            outer = next((path for path in paths if isinstance(self._modules[path], nn.ModuleList)), None)
            if outer is not None:
                lists[outer] = lists.get(outer, 0) + 1
        if not lists:
            raise self._refusal("no_blocks")
        if len(lists) > 1:
            raise self._refusal("several_stacks", count=len(lists), modules=", ".join(lists))
        return next(iter(lists))

    def _layer(self, blocks: str, layer: int, calls: list[AttentionCall]) -> HeadsOfLayer:
        block = f"{blocks}.{layer}"
        of_block = self._calls_of(block)
        if len(of_block) != 1:
            raise self._refusal("layers_run_again", layer=layer, count=len(of_block))
        if any(call.by_interface for call in calls):
            calls = [call for call in calls if call.by_interface]
        if len(calls) > 1:
            raise self._refusal("several_attentions", layer=layer)
        seen = calls[-1]
        projection, d_head = self._projection(block, seen)
        if len(self._calls_of(projection.name)) > 1:
            raise self._refusal("several_attentions", layer=layer)
        holder = self._attention_module(block, seen, projection)
        norm, plain_input = self._norm_in_front(of_block[0], holder)
        return HeadsOfLayer(
            layer=layer,
            attention=holder.name,
            projection=projection.name,
            n_heads=seen.n_heads,
            d_head=d_head,
            norm=norm,
            norm_behind=self._norm_behind(of_block[0], holder, projection),
            plain_input=plain_input,
            by_interface=seen.by_interface,
        )

    def _projection(self, block: str, seen: AttentionCall) -> tuple[Call, int]:
        """The output projection behind a computation of attention, and the size of its heads."""
        # streams of several lanes: as wide as what the attention reads; what it reads twice over: as the stream
        scope, readers = seen.name, (self._calls_of(seen.name)[0], self._calls_of(block)[0])
        allowed = {call.inputs[0].shape[-1] for call in readers}
        while True:
            for call in reversed(self._trace.calls):
                widths = linear_widths(call.module)
                if call.began < seen.at or widths is None or not call.name.startswith(f"{scope}."):
                    continue
                fits = (
                    widths[0] == seen.n_heads * seen.d_head if seen.d_head else widths[0] % seen.n_heads == 0
                )
                if fits and widths[1] in allowed and call.inputs and call.inputs[0].shape[-1] == widths[0]:
                    return call, widths[0] // seen.n_heads
            scope = scope.rpartition(".")[0]
            if len(scope) <= len(block):
                raise self._refusal("no_projection", module=seen.name)

    def _attention_module(self, block: str, seen: AttentionCall, projection: Call) -> Call:
        """The call of the module that computes attention and holds its projection."""
        name = seen.name
        while not projection.name.startswith(f"{name}."):
            name = name.rpartition(".")[0]
        return next(c for c in self._calls_of(name) if c.began < seen.at)

    def _norm_in_front(self, block: Call, attention: Call) -> tuple[str, bool]:
        """The norm whose output the attention reads, "" for none; and whether its input is the residual stream."""
        if not attention.inputs or not block.inputs:
            return "", False
        read, stream = attention.inputs[0], block.inputs[0]
        if read is stream:
            return "", True
        made = [
            call
            for call in self._inside(block)
            if call.ended < attention.began and any(out is read for out in call.outputs)
        ]
        if not made:
            return "", False
        return made[0].name, bool(made[0].inputs) and made[0].inputs[0] is stream

    def _norm_behind(self, block: Call, attention: Call, projection: Call) -> str:
        """The module that reads what the attention writes before it is added to the stream."""
        written = projection.outputs[:1]
        if not any(attention.outputs[:1][0] is part for part in written if attention.outputs):
            return ""
        for call in self._inside(block):
            passes_on = isinstance(call.module, nn.Dropout | nn.Identity)
            if call.began < projection.ended or passes_on or not call.inputs:
                continue
            holds = attention.name == call.name or attention.name.startswith(f"{call.name}.")
            if not holds and any(call.inputs[0] is part for part in written):
                return call.name
        return ""

    def _final_norm(self, last: Call, inside: str) -> str:
        for call in self._trace.calls:
            behind = call.began > last.ended and not call.name.startswith(inside)
            if behind and call.inputs and any(call.inputs[0] is out for out in last.outputs[:1]):
                return call.name
        return ""

    def _calls_of(self, name: str) -> list[Call]:
        return [call for call in self._trace.calls if call.name == name and call.ended >= 0]

    def _inside(self, block: Call) -> list[Call]:
        """Finished calls inside a block's call, the block itself not."""
        return [c for c in self._trace.calls if block.began < c.began and 0 <= c.ended < block.ended]

    def _refusal(self, key: str, **values: Any) -> ModelError:
        failed = next(iter(self._trace.failures.values()), "")
        detail = f" ({' '.join(failed.split())[:120]})" if failed else ""
        kind = self._model.config.model_type
        return ModelError(key, name=self._name, architecture=kind, detail=detail, **values)
