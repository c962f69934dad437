"""Measure the true circuit of bundled scenarios: `python -m core.scenarios.build.make_truth [NAME ...]`.

The rule is `RULE`, written into every truth file. The pairs are fresh: their seed is none of the
training's or the examples'.
"""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from core.heads import EdgeId, HeadId, forward_pairs
from core.model.loaded_model import LoadedModel
from core.model.loading import load_model
from core.scenarios.build import tickets
from core.scenarios.build.patching import PairPatching
from core.scenarios.build.tasks import PLANTED, TaskPair, pairs
from core.scenarios.loader import FOLDER, Effect, load_scenario, scenario_names

log = logging.getLogger(__name__)
SEED, PAIRS, SCREEN = 777_001, 200, 40
HEAD_SHARE, EDGE_SHARE, SCREEN_SHARE, KEPT = 0.05, 0.02, 0.01, 0.9
Direction = Literal["noising", "denoising"]
_METRIC = (
    "the logit difference at the last position (mean of the good words minus mean of the bad words), as shares of the "
    "gap between the two runs"
)
HEAD_RULE = (
    "Measured on {pairs} fresh pairs by resample patching at all positions, in both directions: the normal "
    "text's value in the anomalous run (noising) and the anomalous text's value in the normal run (denoising). "
    f"Effects are changes of {{metric}}. A head is true where either effect is at "
    f"least {HEAD_SHARE:.0%} in size."
)
HIDDEN_RULE = (
    "Heads that hide each other: the heads of a layer below that mark are "
    f"patched together; where the joint effect in a direction is at least {HEAD_SHARE:.0%} more than the sum "
    "of the single ones, heads are left out one by one, that with the least loss first, as long as the "
    f"others keep {KEPT:.0%} of the joint effect; the remaining are true."
)
EDGE_RULE = (
    "An edge is true where its effect "
    f"by path patching into that receiver alone is at least {EDGE_SHARE:.0%} in size in either direction. "
    f"All forward pairs are screened on {SCREEN} pairs; those of at least {SCREEN_SHARE:.0%} are measured "
    "on all {pairs}."
)
RULE = " ".join((HEAD_RULE.format(pairs=PAIRS, metric=_METRIC), HIDDEN_RULE, EDGE_RULE.format(pairs=PAIRS)))


def fresh_pairs(name: str, count: int, seed: int) -> list[TaskPair]:
    """Pairs of a scenario, whichever generator makes them."""
    return tickets.pairs(count, seed) if name == tickets.FOLDER.name else pairs(name, count, seed)


def measure(loaded: LoadedModel, drawn: Sequence[TaskPair]) -> dict[str, object]:
    """True heads and edges with the effects of all heads and forward pairs, as they stand in truth.json."""
    patching = PairPatching(loaded, drawn)
    heads = measure_heads(loaded, patching)
    edges = measure_edges(loaded, PairPatching(loaded, drawn[:SCREEN]), patching)
    return {"rule": RULE, "gap": gap_of(patching), **heads, **edges}


def gap_of(patching: PairPatching) -> list[float]:
    """The metric's mean on the anomalous and on the normal texts."""
    return [round(patching.anomalous, 4), round(patching.normal, 4)]


def measure_heads(
    loaded: LoadedModel, patching: PairPatching, hiding: bool = True, screening: PairPatching | None = None
) -> dict[str, object]:
    """True heads, with `hiding` also those that hide each other, and the effects of all heads.

    With a `screening` on few pairs, only heads that it finds at half the mark are measured on all.
    """
    heads = loaded.heads
    effects = dict(zip(heads, (screening or patching).effects([(head,) for head in heads]), strict=True))
    if screening is not None:
        strong = [head for head, effect in effects.items() if abs(effect.largest) >= HEAD_SHARE / 2]
        measured = patching.effects([(head,) for head in strong])
        effects |= dict(zip(strong, measured, strict=True))
    single = {head for head, effect in effects.items() if abs(effect.largest) >= HEAD_SHARE}
    hidden = hidden_heads(patching, effects, single) if hiding else set()
    return {
        "heads": [str(head) for head in sorted(single | hidden)],
        "hidden_heads": [str(head) for head in sorted(hidden)],
        "head_effects": _rows(effects),
    }


def measure_edges(loaded: LoadedModel, screening: PairPatching, patching: PairPatching) -> dict[str, object]:
    """True edges and the effects of all forward pairs: a screening on few pairs, then the strong ones on all."""
    effects = edge_effects(loaded, screening, patching)
    true_edges = [edge for edge, effect in effects.items() if abs(effect.largest) >= EDGE_SHARE]
    return {"edges": [str(edge) for edge in sorted(true_edges)], "edge_effects": _rows(effects)}


def edge_effects(
    loaded: LoadedModel, screening: PairPatching, patching: PairPatching
) -> dict[EdgeId, Effect]:
    """Effects of all forward pairs: those that `screening` finds strong by `patching`."""
    edges = list(forward_pairs(loaded.heads))
    effects = dict(zip(edges, screening.effects(edges), strict=True))
    strong = [edge for edge, effect in effects.items() if abs(effect.largest) >= SCREEN_SHARE]
    return {**effects, **dict(zip(strong, patching.effects(strong), strict=True))}


def hidden_heads(
    patching: PairPatching, effects: Mapping[HeadId, Effect], single: set[HeadId]
) -> set[HeadId]:
    """Heads below the mark that carry the behaviour together with others of their layer."""
    hidden: set[HeadId] = set()
    directions: tuple[Direction, Direction] = ("noising", "denoising")
    for layer in sorted({head.layer for head in effects}):
        weak = [head for head in effects if head.layer == layer and head not in single]
        for direction in directions:
            hidden |= _smallest_group(patching, effects, weak, direction)
    return hidden


def _smallest_group(
    patching: PairPatching, effects: Mapping[HeadId, Effect], weak: list[HeadId], direction: Direction
) -> set[HeadId]:
    if len(weak) < 2:
        return set()
    joint = abs(getattr(patching.effects([tuple(weak)])[0], direction))
    if joint < HEAD_SHARE + abs(sum(getattr(effects[head], direction) for head in weak)):
        return set()
    group = list(weak)
    while len(group) > 1:
        rest = [tuple(other for other in group if other != head) for head in group]
        sizes = [abs(getattr(effect, direction)) for effect in patching.effects(rest)]
        if max(sizes) < KEPT * joint:
            break
        group = list(rest[sizes.index(max(sizes))])
    return set(group)


def _rows(effects: Mapping[HeadId, Effect] | Mapping[EdgeId, Effect]) -> dict[str, list[float]]:
    return {
        str(target): [effect.noising, effect.denoising, effect.pairs] for target, effect in effects.items()
    }


def write_measured(loaded: LoadedModel, task: str, file: Path) -> None:
    """Measure a model on fresh pairs of a task and write its truth into `file`."""
    content = measure(loaded, fresh_pairs(task, PAIRS, SEED))
    content |= {"pairs": PAIRS, "seed": SEED, "model_hash": loaded.weights_hash}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for name in ("gap", "heads", "edges"):
        log.info("%s %s %s", task, name, content[name])


def main() -> None:
    """Write the truth of the scenarios named, or of all whose truth is measured."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in sys.argv[1:] or [name for name in scenario_names() if name != PLANTED]:
        loaded = load_model(load_scenario(name).model_folder, "cpu")
        write_measured(loaded, name, FOLDER / name / "truth.json")


if __name__ == "__main__":
    main()
