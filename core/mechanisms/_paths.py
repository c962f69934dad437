"""The way through each single text: its pieces, what its partner has otherwise, where heads look, measured effects."""

from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from core.causal.verdicts import Findings
from core.examples.alignment import Alignment
from core.examples.example_set import ExampleSet
from core.heads import UnitId
from core.mechanisms._looking import looks
from core.model.recording import Recording
from core.model.tokens.prompts import prompt_of
from core.model.tokens.words import spaced
from core.schema import TextPath


def text_paths(
    recording: Recording,
    examples: ExampleSet,
    alignment: Alignment,
    attention: Sequence[Mapping[str, Tensor | None]],
    findings: Sequence[Findings | None],
    told: set[UnitId],
) -> tuple[TextPath, ...]:
    """The compared texts, anomalous first; `attention` (key,) by text and head, at the place where each is read."""
    loaded, paths = recording.loaded, []
    for text, number in enumerate(alignment.kept):
        example, ids = examples.examples[number], list(recording.texts[number])
        prompt = prompt_of(loaded, examples, example)
        paths.append(
            TextPath(
                example=number + 1,
                label=example.label,
                pieces=tuple(spaced(prompt.text, loaded.pieces_in(prompt.text, ids, prompt.special))),
                differing=differing(ids, recording.texts[alignment.kept[_partner(text, alignment)]])
                if alignment.paired
                else (),
                looks={
                    name: looks(weights[: len(ids)])
                    for name, weights in attention[text].items()
                    if weights is not None
                },
                effects=effects(findings, text, alignment, told),
            )
        )
    return tuple(paths)


def differing(own: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    """The tokens that the other text has otherwise; of texts of different lengths, all between the alike ends."""
    if len(own) == len(other):
        return tuple(i for i, (a, b) in enumerate(zip(own, other, strict=True)) if a != b)
    shorter = min(len(own), len(other))
    start = next((i for i in range(shorter) if own[i] != other[i]), shorter)
    most = shorter - start
    alike = next((i for i in range(most) if own[-1 - i] != other[-1 - i]), most)
    return tuple(range(start, len(own) - alike))


def effects(
    findings: Sequence[Findings | None], text: int, alignment: Alignment, told: set[UnitId]
) -> dict[str, float]:
    """The measured effect of each told unit on one text, as a share of the gap, where it was measured there."""
    count = alignment.n_anomalous
    direction, place = divmod(text, count) if alignment.paired else (int(text >= count), text)
    return {
        str(target): round(float(value), 4)
        for of_kind in findings
        if of_kind is not None and direction < len(of_kind.per_example) and place < count
        for target, value in zip(of_kind.targets, of_kind.per_example[direction][:, place], strict=True)
        if target in told and np.isfinite(value)
    }


def _partner(text: int, alignment: Alignment) -> int:
    return (text + alignment.n_anomalous) % len(alignment.kept)
