"""What a result says, in sentences made from its numbers; for the report page and for report.html alike.

Every function takes `Facts` and a language, and is true for each state of a run:

- none           no head stands out
- no_difference  the model behaves the same on both sides, so that nothing was tested
- untested       candidates without evidence
- tested         effects were measured, whatever they say
"""

from typing import Any

import pandas as pd

from core.examples.example_set import ADVISED_PER_SIDE
from core.report.sentences import circuit as circuit_words
from core.report.sentences.confidence import confidence_sentence
from core.runs.facts import Facts, in_order
from core.schema import Direction, Manifest
from core.text import duration, number, percent, text

CHANCE_LEVEL = 0.05
"""Below this a head's p-value under shuffled labels is counted."""
CERTAIN = 0.05
"""The q at which a verdict is confirmed, as in `core.causal.evidence`: a smallest p above it confirms nothing."""
MOST_NAMED = 5
"""Heads named or listed at most."""
HALF = 0.5


def asked(found: Facts, language: str) -> str:
    """What the run compared, as a question."""
    model = found.manifest.model
    return text(
        language,
        "summary.asked",
        model=found.model,
        layers=model.n_layers,
        heads=model.n_heads,
        **found.sides(),
    )


def three_sentences(found: Facts, language: str) -> list[str]:
    """What was found: how many heads stand out, what they do, how far to trust it. Always three."""
    return [_stands_out(found, language), _effect(found, language), _confidence(found, language)]


def chosen(manifest: Manifest, language: str) -> str:
    """In one line that gradients helped to choose the candidates, or why not though asked for; else nothing."""
    if screened(manifest):
        keys = ["screened"]
        if manifest.evidence == "computed":
            keys.append("screened_tested")
            if manifest.stability and manifest.stability.held_out is not None:
                keys.append("screened_held_out")
        return _joined(language, *(text(language, f"summary.{key}") for key in keys))
    missing = [note.key for note in manifest.notes if note.key.startswith("gradient_screen_")]
    return "".join(notes(manifest, language, tuple(missing)))


def screened(manifest: Manifest) -> bool:
    """Whether candidates were chosen by codes and the causal screen."""
    return manifest.selection.candidates == "screened"


def five(found: Facts) -> pd.DataFrame:
    """The candidates that matter most, at most MOST_NAMED."""
    return in_order(found.candidates).head(MOST_NAMED)


def five_note(found: Facts, language: str) -> str:
    """How the list of five is ordered, and what its numbers mean."""
    if found.state == "none":
        return text(language, "summary.no_heads")
    if found.state == "tested":
        return text(language, "summary.five_note")
    return text(language, f"summary.five_note_untested{'_screened' if screened(found.manifest) else ''}")


def effect_of(row: Any) -> str:
    """An effect with its interval; a dash where none was measured."""
    if pd.isna(row.effect):
        return "–"
    return f"{percent(row.effect)} ({percent(row.effect_low)} … {percent(row.effect_high)})"


def whole(found: Facts, language: str) -> list[str]:
    """What the circuit does as a whole, before and after of a switch first; nothing where it was not checked."""
    content = found.whole
    if not content.get("ablations"):
        return []
    defined = [ablation for ablation in content["ablations"] if ablation["defined"]]
    lines = [switched(found, language), circuit_words.smallest(content, language)]
    if defined:
        lines.insert(1, circuit_words.faithfulness(defined[0], len(content["circuit"]), language))
    return [line for line in (*lines, circuit_words.state(content, language)) if line]


def switched(found: Facts, language: str) -> str:
    """What switching off the fewest heads that were found does to the texts; empty where it was not tried."""
    tried = found.whole.get("before_after")
    return circuit_words.switched(tried, language) if tried else ""


def unknown(found: Facts, language: str) -> list[str]:
    """What the run leaves open, the most important first."""
    keys = ["parts", "texts"]
    tested_edges = found.edges[found.edges["verdict"] != "unchecked"]
    lines = []
    if found.state == "tested":
        if not whole(found, language):
            keys.insert(0, "together")
        if len(tested_edges):
            values = {
                "tested": len(tested_edges),
                "candidates": int(found.edges["selected"].astype(bool).sum()),
                "confirmed": int((tested_edges["verdict"] == "confirmed").sum()),
            }
            lines.append(text(language, "unknown.edges_tested", **values))
        else:
            lines.append(text(language, "unknown.edges"))
    elif found.state != "none":
        keys = ["cause", "edges", *keys]
    lines += [text(language, f"unknown.{key}") for key in keys]
    return [*lines, *notes(found.manifest, language, _OPEN)]


_OPEN = ("few_examples", "no_candidates", "left_out", "smallest_p_too_few")
"""Notes of a run that say what it cannot tell; the others say how it was made."""


def notes(manifest: Manifest, language: str, keys: tuple[str, ...] | None = None) -> list[str]:
    """What the engine noted of the run; all of it, or these keys."""
    return [
        text(language, f"note.{note.key}", **note.values)
        for note in manifest.notes
        if keys is None or note.key in keys
    ]


def cost(found: Facts, language: str) -> str:
    """What the run cost: time, forward passes, cached texts, device; and the check of the circuit, if there was one."""
    said = text(
        language,
        "summary.cost",
        time=duration(language, found.seconds),
        device=found.manifest.device or "–",
        passes=f"{found.manifest.forward_passes:,}",
        cached=found.manifest.cached_texts,
    )
    return (
        _joined(language, said, circuit_words.cost(found.whole, language)) if whole(found, language) else said
    )


def exhaustive(found: Facts, language: str) -> str:
    """What switching off every head and every forward pair once would take, against this run."""
    heads, pairs = search_space(found.manifest)
    said = text(
        language, "summary.exhaustive", heads=f"{heads:,}", pairs=f"{pairs:,}", total=f"{heads + pairs:,}"
    )
    tested = {
        "tested_heads": int(found.heads["effect"].notna().sum()),
        "tested_edges": int(found.edges["effect"].notna().sum()),
    }
    count, passes = sum(tested.values()), f"{found.manifest.forward_passes:,}"
    if not count:
        return _joined(language, said, text(language, "summary.exhaustive_untested", passes=passes))
    times = number((heads + pairs) / count)
    made = text(language, "summary.exhaustive_tested", tested=count, times=times, passes=passes, **tested)
    return _joined(language, said, made)


def search_space(manifest: Manifest) -> tuple[int, int]:
    """How many heads, and forward pairs of heads, the model has."""
    n_layers, n_heads = manifest.model.n_layers, manifest.model.n_heads
    return n_layers * n_heads, n_heads**2 * n_layers * (n_layers - 1) // 2


def next_steps(found: Facts, language: str, signed: bool = False) -> list[str]:
    """What to do next, the most urgent first."""
    steps = [_next_of_heads(found, language)]
    low = ADVISED_PER_SIDE[0]
    if min(found.sides().values()) < low:
        steps.append(text(language, "next.more_texts", low=low))
    if found.manifest.alignment.mode == "last_mean":
        steps.append(text(language, "next.templates"))
    if found.state in ("tested", "untested"):
        steps.append(text(language, "next.repeat"))
    return steps if signed else [*steps, text(language, "next.sign_off")]


def meeting(found: Facts, language: str) -> list[str]:
    """Sentences to say in the meeting, in the order in which to say them."""

    def say(key: str, **values: Any) -> str:
        return text(language, f"meeting.{key}", **values)

    count, confirmed = len(found.candidates), found.count("confirmed")
    said = [say("asked", model=found.model, **found.sides()), say("head", total=len(found.heads))]
    stand = say("stand_one") if count == 1 else say("stand", count=count)
    if found.state == "none":
        said += [say("none"), say("limits")]
        proposal = say("ask_texts")
    elif found.state == "no_difference":
        said.append(say("no_difference", stand=stand))
        proposal = say("ask_texts")
    elif found.state == "untested":
        said += [say("candidates", stand=stand, head=_titles(found.candidates, language, 1)), say("limits")]
        proposal = say("ask_candidates")
    elif confirmed:
        against = found.tested.iloc[0]["effect"] < 0
        said.append(say("confirmed", stand=stand, confirmed=confirmed))
        said.append(say("effect_against" if against else "effect", **_largest(found)))
        changed = switched(found, language)
        said += [changed, say("limits")] if changed else [say("limits_tested")]
        proposal = say("ask_confirmed", heads=_confirmed(found, language))
    else:
        said += [say("unconfirmed", stand=stand, tested=len(found.tested)), say("limits_tested")]
        proposal = say("ask_unconfirmed")
    time = duration(language, found.seconds)
    passes, total = f"{found.manifest.forward_passes:,}", f"{sum(search_space(found.manifest)):,}"
    return [*said, say("cost", time=time, passes=passes, total=total), proposal]


def chance(found: Facts, language: str) -> str:
    """For texts without pairs: how many candidates shuffled labels would hardly give, and what chance gives."""
    p_values = found.candidates["label_p_value"].astype(float)
    if p_values.isna().all():
        return ""
    return text(
        language,
        "report.chance",
        below=int((p_values < CHANCE_LEVEL).sum()),
        selected=len(p_values),
        heads=len(found.heads),
        chance=number(CHANCE_LEVEL * len(found.heads)),
    )


def _stands_out(found: Facts, language: str) -> str:
    count, total = len(found.candidates), len(found.heads)
    if not count:
        return text(language, "summary.none", total=total, **found.sides())
    return text(language, f"summary.{'stands_out' if count == 1 else 'stand_out'}", total=total, count=count)


def _effect(found: Facts, language: str) -> str:
    """The largest effect with its interval, or why there is none."""
    if found.state == "none":
        return text(language, "summary.nothing_to_test")
    if found.state == "untested":
        return text(language, "summary.untested")
    if found.state == "no_difference":
        gap = found.manifest.evidence_about.gap
        shown = "–" if gap is None else number(gap).replace("-", "−")
        return text(language, "summary.no_difference", gap=shown)
    tested, partly, confirmed = len(found.tested), found.count("partly"), found.count("confirmed")
    values = _largest(found)
    if not confirmed:
        return text(language, "summary.none_confirmed", tested=tested, partly=partly, **values)
    key = "off" if _directions(found) == ("noising",) else "swap"
    if found.tested.iloc[0]["effect"] < 0:
        key = "against"
    effect = text(language, f"summary.effect_{key}", **values)
    return text(language, "summary.judged", effect=effect, confirmed=confirmed, tested=tested, partly=partly)


def _largest(found: Facts) -> dict[str, str]:
    """The first of the tested heads: the largest effect among the confirmed ones, else of all.

    An effect against the fault is given by its size, with the interval turned in the same way.
    """
    tested = found.tested
    if not found.count("confirmed"):
        tested = tested.loc[tested["effect"].abs().sort_values(ascending=False, kind="stable").index]
    row = tested.iloc[0]
    ends = sorted((float(row["effect_low"]), float(row["effect_high"])))
    effect = float(row["effect"])
    if effect < 0 and found.count("confirmed"):
        effect, ends = -effect, [-ends[1], -ends[0]]
    return {
        "head": _title(row["name"], row["own_name"]),
        "effect": percent(effect),
        "low": percent(ends[0]),
        "high": percent(ends[1]),
    }


def _directions(found: Facts) -> tuple[Direction, ...]:
    return found.manifest.evidence_about.directions


def _confidence(found: Facts, language: str) -> str:
    """The level of trust with its reasons; for older runs, on what the result rests and what so few texts can show."""
    judged = confidence_sentence(found.manifest, language)
    if judged:
        return judged
    sides, count, about = found.sides(), len(found.candidates), found.manifest.evidence_about

    def part(key: str, **values: Any) -> str:
        return text(language, f"summary.trust_{key}", **values)

    parts = [part("texts", **sides)]
    if min(sides.values()) < ADVISED_PER_SIDE[0]:
        parts.append(part("few", advised=ADVISED_PER_SIDE[0]))
    if count:
        parts += _steadiness(found, part)
    if found.state == "tested":
        if about.smallest_p is not None:
            low = about.smallest_p <= CERTAIN
            values = {"examples": about.examples or sides["anomalous"], "p": number(about.smallest_p)}
            parts.append(part("smallest" if low else "too_few", **values))
        parts.append(part("single"))
    else:
        parts.append(part("weak" if found.state == "none" else "correlation"))
    return text(language, "summary.trust", parts=text(language, "summary.and").join(parts))


def _steadiness(found: Facts, part: Any) -> list[str]:
    """How far the candidates depend on the seeds of the ensemble, and on chance where nothing is paired."""
    chosen = found.candidates
    said = []
    if found.manifest.selection.statistic == "count":
        said.append(part("recipe"))
    else:
        members = found.manifest.settings.autoencoder.members
        if members > 1:
            stable = int((chosen["frequency"] >= HALF).sum())
            said.append(part("stable", stable=stable, count=len(chosen), members=members))
    p_values = chosen["label_p_value"].astype(float)
    if p_values.notna().any():
        values = {"below": int((p_values < CHANCE_LEVEL).sum()), "count": len(chosen)}
        chance_gives = number(CHANCE_LEVEL * len(found.heads))
        said.append(part("shuffled", **values, heads=len(found.heads), chance=chance_gives))
    return said


def _next_of_heads(found: Facts, language: str) -> str:
    key = {"none": "none", "no_difference": "no_difference", "untested": "check"}.get(found.state)
    if key:
        return text(language, f"next.{key}")
    if not found.count("confirmed"):
        return text(language, "next.unconfirmed")
    return text(language, "next.confirmed", heads=_confirmed(found, language))


def _confirmed(found: Facts, language: str) -> str:
    return _titles(found.tested[found.tested["verdict"] == "confirmed"], language, MOST_NAMED)


def _titles(heads: pd.DataFrame, language: str, most: int) -> str:
    pairs = zip(heads["name"].head(most), heads["own_name"].head(most), strict=True)
    return text(language, "summary.comma").join(_title(*pair) for pair in pairs)


def _title(name: str, own_name: str) -> str:
    return f"{name} · {own_name}" if own_name else name


def _joined(language: str, *sentences: str) -> str:
    """Sentences in a row, as the language sets them."""
    return ("" if language == "ja" else " ").join(sentences)
