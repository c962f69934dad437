"""The chosen heads and MLP blocks in one pass over each compared text: where they look and what they write.

One pass with gradients gives, for every row of the metric:
1. the attention weights of the chosen heads;
2. what each unit adds to the residual stream at the token where the answers part, and the stream there;
3. to first order, what exchanging z at each single position does to the metric: the gradient with respect to z times
   the change of z, as in `core.causal.attribution`, which adds the positions up. Of MLP blocks such a guess says
   little (it hardly correlates with exact effects, Syed 2023), so none is made.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from core.causal.attribution import differentiable_z
from core.causal.metric import Metric, Row, read_rows
from core.causal.patching import Patching
from core.heads import HeadId, MlpId
from core.mechanisms.roles import Role, pattern_scores
from core.model.attention_calls import on_weights
from core.model.attention_weights import MOST_WEIGHTS
from core.model.hooks import after, before
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import final_norm, has_plain_stream, through_norm
from core.model.mlp_outputs import on_mlp
from core.model.next_token import at_least_float
from core.model.recording import Recording
from core.model.tokens.words import TextWord

MOST_KEPT = 2**26
"""Attention weights of all chosen heads of one text that are held; those of longer texts are not read."""


@dataclass
class TextReading:
    """The chosen heads in one text, float32 on the CPU; `end` is the position behind which the answers part.

    `matters` (head, position) is the guessed effect of exchanging z there, in units of the metric. `queries` (head,
    query) are positions whose attention `rows` (head, query, key) is held: the end, and where the guess is largest and
    least; None where there are no weights. `written` (unit, d_model) of heads and MLP blocks, and `stream` (d_model,),
    are those at `end`, None where the stream is no plain sum; a row is NaN where what a block adds is multiplied
    behind. `scores` are what the patterns of the heads tell of roles, empty for a text too long to hold them.
    """

    end: int
    matters: Tensor
    queries: Tensor
    rows: Tensor | None = None
    written: Tensor | None = None
    stream: Tensor | None = None
    scores: Sequence[dict[Role, float | None]] = ()

    def attention(self, head: int, query: int) -> Tensor | None:
        """Weights (key,) of a head at one position; None where they are not held."""
        places = (self.queries[head] == query).nonzero()
        return None if self.rows is None or not len(places) else self.rows[head, int(places[0])]


def end_of(row: Row) -> int:
    """The first position of a row at which an answer is read: where the answers part."""
    return min((read.position for read in row.reads), default=row.start - 1)


def read_texts(
    recording: Recording,
    patching: Patching,
    metric: Metric,
    heads: Sequence[HeadId],
    mlps: Sequence[MlpId],
    words: Sequence[Sequence[TextWord]],
) -> Generator[int, None, list[TextReading]]:
    """Readings of the recorded texts, anomalous first, with these words; yields how many rows are read, one a pass."""
    plain, loaded = metric.recording or recording, recording.loaded
    by_text: dict[int, TextReading] = {}
    matrices = {layer: loaded.output_weights(layer) for layer in {head.layer for head in heads}}
    into_stream = [matrices[head.layer][head.head] for head in heads]
    for number, row in enumerate(metric.rows):
        instead = _instead(plain, patching, metric, number)
        reading = _read(loaded, metric, number, heads, instead, into_stream, mlps, words[row.text])
        if row.text in by_text:
            known = by_text[row.text]
            known.matters[:, : row.start] += reading.matters[:, : row.start]
        else:
            by_text[row.text] = reading
        yield number + 1
    return [by_text[text] for text in range(len(recording.texts))]


def _instead(plain: Recording, patching: Patching, metric: Metric, number: int) -> list[Tensor]:
    """What heads get in the place of their own z in one row, by layer (position, head, d_head)."""
    if patching.method == "resample":
        return plain.z([metric.partner(number)])[0]
    layers = range(plain.loaded.shape.n_layers)
    row = metric.rows[number]
    return [patching.replacements.of_every_head(layer, [row], "mean")[0] for layer in layers]


def _read(
    loaded: LoadedModel,
    metric: Metric,
    number: int,
    heads: Sequence[HeadId],
    instead: Sequence[Tensor],
    into_stream: Sequence[Tensor],
    mlps: Sequence[MlpId],
    words: Sequence[TextWord],
) -> TextReading:
    row = metric.rows[number]
    end, length = end_of(row), len(row.ids)
    layers = sorted({head.layer for head in heads})
    weights: dict[int, Tensor] = {}
    behind: dict[int, Tensor] = {}
    added: dict[int, Tensor] = {}
    streams: list[Tensor] = []
    norm = final_norm(loaded)[1]

    def keep_weights(layer: int, of_layer: Tensor) -> None:
        own = [head.head for head in heads if head.layer == layer]
        weights[layer] = of_layer[0, own].detach().float().cpu()

    with torch.enable_grad(), ExitStack() as stack:
        if length**2 * loaded.shape.n_heads <= MOST_WEIGHTS and len(heads) * length**2 <= MOST_KEPT:
            stack.enter_context(on_weights(loaded, layers, keep_weights))
        for layer in layers:
            if loaded.norm_behind(layer) is not None:
                stack.enter_context(after(loaded.attention(layer), _keeper(behind, layer)))
        for mlp in mlps:
            stack.enter_context(on_mlp(loaded, mlp.layer, _mlp_keeper(added, mlp.layer, end)))
        if norm is not None:
            stack.enter_context(
                before(norm, lambda _module, args, kwargs: _keep_stream(streams, args, kwargs))
            )
        z = stack.enter_context(differentiable_z(loaded))
        total = read_rows(loaded, metric, [number]).sum()
        slopes = torch.autograd.grad(total, z, allow_unused=True)
    by_layer = dict(zip(loaded.layers_with_heads, zip(z, slopes, strict=True), strict=True))
    matters = torch.stack([_matters(*by_layer[head.layer], instead[head.layer], head.head) for head in heads])
    reading = _with_attention(end, matters, weights, heads, row.ids[: row.start], words)
    if norm is not None and streams and has_plain_stream(loaded):
        reading.stream = streams[0][0, end].float().cpu()
        of_mlps = [_added(loaded, mlp, added[mlp.layer]) for mlp in mlps]
        reading.written = torch.stack(
            [
                _written(loaded, head, by_layer[head.layer][0][0, end], matrix, behind.get(head.layer), end)
                for head, matrix in zip(heads, into_stream, strict=True)
            ]
            + of_mlps
        )
    return reading


def _with_attention(
    end: int,
    matters: Tensor,
    weights: dict[int, Tensor],
    heads: Sequence[HeadId],
    ids: Sequence[int],
    words: Sequence[TextWord],
) -> TextReading:
    """A reading with the attention at its queries, and what the patterns of the heads tell of roles."""
    before_end = matters[:, : end + 1]
    queries = torch.stack(
        [torch.full((len(heads),), end), before_end.argmax(dim=-1), before_end.argmin(dim=-1)], dim=1
    )
    if len(weights) < len({head.layer for head in heads}):
        return TextReading(end, matters, queries)
    places: dict[int, int] = {}
    rows, scores = [], []
    marks, spelled = marks_of(words), spellings(words)
    for number, head in enumerate(heads):
        place = places[head.layer] = places.get(head.layer, -1) + 1
        own = weights[head.layer][place]
        rows.append(own[queries[number]])
        scores += pattern_scores(own[None, : len(ids), : len(ids)], ids, marks, spelled)
    return TextReading(end, matters, queries, torch.stack(rows), scores=scores)


def marks_of(words: Sequence[TextWord]) -> list[int]:
    """Tokens of punctuation marks and line breaks."""
    return [
        word.first for word in words if word.kind == "sign" or (word.kind == "space" and "⏎" in word.text)
    ]


def spellings(words: Sequence[TextWord]) -> list[str]:
    """The word of each token without case and spaces."""
    return ["".join(word.text.casefold().split()) for word in words for _ in range(word.first, word.last + 1)]


def _keep_stream(streams: list[Tensor], args: Sequence[Tensor], kwargs: dict[str, Tensor]) -> None:
    streams.append((args[0] if args else kwargs["hidden_states"]).detach())


def _keeper(behind: dict[int, Tensor], layer: int) -> Callable[[Any, Any], Any]:
    def keep(_module: Any, output: Any) -> Any:
        behind[layer] = (output[0] if isinstance(output, tuple) else output)[0].detach().float()
        return output

    return keep


def _mlp_keeper(added: dict[int, Tensor], layer: int, end: int) -> Callable[[Tensor], None]:
    def keep(output: Tensor) -> None:
        added[layer] = output[0, end].detach().float().cpu()

    return keep


def _added(loaded: LoadedModel, mlp: MlpId, output: Tensor) -> Tensor:
    """(d_model,) what a block adds, as it arrives in front of the final norm; NaN where it is multiplied behind."""
    rule = loaded.stream
    if any(value != 1 for value in rule.writes.values()):
        return torch.full_like(output, torch.nan)
    for carried in rule.carries[mlp.layer + 1 :]:
        output = output * carried
    return output


def _matters(z: Tensor, slope: Tensor | None, instead: Tensor, head: int) -> Tensor:
    """(position,) the change of the metric to first order where z of this head is exchanged at a position."""
    here = at_least_float(z.detach())[0, :, head]
    if slope is None:
        return torch.zeros(len(here))
    change = here - instead[: len(here), head].to(here)
    return (at_least_float(slope)[0, :, head] * change).sum(dim=-1).float().cpu()


def _written(
    loaded: LoadedModel, head: HeadId, z: Tensor, matrix: Tensor, behind: Tensor | None, end: int
) -> Tensor:
    """(d_model,) what a head adds to the residual stream at one position, as it arrives in front of the final norm."""
    update = z[head.head].detach().float() @ matrix.to(z.device)
    if behind is not None:
        update = through_norm(loaded.norm_behind(head.layer), update, behind[end])
    return (update * loaded.stream.scale(head.layer, loaded.shape.n_layers)).cpu()
