"""The work of the deeper checks (`core.runs.job_state`): the circuit as a whole, the effect of every head,
other settings.

All are generators of Progress records that can be left at any step; what is found is written as it is found.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.analysis import result_tables as tables
from core.causal.ablation import KINDS, AblationKind, Ablator
from core.causal.ablation_file import Mode
from core.causal.circuit_search import GOAL, Found, minimal_ablation_set, minimal_circuit
from core.causal.evidence import Evidence, gather
from core.causal.faithfulness import RANDOM_CIRCUITS, check_circuit
from core.causal.metric import Metric, make_metric
from core.config import RunConfig
from core.errors import StorageError
from core.examples.alignment import Alignment
from core.generators import relayed
from core.heads import HeadId, all_heads
from core.inspection.ablated_generation import what_if
from core.model.loading import ModelPool
from core.model.recording import Recording
from core.model.tokenising import tokenise
from core.runs.job_state import CheckKind
from core.runs.result_reader import CIRCUIT_FILE, read_circuit, saved_effects
from core.runs.run_folder import RunFolder
from core.schema import FORMAT, EvidenceDetails, Progress
from core.sensitivity.sweep import sweep_into
from core.text.csv_safe import csv_bytes

MOST_SWITCHED = 12
"""Candidates that the search for heads to switch off looks at, those with the largest effects."""


def check(
    kind: CheckKind, run: RunFolder, models: ModelPool | None = None
) -> Generator[Progress, None, None]:
    """Do a check of a finished run. Raises HeadlightError for what a user can mend."""
    yield Progress("load", 0, 1)
    config, models = run.config(), models or ModelPool(size=1)
    if kind == "sensitivity":
        yield from sweep_into(run, config, models)
        return
    loaded = models.get(config.model, config.device)
    recording = Recording(loaded, tokenise(loaded, config.examples), streams=kind == "heads")
    alignment = config.align(recording.texts)
    yield from relayed(recording.read(), lambda done: Progress("load", done, len(recording.texts)))
    if kind == "heads":
        yield from _every_head(run, config, recording, alignment)
    else:
        yield from _circuit(run, config, recording, alignment, models)


def _every_head(
    run: RunFolder, config: RunConfig, recording: Recording, alignment: Alignment
) -> Generator[Progress, None, None]:
    """Effects of all heads of the model, into heads.csv, effects.csv and evidence.json, all at the end."""
    heads = read_heads(run)
    order = [HeadId(*row) for row in heads[list(tables.HEAD_KEYS)].to_numpy().tolist()]
    found = yield from gather(recording, config.examples, alignment, order, [], config.seed)
    filled = tables.with_findings(heads, found.heads, tables.HEAD_KEYS)
    manifest = run.manifest()
    changes = {
        "evidence": found.state,
        "evidence_about": manifest.evidence_about.model_copy(update={"tested_heads": len(order)}),
        "every_head": found.heads is not None,
        "forward_passes": manifest.forward_passes + found.forward_passes,
    }
    _keep_effects(run, found, alignment)
    run.write_bytes("heads.csv", csv_bytes(filled))
    run.write_model("manifest.json", manifest.model_copy(update=changes))


def _keep_effects(run: RunFolder, found: Evidence, alignment: Alignment) -> None:
    """Effects on single texts and under other ablations of all heads; what is known of edges stays."""
    if found.heads is None:
        return
    effects = tables.effect_table(found, alignment)
    if (run.path / "effects.csv").exists():
        before = saved_effects(run)
        effects = pd.concat([effects, before[before["kind"] == "edge"]], ignore_index=True)
    run.write_bytes("effects.csv", csv_bytes(effects))
    if (run.path / "evidence.json").exists():
        before = run.read_model("evidence.json", EvidenceDetails)
        heads = {"heads": tables.head_records(found)}
        run.write_model("evidence.json", EvidenceDetails.model_validate(before.model_dump() | heads))


def _circuit(
    run: RunFolder,
    config: RunConfig,
    recording: Recording,
    alignment: Alignment,
    models: ModelPool,
) -> Generator[Progress, None, None]:
    """Faithfulness and the rest of the circuit, then the smallest sets; into circuit.json."""
    began = time.perf_counter()
    heads = read_heads(run)
    circuit = [
        HeadId(*row) for row in heads.loc[heads["selected"], list(tables.HEAD_KEYS)].to_numpy().tolist()
    ]
    content: dict[str, Any] = {
        "format": FORMAT,
        "state": "computed",
        "circuit": [str(head) for head in circuit],
        "goal": GOAL,
        "random_circuits": RANDOM_CIRCUITS,
        "ablations": [],
        "complete": False,
    }
    loaded = recording.loaded
    ablator = Ablator(recording.of(alignment.kept), alignment.n_anomalous, alignment.paired, config.seed)
    measured = make_metric(
        loaded,
        [config.examples.examples[i] for i in alignment.kept],
        ablator.plain(),
        alignment.n_anomalous,
        alignment.paired,
        config.seed,
    )
    content |= {"measure": measured.kind, "gap": round(measured.gap, 4)}
    content |= _finished_parts(run, content["circuit"])

    def keep(**more: Any) -> None:
        content.update(more)
        content["seconds"] = round(time.perf_counter() - began, 2)
        content["forward_passes"] = recording.forward_passes + ablator.forward_passes
        if run.path.exists():
            run.write_json(CIRCUIT_FILE, content)

    if not measured.differs or not circuit:
        keep(state="no_candidates" if measured.differs else "no_difference", complete=True)
        return
    ranking = ranked(heads)
    shape = (loaded.shape.n_layers, loaded.shape.n_heads)
    done = {ablation["kind"] for ablation in content["ablations"]}
    for kind in (kind for kind in KINDS if kind not in done):
        (result,) = yield from check_circuit(ablator, measured, circuit, ranking, shape, config.seed, [kind])
        content["ablations"].append(result.as_json())
        keep()
    smallest = None
    if "smallest" not in content:
        smallest = yield from minimal_circuit(ablator, measured, ranking, shape)
    if smallest is not None:
        shares = yield from _shares(ablator, measured, smallest.heads, shape)
        keep(smallest={**_plain(smallest), "faithfulness": shares})
    switches: dict[str, Any] = dict(content.get("switch") or {})
    modes: tuple[AblationKind, ...] = ("mean", "zero")
    for mode in (mode for mode in modes if mode not in switches):
        found = yield from minimal_ablation_set(ablator, measured, switchable(heads), mode)
        switches[mode] = None if found is None else _plain(found)
        keep(switch=switches)
    suggested = suggestion(switches)
    if suggested is not None:
        yield Progress("what_if", 0, 1)
        heads_off = [HeadId.parse(name) for name in switches[suggested]["heads"]]
        tried = what_if(config, heads_off, suggested, models=models)
        keep(before_after={name: tried[name] for name in ("heads", "mode", "counts", "rows")})
    keep(complete=True)


def _finished_parts(run: RunFolder, circuit: list[str]) -> dict[str, Any]:
    """What an earlier check of the same circuit finished before it was stopped."""
    try:
        before = read_circuit(run)
    except StorageError:
        return {}
    if before is None or before.get("complete") or before.get("circuit") != circuit:
        return {}
    return {name: before[name] for name in ("ablations", "smallest", "switch") if name in before}


def suggestion(switches: Mapping[str, Any]) -> Mode | None:
    """Which of the two ways to switch heads off to suggest: one that reaches the goal, with the least harm."""
    modes: tuple[Mode, ...] = ("mean", "zero")
    found = [mode for mode in modes if (switches.get(mode) or {}).get("heads")]
    return min(found, key=lambda m: (not switches[m]["complete"], switches[m]["harm"] or 0.0), default=None)


def read_heads(run: RunFolder) -> pd.DataFrame:
    """The head table of a finished run; raises StorageError where there is none."""
    try:
        heads = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None
    return heads.assign(selected=heads["selected"].astype(str).str.lower().isin(("true", "1")))


def ranked(heads: pd.DataFrame) -> list[HeadId]:
    """All heads: those with a measured effect first, by its size, then the others by their score."""
    size = heads["effect"].abs().fillna(-1.0)
    order = heads.assign(size=size).sort_values(["size", "score"], ascending=False, kind="stable")
    return [HeadId(*row) for row in order[list(tables.HEAD_KEYS)].to_numpy().tolist()]


def switchable(heads: pd.DataFrame) -> list[HeadId]:
    """Candidates whose switching off can take the behaviour away, the strongest effects first."""
    chosen = heads[heads["selected"] & ~(heads["effect"] < 0)]
    return ranked(chosen)[:MOST_SWITCHED]


def _shares(
    ablator: Ablator, measured: Metric, heads: Sequence[HeadId], shape: tuple[int, int]
) -> Generator[Progress, None, dict[str, float | None]]:
    """Faithfulness of a circuit under every ablation."""
    every, texts = frozenset(all_heads(*shape)), list(range(ablator.n_anomalous))
    shares: dict[str, float | None] = {}
    for kind in KINDS:
        running = ablator.measures([(), every, every - frozenset(heads)], texts, measured, kind)
        while True:
            try:
                next(running)
            except StopIteration as end:
                full, nothing, alone = np.asarray(end.value).mean(axis=1)
                break
            yield Progress("smallest", 0, 1)
        share = (alone - nothing) / (full - nothing) if full != nothing else np.nan
        shares[kind] = round(float(share), 6) if np.isfinite(share) else None
    return shares


def _plain(found: Found) -> dict[str, Any]:
    return {
        "heads": [str(head) for head in found.heads],
        "reached": round(found.reached, 6) if np.isfinite(found.reached) else None,
        "harm": round(found.harm, 6) if np.isfinite(found.harm) else None,
        "tried": found.tried,
        "complete": found.complete,
    }
