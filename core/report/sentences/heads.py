"""Sentences on the candidate heads: which matter most, how they were chosen, what their score means."""

from typing import Any

import pandas as pd

from core.report.sentences.notes import notes
from core.runs.facts import Facts, in_order
from core.schema import Manifest
from core.text import joined, number, percent, text

CHANCE_LEVEL = 0.05
"""Below this a head's p-value under shuffled labels is counted."""
_WHY_CODES = ("gradient_screen_", "ranking_no_")
"""Beginnings of the notes on why codes alone chose."""
MOST_NAMED = 5
"""Heads named or listed at most."""


def most_important(facts: Facts) -> pd.DataFrame:
    """The candidates that matter most, at most MOST_NAMED."""
    return in_order(facts.candidates).head(MOST_NAMED)


def order_note(facts: Facts, language: str) -> str:
    """How the list of the most important heads is ordered, and what its numbers mean."""
    if not facts.listed:
        return text(language, "summary.no_heads" if facts.state == "none" else "summary.no_heads_to_explain")
    if facts.state == "tested":
        return text(language, "summary.five_note")
    kind = facts.manifest.selection.candidates
    return text(language, f"summary.five_note_untested{'' if kind == 'codes' else f'_{kind}'}")


def screened(manifest: Manifest) -> bool:
    """Whether candidates were chosen by codes and the gradient screen."""
    return manifest.selection.candidates == "screened"


def combined(manifest: Manifest) -> bool:
    """Whether candidates were chosen by codes, gradients and effects together."""
    return manifest.selection.candidates == "combined"


def selection_note(manifest: Manifest, language: str) -> str:
    """In one line what beside the codes helped to choose the candidates, or why nothing did; else nothing."""
    if combined(manifest):
        measured = manifest.ranking is not None and manifest.ranking.heads > 0
        return text(language, f"summary.combined{'' if measured else '_untested'}")
    if not screened(manifest):
        missing = [note.key for note in manifest.notes if note.key.startswith(_WHY_CODES)]
        return "".join(notes(manifest, language, tuple(missing)))
    keys = ["screened"]
    if manifest.evidence == "computed":
        keys.append("screened_tested")
        if manifest.stability and manifest.stability.held_out is not None:
            keys.append("screened_held_out")
    return joined(language, *(text(language, f"summary.{key}") for key in keys))


def score_meaning(manifest: Manifest, language: str) -> str:
    """What the run's scores say."""
    chosen_by = manifest.selection.candidates
    kind = manifest.selection.statistic if chosen_by == "codes" else chosen_by
    lines = [text(language, f"score.{kind}", maximum=manifest.counts.anomalous)]
    if manifest.selection.attention_flow == "computed":
        lines.append(text(language, "score.attention_flow"))
    return joined(language, *lines)


def score_note(manifest: Manifest, language: str) -> str:
    """What the columns of the table of heads say that come from the ensemble."""
    meaning = score_meaning(manifest, language)
    if manifest.selection.candidates == "codes" and manifest.selection.statistic == "count":
        return meaning
    return joined(language, meaning, text(language, "score.ensemble"))


def chance(heads: pd.DataFrame, language: str) -> str:
    """For texts without pairs: how many candidates shuffled labels would hardly give, and what chance gives."""
    p_values = heads.loc[heads["selected"].astype(bool), "label_p_value"].astype(float)
    if p_values.isna().all():
        return ""
    counts = below_chance(p_values, len(heads))
    return text(language, "report.chance", selected=len(p_values), heads=len(heads), **counts)


def below_chance(p_values: pd.Series, heads: int) -> dict[str, int | str]:
    """How many p-values lie below CHANCE_LEVEL, and how many of all `heads` would by chance."""
    return {"below": int((p_values < CHANCE_LEVEL).sum()), "chance": number(CHANCE_LEVEL * heads)}


def effect_with_interval(row: Any) -> str:
    """An effect with its interval; a dash where none was measured."""
    if pd.isna(row.effect):
        return "–"
    return f"{percent(row.effect)} ({percent(row.effect_low)} … {percent(row.effect_high)})"


def titles(heads: pd.DataFrame, language: str, most: int = MOST_NAMED) -> str:
    """The first heads in a row, each with the user's own name."""
    names = [title(*pair) for pair in zip(heads["name"], heads["own_name"], strict=True)]
    return text(language, "summary.comma").join(names[:most])


def title(name: str, own_name: str) -> str:
    """A head with the user's own name for it."""
    return f"{name} · {own_name}" if own_name else name
