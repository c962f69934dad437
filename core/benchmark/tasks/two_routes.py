"""A model in which one wrong answer comes about in two ways, through different heads; its weights are set by hand.

A GPT-2 of 4 layers, 6 heads and d_model 240. A text is a row of fillers among which answers stand; its last word is a
filler. Where that filler stood before, the model says the answer behind it:

1. Route `next`: two heads of layer 0 look one position back and copy the code of that word; two heads of layer 2 look
   where this code equals the current word, and write the answer there. So "… w X … w" gives X.
2. Route `second`: the same two positions back. So "… w v X … w" gives X, where v is a filler.
3. Two heads of layer 3 carry what either route wrote to where the unembedding reads it.
4. The other heads do unrelated work of the same size, as in the bundled model `planted`.

The heads of the routes are drawn from the seed, and every weight gets a little noise. Both kinds of texts are drawn
from the same words, and the answer is one word in all texts of a draw, so that no single word tells the routes apart.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import numpy as np
import torch
from scipy.linalg import hadamard
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from core.causal.metric import metric_on
from core.causal.patching import Patching
from core.examples.alignment import align
from core.examples.example_set import Example, ExampleSet
from core.generators import result_of
from core.heads import HeadId, all_heads
from core.model.loaded_model import LoadedModel
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from core.scenarios.build.make_planted import D_MODEL, N_HEADS, N_LAYERS, N_POSITIONS, blank_model
from core.scenarios.build.tasks import PLANTED_WORDS
from core.scenarios.build.training import word_tokenizer

Route = Literal["next", "second"]
ROUTES: tuple[Route, Route] = ("next", "second")
D_HEAD = D_MODEL // N_HEADS
CODE, HALF = 16, 8
FILLER, ANSWER, POSITION, BEFORE, SECOND, WRITTEN, SAID, FREE = 0, 16, 32, 48, 64, 80, 96, 112
FILLERS, ANSWERS = PLANTED_WORDS[:20], PLANTED_WORDS[20:30]
LENGTH, ANSWERS_A_TEXT = 16, 3
_SHARPNESS, _MATCH, _LOGIT = 30.0, 6.0, 8.0
_SPEEDS = torch.linspace(2.5, 0.2, HALF)


@dataclass(frozen=True)
class TwoRoutes:
    """The model, and the heads that each route alone needs."""

    loaded: LoadedModel
    heads: dict[Route, frozenset[HeadId]]
    shared: frozenset[HeadId]


def build(seed: int = 0, noise: float = 0.02) -> TwoRoutes:
    """The model of this seed; `noise` is the standard deviation of what is added to every weight of its heads."""
    random = Random(f"two routes {seed}")
    first, third = (random.sample(range(N_HEADS), 4) for _ in range(2))
    carrying = [HeadId(3, head) for head in random.sample(range(N_HEADS), 2)]
    torch_random = torch.Generator().manual_seed(seed)
    model = blank_model()
    with torch.no_grad():
        _set_embeddings(model)
        of_route: dict[Route, frozenset[HeadId]] = {}
        for number, (route, slot) in enumerate(zip(ROUTES, (BEFORE, SECOND), strict=True)):
            looking = [HeadId(0, head) for head in first[2 * number : 2 * number + 2]]
            reading = [HeadId(2, head) for head in third[2 * number : 2 * number + 2]]
            _set_route(model, looking, reading, slot, distance=number + 1)
            of_route[route] = frozenset(looking + reading)
        for half, head in enumerate(carrying):
            _look_back(model, head, 0)
            _copy(model, head, WRITTEN + half * HALF, SAID + half * HALF)
        known = {*of_route["next"], *of_route["second"], *carrying}
        _set_other_heads(model, random, known)
        for name, weight in model.named_parameters():
            if ".attn." in name and name.endswith("weight"):
                weight.add_(noise * torch.randn(weight.shape, generator=torch_random))
    loaded = LoadedModel(model, _tokenizer(), f"two-routes-{seed}")
    return TwoRoutes(loaded, of_route, frozenset(carrying))


def texts(routes: list[Route], seed: int) -> ExampleSet:
    """An anomalous text of each of these routes, and behind them their normal partners, in which another
    filler stands where the last word stood before.

    `expected` is another answer that stands in the text, `actual` what the model says on the anomalous one.
    """
    random = Random(f"texts {seed}")
    said = random.choice(ANSWERS)
    rows = [_pair(random, route, said) for route in routes]
    examples = [
        Example(label=label, text=" ".join(words), pair=str(number), expected=other, actual=said)
        for label in ("anomalous", "normal")
        for number, (anomalous, normal, other) in enumerate(rows, start=1)
        for words in [anomalous if label == "anomalous" else normal]
    ]
    return ExampleSet(examples=tuple(examples))


def _pair(random: Random, route: Route, said: str) -> tuple[list[str], list[str], str]:
    """Words of an anomalous text and of its partner, and an answer that stands in both without being said."""
    *words, cue, new = random.sample(FILLERS, LENGTH - 1)
    others = random.sample([answer for answer in ANSWERS if answer != said], ANSWERS_A_TEXT - 1)
    place = random.randrange(1, 7)
    words[place] = cue
    words[place + 1 + ROUTES.index(route)] = said
    free = [i for i in range(len(words)) if not place <= i <= place + 2]
    for at, other in zip(random.sample(free, len(others)), others, strict=True):
        words[at] = other
    anomalous, normal = [*words, cue], [*words, cue]
    normal[place] = new
    return anomalous, normal, others[0]


def _tokenizer() -> PreTrainedTokenizerFast:
    return word_tokenizer(["<unk>", "<pad>", *PLANTED_WORDS], N_POSITIONS)


def _set_embeddings(model: Any) -> None:
    rows = torch.tensor(hadamard(CODE)[1:], dtype=torch.float32)
    codes = torch.cat([rows, -rows])
    angles = torch.arange(N_POSITIONS)[:, None] * _SPEEDS
    waves = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
    word, said = model.transformer.wte.weight[2:], model.lm_head.weight[2:]
    fillers, answers = slice(0, len(FILLERS)), slice(len(FILLERS), len(FILLERS) + len(ANSWERS))
    word[fillers, FILLER : FILLER + CODE] = codes[: len(FILLERS)]
    word[answers, ANSWER : ANSWER + CODE] = codes[: len(ANSWERS)]
    said[answers, SAID : SAID + CODE] = codes[: len(ANSWERS)] * _LOGIT / CODE
    model.transformer.wpe.weight[:, POSITION : POSITION + 2 * HALF] = waves


def _set_route(model: Any, looking: list[HeadId], reading: list[HeadId], slot: int, distance: int) -> None:
    """Heads that copy the word so far back into a slot, and heads that look where the slot equals the current word."""
    for half, head in enumerate(looking):
        _look_back(model, head, distance)
        _copy(model, head, FILLER + half * HALF, slot + half * HALF)
    for half, head in enumerate(reading):
        query, key = _parts(model, head, 0), _parts(model, head, 1)
        gain = _gain(head.layer, _MATCH, CODE)
        for index in range(CODE):
            query[FILLER + index, index] = gain
            key[slot + index, index] = gain
        _copy(model, head, ANSWER + half * HALF, WRITTEN + half * HALF)


def _set_other_heads(model: Any, random: Random, known: set[HeadId]) -> None:
    number = 0
    for layer in range(N_LAYERS):
        for index in range(N_HEADS):
            head = HeadId(layer, index)
            if head in known:
                continue
            look = random.choice(["self", "back", "back", "everywhere"])
            if look != "everywhere":
                _look_back(model, head, 0 if look == "self" else random.randint(3, 5))
            source = random.choice([FILLER, ANSWER]) if look == "everywhere" else POSITION
            gain = 1.0 if look == "everywhere" else math.sqrt(2)
            _copy(model, head, source + random.choice([0, HALF]), FREE + number * HALF, gain)
            number += 1


def _parts(model: Any, head: HeadId, part: int) -> Tensor:
    """Weights (d_model, d_head) of the queries (0), keys (1) or values (2) of a head, as a view."""
    start = part * D_MODEL + head.head * D_HEAD
    return model.transformer.h[head.layer].attn.c_attn.weight[:, start : start + D_HEAD]


def _scale(layer: int) -> float:
    """What the norm in front of a layer divides by, nearly: the standard deviation of the residual stream there."""
    return math.sqrt((CODE + HALF + layer * N_HEADS * HALF) / D_MODEL)


def _gain(layer: int, score: float, match: float) -> float:
    """Weight of queries and keys so that a full match of that squared length has this score."""
    return _scale(layer) * math.sqrt(score * math.sqrt(D_HEAD) / match)


def _look_back(model: Any, head: HeadId, distance: int) -> None:
    """Match position i with position i - distance."""
    query, key = _parts(model, head, 0), _parts(model, head, 1)
    gain = _gain(head.layer, _SHARPNESS, HALF)
    for pair, speed in enumerate(_SPEEDS.tolist()):
        sine, cosine = POSITION + 2 * pair, POSITION + 2 * pair + 1
        turn_sine, turn_cosine = gain * math.sin(speed * distance), gain * math.cos(speed * distance)
        query[sine, 2 * pair], query[cosine, 2 * pair] = turn_cosine, -turn_sine
        query[sine, 2 * pair + 1], query[cosine, 2 * pair + 1] = turn_sine, turn_cosine
        key[sine, 2 * pair], key[cosine, 2 * pair + 1] = gain, gain


def _copy(model: Any, head: HeadId, source: int, target: int, gain: float = 1.0) -> None:
    """Write half a code from one slot of what the head looks at into another slot."""
    value = _parts(model, head, 2)
    output = model.transformer.h[head.layer].attn.c_proj.weight[head.head * D_HEAD : (head.head + 1) * D_HEAD]
    for index in range(HALF):
        value[source + index, index] = _scale(head.layer)
        output[index, target + index] = gain


def effects(planted: TwoRoutes, routes: list[Route], seed: int) -> np.ndarray:
    """Effects (text, head) of all heads on texts of these routes: the partner's value put into the anomalous texts."""
    examples = texts(routes, seed)
    ids = tokenise(planted.loaded, examples)
    alignment = align(examples, ids)
    recording = Recording(planted.loaded, ids, streams=True)
    metric = metric_on(recording, examples, alignment, 0)
    heads = all_heads(N_LAYERS, N_HEADS)
    patching = Patching(recording.of(alignment.kept), alignment.n_anomalous, alignment.paired)
    noising: np.ndarray = result_of(patching.effects(heads, metric))[0]
    return noising.T
