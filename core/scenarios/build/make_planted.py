"""Build the bundled model `planted` by hand: `python -m core.scenarios.build.make_planted`.

A GPT-2 of 4 layers, 6 heads and d_model 240 whose weights are set, not trained, so its circuit is known:

1. Each of 30 words is a row of a Hadamard matrix of order 16, or its negative: codes of +1 and -1 that are
   orthogonal or opposite. A position is eight pairs of sine and cosine.
2. Two heads of layer 0 look one position back; each copies one half of that word's code into the slot
   `before`.
3. Two heads of layer 2 look where `before` equals the current word's code (induction); each copies one half
   of the word's code from there into the slot `answer`, which alone the unembedding reads.
4. The other 20 heads do unrelated work of the same size: they look at themselves or two to five positions back
   and write where that is, or look at the first position or everywhere and write half a code of the word there,
   into slots of their own, which nothing reads. The MLPs are zero.

So the true heads are the four, and the true edges the four from layer 0 to layer 2.
"""

import json
import logging
import math
from pathlib import Path
from random import Random
from typing import Any

import torch
from scipy.linalg import hadamard
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from core.heads import EdgeId, HeadId, all_heads
from core.model.loading import load_model
from core.scenarios.build.make_truth import write_measured
from core.scenarios.build.tasks import PLANTED, PLANTED_WORDS
from core.scenarios.build.training import save, word_tokenizer
from core.scenarios.loader import FOLDER

N_LAYERS, N_HEADS, D_MODEL, N_POSITIONS = 4, 6, 240, 32
CODE, HALF = 16, 8
PREVIOUS = (HeadId(0, 1), HeadId(0, 4))
INDUCTION = (HeadId(2, 0), HeadId(2, 3))
WORD, POSITION, BEFORE, ANSWER, FREE = 0, 16, 32, 48, 64
_SHARPNESS, _MATCH, _LOGIT = 30.0, 6.0, 8.0
_SPEEDS = torch.linspace(2.5, 0.2, HALF)
RULE = (
    "By construction: two heads of layer 0 copy the two halves of the previous word's code, two heads of "
    "layer 2 find the position whose previous word is the current one and copy its word; no other head's "
    "output is read."
)


def true_edges() -> list[EdgeId]:
    """Each previous-token head feeds each induction head."""
    return [EdgeId(source, target) for source in PREVIOUS for target in INDUCTION]


def blank_model() -> GPT2LMHeadModel:
    """The shape of the planted models, with every weight 0 but the factors of its norms, which are 1."""
    shape = GPT2Config(
        vocab_size=len(PLANTED_WORDS) + 2,
        n_positions=N_POSITIONS,
        n_embd=D_MODEL,
        n_layer=N_LAYERS,
        n_head=N_HEADS,
        n_inner=2,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=1,
    )
    model = GPT2LMHeadModel(shape)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if "ln_" in name and name.endswith("weight") else 0.0)
    return model


def build_model(seed: int = 0) -> GPT2LMHeadModel:
    """The model with every weight set."""
    model = blank_model()
    with torch.no_grad():
        _set_embeddings(model)
        _set_true_heads(model)
        _set_other_heads(model, Random(seed))
    return model


def build_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word."""
    return word_tokenizer(["<unk>", "<pad>", *PLANTED_WORDS], N_POSITIONS)


def _set_embeddings(model: Any) -> None:
    rows = torch.tensor(hadamard(CODE)[1:], dtype=torch.float32)
    codes = torch.cat([rows, -rows])
    angles = torch.arange(N_POSITIONS)[:, None] * _SPEEDS
    waves = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
    model.transformer.wte.weight[2:, WORD : WORD + CODE] = codes
    model.transformer.wpe.weight[:, POSITION : POSITION + 2 * HALF] = waves
    model.lm_head.weight[2:, ANSWER : ANSWER + CODE] = codes * _LOGIT / CODE


def _set_true_heads(model: Any) -> None:
    for half, head in enumerate(PREVIOUS):
        _look_back(model, head, 1)
        _copy(model, head, WORD + half * HALF, BEFORE + half * HALF)
    for half, head in enumerate(INDUCTION):
        query, key = _parts(model, head, 0), _parts(model, head, 1)
        gain = _gain(head.layer, _MATCH, CODE)
        for index in range(CODE):
            query[WORD + index, index] = gain
            key[BEFORE + index, index] = gain
        _copy(model, head, WORD + half * HALF, ANSWER + half * HALF)


def _set_other_heads(model: Any, random: Random) -> None:
    others = [h for h in all_heads(N_LAYERS, N_HEADS) if h not in PREVIOUS + INDUCTION]
    for number, head in enumerate(others):
        look = random.choice(["self", "first", "back", "back", "everywhere"])
        if look == "first":
            _look_first(model, head)
        elif look != "everywhere":
            _look_back(model, head, 0 if look == "self" else random.randint(2, 5))
        source = WORD if look in ("first", "everywhere") else POSITION
        gain = 1.0 if source == WORD else math.sqrt(2)
        _copy(model, head, source + random.choice([0, HALF]), FREE + number * HALF, gain)


def _parts(model: Any, head: HeadId, part: int) -> Tensor:
    """Weights (d_model, d_head) of the queries (0), keys (1) or values (2) of a head, as a view."""
    d_head = D_MODEL // N_HEADS
    start = part * D_MODEL + head.head * d_head
    return model.transformer.h[head.layer].attn.c_attn.weight[:, start : start + d_head]


def _scale(layer: int) -> float:
    """What the norm in front of a layer divides by: the standard deviation of the residual stream there.

    Every head writes a vector of the same length, so that it is nearly the same at all positions.
    """
    written = CODE + HALF + layer * N_HEADS * HALF
    return math.sqrt(written / D_MODEL)


def _gain(layer: int, score: float, match: float) -> float:
    """Weight of queries and keys so that a full match of that squared length has this score."""
    return _scale(layer) * math.sqrt(score * math.sqrt(D_MODEL / N_HEADS) / match)


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


def _look_first(model: Any, head: HeadId) -> None:
    """Match every position with the first: the query is a constant."""
    key = _parts(model, head, 1)
    gain = _gain(head.layer, _SHARPNESS, HALF)
    bias = model.transformer.h[head.layer].attn.c_attn.bias
    for pair in range(HALF):
        key[POSITION + 2 * pair, 2 * pair], key[POSITION + 2 * pair + 1, 2 * pair + 1] = gain, gain
        bias[head.head * (D_MODEL // N_HEADS) + 2 * pair + 1] = gain / _scale(head.layer)


def _copy(model: Any, head: HeadId, source: int, target: int, gain: float = 1.0) -> None:
    """Write half a code from one slot of what the head looks at into another slot.

    A position's half is four pairs of sine and cosine, shorter by the root of two than a word's eight signs.
    """
    d_head = D_MODEL // N_HEADS
    value = _parts(model, head, 2)
    output = model.transformer.h[head.layer].attn.c_proj.weight[head.head * d_head : (head.head + 1) * d_head]
    for index in range(HALF):
        value[source + index, index] = _scale(head.layer)
        output[index, target + index] = gain


def write(folder: Path = FOLDER) -> Path:
    """Save the model and its truth, with the effects measured beside it; returns the truth file."""
    place, file = folder / "models" / "planted", folder / PLANTED / "truth.json"
    save(build_model().half(), build_tokenizer(), place)
    write_measured(load_model(place, "cpu"), PLANTED, file)
    measured = json.loads(file.read_text(encoding="utf-8"))
    known = {
        "rule": RULE,
        "heads": [str(head) for head in PREVIOUS + INDUCTION],
        "edges": [str(edge) for edge in true_edges()],
        "measured_heads": measured["heads"],
        "measured_edges": measured["edges"],
    }
    file.write_text(json.dumps(measured | known, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.info("wrote %s", write())
