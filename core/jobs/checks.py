"""The work of the deeper checks of a finished run: the circuit as a whole, the effect of every head, other settings.

All are generators of Progress records that can be left at any step; what was measured until then stays written.
"""

from collections.abc import Generator

import pandas as pd

from core.analysis import result_tables as tables
from core.analysis.candidates import heads_of
from core.analysis.text_groups import numbers_of, text_groups
from core.causal.evidence import Evidence, gather
from core.config import RunConfig
from core.examples.alignment import Alignment
from core.generators import relayed
from core.jobs.circuit_check import CircuitCheck
from core.model.loading import ModelPool
from core.model.memory import within_memory
from core.model.recording import Recording
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.tokenising import tokenise
from core.runs.compared import compared_config
from core.runs.job_state import CheckKind
from core.runs.result_reader import saved_effects, saved_heads, saved_mlps
from core.runs.run_folder import RunFolder
from core.schema import EvidenceDetails, Progress, TextGroups, units_table
from core.sensitivity.sweep import sweep_into
from core.text.csv_safe import csv_bytes, read_cells, write_cells


@within_memory
def check(
    kind: CheckKind, run: RunFolder, models: ModelPool | None = None
) -> Generator[Progress, None, None]:
    """Do a check of a finished run. Raises HeadlightError for what a user can mend."""
    yield Progress("load", 0, 1)
    config, models = compared_config(run), models or ModelPool(size=1)
    if kind == "sensitivity":
        yield from sweep_into(run, config, models)
        return
    with models.lease(config.model, config.device, config.adapter) as loaded:
        recording = Recording(loaded, tokenise(loaded, config.examples), streams=kind == "heads")
        alignment = aligned(loaded, config, recording.texts)
        yield from relayed(recording.read(), lambda done: Progress("load", done, len(recording.texts)))
        if kind == "heads":
            yield from _every_head(run, config, recording, alignment)
        else:
            yield from CircuitCheck(run, config, recording, alignment).steps(models)


def _every_head(
    run: RunFolder, config: RunConfig, recording: Recording, alignment: Alignment
) -> Generator[Progress, None, None]:
    """Effects of all heads of the model, into heads.csv, effects.csv and evidence.json, all at the end."""
    heads = saved_heads(run)
    order = heads_of(heads)
    evidence = yield from gather(recording, config.examples, alignment, order, [], config.seed, widen=False)
    filled = tables.with_findings(heads, evidence.heads, tables.HEAD_KEYS)
    manifest, groups = run.manifest(), text_groups(evidence, alignment)
    changes = {
        "evidence": evidence.state,
        "evidence_about": manifest.evidence_about.model_copy(update={"tested_heads": len(order)}),
        "every_head": evidence.heads is not None,
        "groups": groups,
        "forward_passes": manifest.forward_passes + recording.forward_passes + evidence.forward_passes,
    }
    _write_effects(run, evidence, alignment)
    run.write_bytes("heads.csv", csv_bytes(units_table(filled, saved_mlps(run))))
    write_groups(run, groups)
    run.write_model("manifest.json", manifest.model_copy(update=changes))


def _write_effects(run: RunFolder, evidence: Evidence, alignment: Alignment) -> None:
    """Effects on single texts and under other ablations of all heads; those of edges and MLP blocks stay."""
    if evidence.heads is None:
        return
    effects = tables.effect_table(evidence, alignment)
    if (run.path / "effects.csv").exists():
        before = saved_effects(run)
        effects = pd.concat([effects, before[before["kind"] != "head"]], ignore_index=True)
    run.write_bytes("effects.csv", csv_bytes(effects))
    if (run.path / "evidence.json").exists():
        details = run.read_model("evidence.json", EvidenceDetails)
        heads = {"heads": tables.head_records(evidence)}
        run.write_model("evidence.json", details.model_copy(update=heads))


def write_groups(run: RunFolder, groups: TextGroups | None) -> None:
    """The groups of texts into examples.csv, where it has their column; all other cells stay as they were written."""
    file = run.path / "examples.csv"
    headings, *rows = read_cells(file.read_bytes())
    if "mechanism" not in headings:
        return
    numbers, place = numbers_of(groups), headings.index("mechanism")
    for text, row in enumerate(rows):
        row[place] = str(numbers.get(text, ""))
    run.write_bytes("examples.csv", write_cells([headings, *rows]))
