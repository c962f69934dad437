"""Sentences made from the numbers of a run, for the circuit page and the report."""

from datetime import datetime

from core.report.sentences.summary import chosen as chosen_by
from core.report.sentences.summary import screened
from core.runs.run_folder import RunFolder
from core.schema import AlignmentRecord, Manifest
from core.text import text as run_text
from pages.parts.data.results import Result
from pages.parts.i18n import catalogue as texts
from pages.parts.session.state import language, t, tn
from pages.parts.shell.samples import run_name

CHANCE_LEVEL = 0.05
"""Below this a head's p-value under shuffled labels is counted, as in `core.report.save`."""


def headline(result: Result) -> str:
    """What was found, in one sentence."""
    count, total = len(result.selected), len(result.heads)
    if not count:
        return t("said.none", total=total)
    kind = "found" if result.manifest.alignment.pairs else "unpaired"
    if not result.checked:
        return tn(f"said.{kind}_unchecked", count, total=total)
    confirmed = int((result.selected["verdict"] == "confirmed").sum())
    return tn(f"said.{kind}_checked", count, total=total, confirmed=confirmed)


def chance(result: Result) -> str:
    """For texts without pairs: how many candidates shuffled labels would hardly give, and what chance gives."""
    p_values = result.selected["label_p_value"]
    if p_values.isna().all():
        return ""
    return run_text(
        language(),
        "report.chance",
        below=int((p_values < CHANCE_LEVEL).sum()),
        selected=len(p_values),
        heads=len(result.heads),
        chance=texts.number(CHANCE_LEVEL * len(result.heads)),
    )


def about(run: RunFolder) -> str:
    """Name of the run, when it was made, with which settings."""
    meta, config = run.meta(), run.config()
    made = datetime.fromisoformat(meta.created).strftime("%Y-%m-%d %H:%M") if meta.created else "–"
    return t("said.about", name=run_name(run, config), made=made, preset=t(f"preset.{config.preset}"))


def alignment(description: AlignmentRecord) -> str:
    """How the texts were compared, and why."""
    return run_text(language(), f"note.positions_{description.mode}", **description.reason.values)


def pairs(description: AlignmentRecord) -> str:
    """How many pairs there are and where they come from."""
    return run_text(language(), f"note.pairs_{description.pairs_source}", count=len(description.pairs))


def position(name: str) -> str:
    """Where a head was read, from the name of its slot: 7, +2 behind the difference, -1 the last, last or mean."""
    if name in ("last", "mean"):
        return t(f"position.{name}")
    named = {"-1": "last", "-2": "before_last", "+0": "here", "+1": "next"}.get(name)
    if named:
        return t(f"position.{named}")
    if name.startswith("+"):
        return t("position.start", count=name[1:])
    if name.startswith("-"):
        return t("position.end", count=int(name[1:]) - 1)
    return t("position.number", count=name)


def strongest(result: Result) -> str:
    """The strongest heads with their scores."""
    titles = result.titles()
    names = [
        f"{titles[row.name]} ({texts.number(row.score)})"
        for row in result.selected.head(3).itertuples(index=False)
    ]
    return t("said.strongest", heads=t("said.comma").join(names)) if names else ""


def score_meaning(manifest: Manifest) -> str:
    """What the run's scores measure."""
    if screened(manifest):
        return t("said.score_screened")
    meaning = t(f"said.score_{manifest.selection.statistic}")
    flow = manifest.selection.attention_flow == "computed"
    return f"{meaning} {t('said.score_reach')}" if flow else meaning


def chosen(result: Result) -> str:
    """In one line that gradients helped to choose the candidates, or why not though asked for; else nothing."""
    return chosen_by(result.manifest, language())


def layers(result: Result) -> str:
    """Where in the model the circuit lies."""
    chosen = result.selected["layer"]
    if chosen.empty:
        return ""
    first, last = int(chosen.min()), int(chosen.max())
    key = "said.one_layer" if first == last else "said.layers"
    return t(key, first=first, last=last, last_layer=result.n_layers - 1)


def edges(result: Result) -> str:
    """How many edges lie between the selected heads, and the strongest."""
    among = result.candidate_edges
    if among.empty:
        return t("said.no_edges")
    best = among.iloc[0]
    return tn(
        "said.edges",
        len(among),
        source=best["source"],
        target=best["target"],
        score=texts.number(best["score"]),
    )


def shown(result: Result, n_heads: int, n_edges: int) -> str:
    """How much of the circuit a picture holds."""
    return t(
        "said.shown",
        heads=n_heads,
        all_heads=len(result.selected),
        edges=n_edges,
        all_edges=len(result.candidate_edges),
    )


def evidence_notes(manifest: Manifest) -> list[str]:
    """How the behaviour was measured, how candidates were tested, and what so few texts can show."""
    return [
        run_text(language(), f"note.{note.key}", **note.values)
        for note in manifest.notes
        if note.key.startswith(("gradient_screen_", "evidence_", "smallest_p"))
    ]
