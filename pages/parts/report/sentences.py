"""Sentences that only the pages have, from the numbers of a run; all others are in `core.report.sentences`."""

from datetime import datetime

from core.runs.run_folder import RunFolder
from pages.parts import i18n
from pages.parts.data.results import Result
from pages.parts.session.samples import run_name
from pages.parts.session.state import t, tn


def headline(result: Result) -> str:
    """What was found, in one sentence."""
    count, total = len(result.selected), len(result.heads)
    if result.manifest.evidence == "no_difference":
        return t("finding.nothing_to_explain")
    if not count:
        return t("finding.none", total=total)
    kind = "paired" if result.manifest.alignment.pairs else "unpaired"
    if not result.checked:
        return tn(f"finding.{kind}_unchecked", count, total=total)
    confirmed = int((result.selected["verdict"] == "confirmed").sum())
    return tn(f"finding.{kind}_checked", count, total=total, confirmed=confirmed)


def about(run: RunFolder) -> str:
    """Name of the run, when it was made, with which settings."""
    meta, config = run.meta(), run.config()
    created = datetime.fromisoformat(meta.created).strftime("%Y-%m-%d %H:%M") if meta.created else "–"
    return t(
        "finding.about", name=run_name(run, config), created=created, preset=t(f"preset.{config.preset}")
    )


def position(name: str) -> str:
    """Where a head was read, from the name of its slot: 7, +2 behind the difference, -1 the last, last or mean.

    3:the is the third matched place, where all texts have “the”; with … behind it others have other tokens.
    """
    if name in ("last", "mean"):
        return t(f"position.{name}")
    number, matched, piece = name.partition(":")
    if matched:
        token = piece.removesuffix("…")
        kind = "matched_bare" if not token else "matched" if token == piece else "matched_varied"
        return t(f"position.{kind}", count=number, piece=token)
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
    best = result.selected.head(3).itertuples(index=False)
    names = [t("shell.bracketed", words=titles[row.name], more=i18n.number(row.score)) for row in best]
    return t("finding.strongest", heads=t("finding.comma").join(names)) if names else ""


def layers(result: Result) -> str:
    """Where in the model the circuit lies."""
    if result.selected.empty:
        return ""
    first, last = int(result.selected["layer"].min()), int(result.selected["layer"].max())
    key = "finding.one_layer" if first == last else "finding.layers"
    return t(key, first=first, last=last, last_layer=result.n_layers - 1)


def edges(result: Result) -> str:
    """How many edges lie between the selected heads, and the strongest."""
    among = result.candidate_edges
    if among.empty:
        return t("finding.no_edges")
    best = among.iloc[0]
    score = i18n.number(best["score"])
    return tn("finding.edges", len(among), source=best["source"], target=best["target"], score=score)


def shown(result: Result, n_heads: int, n_edges: int) -> str:
    """How much of the circuit a picture holds."""
    return t(
        "finding.shown",
        heads=n_heads,
        all_heads=len(result.selected),
        edges=n_edges,
        all_edges=len(result.candidate_edges),
    )
