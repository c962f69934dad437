"""Measure what is true of real models: `python -m core.benchmark.tasks.real.make_truths MODEL [BEHAVIOUR ...]`.

The rule is that of the bundled models (`core.scenarios.build.make_truth`) but for two things. The metric is that of a
run: expected answer less actual one, all their tokens. Heads below the mark that hide each other are not looked for:
here many weak heads of a layer add up to more than their sum, and half of a small model would be true by effects that
none of its heads has.

Seeds are none of any draw's. A behaviour that the model does not show is refused: fewer than SHOWN of the anomalous
texts followed by the answer claimed, or of the pairs with a gap in the right direction.
"""

import json
import logging
import sys
from collections.abc import Sequence

import torch

from core.benchmark.tasks.real.drawing import Drawing
from core.benchmark.tasks.real.models import MODELS, RealModel, model_folder
from core.model.fingerprint import hash_tensors
from core.model.loaded_model import LoadedModel
from core.model.loading import load_model
from core.scenarios.build.make_truth import (
    EDGE_RULE,
    HEAD_RULE,
    SCREEN,
    SEED,
    gap_of,
    measure_edges,
    measure_heads,
)
from core.scenarios.build.patching import PairPatching
from core.scenarios.build.tasks import TaskPair

log = logging.getLogger(__name__)

SHOWN = 0.9
METRIC = "log p(expected answer) - log p(actual answer), as shares of the gap between the two runs"


def measured(
    loaded: LoadedModel, pairs: Sequence[TaskPair], edges: bool, screened_on: int = 0
) -> dict[str, object]:
    """What stands in a truth file: true heads with the effects of all, and edges where they are wanted.

    `screened_on` pairs are enough for heads far below the mark, where that is not 0.
    """
    patching = PairPatching(loaded, pairs, whole_answers=True)
    shown = patching.shown()
    log.info("shown %s, gap %s", shown, gap_of(patching))
    if min(shown.values()) < SHOWN:
        raise SystemExit(f"the model does not show this behaviour: {shown}")
    few = PairPatching(loaded, pairs[:screened_on], whole_answers=True) if screened_on else None
    heads = measure_heads(loaded, patching, hiding=False, screening=few)
    content = {"gap": gap_of(patching), "shown": shown, **heads}
    rule = HEAD_RULE.format(pairs=len(pairs), metric=METRIC)
    if screened_on:
        rule += f" Heads of less than half that on {screened_on} pairs are not measured on all."
    if not edges:
        return {"rule": rule, **content, "edges": [], "edge_effects": {}}
    screening = PairPatching(loaded, pairs[:SCREEN], whole_answers=True)
    rule = f"{rule} {EDGE_RULE.format(pairs=len(pairs))}"
    return {"rule": rule, **content, **measure_edges(loaded, screening, patching)}


def write_truth(loaded: LoadedModel, model: RealModel, behaviour: str) -> None:
    """Measure one behaviour and write its file."""
    pairs = Drawing(loaded, model.generators[behaviour]).natural(behaviour, model.pairs, SEED)
    content = measured(loaded, pairs, model.edges, model.screened_on)
    content |= {"pairs": len(pairs), "seed": SEED, "model_hash": hash_tensors(loaded.model)}
    file = model.truth_file(behaviour)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(key)}: {_lines(value)}" for key, value in content.items())
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    log.info("%s %s %s", model.name, behaviour, content["heads"])


def _lines(value: object) -> str:
    """JSON with one line for each row of effects."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    rows = (f" {json.dumps(key, ensure_ascii=False)}: {json.dumps(row)}" for key, row in value.items())
    return "{\n" + ",\n".join(rows) + "\n}"


def main() -> None:
    """Write the truths of a model's behaviours, of those named or of all."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    model = next((one for one in MODELS if one.name in sys.argv[1:2]), None)
    folder = model_folder(model.name) if model else None
    if model is None or folder is None:
        raise SystemExit(
            f"name one of {', '.join(one.name for one in MODELS)}, in a folder of HEADLIGHT_REAL_MODELS"
        )
    loaded = load_model(folder, "cpu")
    for behaviour in sys.argv[2:] or model.generators:
        write_truth(loaded, model, behaviour)


if __name__ == "__main__":
    main()
