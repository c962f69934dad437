"""The confidence in a run: the one sentence, and the numbers that it rests on."""

import math
from dataclasses import dataclass
from html import escape

import streamlit as st

from core.analysis.confidence import ENOUGH
from core.discovery.thresholds import BAR, DIVERSITY
from core.report.sentences.confidence import confidence_sentence
from core.report.sentences.verdict import trust
from core.schema import EvidenceAbout, StabilityRecord
from core.text import percent
from pages.parts import i18n, shell
from pages.parts.data.results import Result
from pages.parts.report import brief
from pages.parts.session import state
from pages.parts.session.state import language, t

LEVELS = {
    "high": ("green", ":material/verified:"),
    "medium": ("orange", ":material/rule:"),
    "low": ("red", ":material/warning:"),
    "none": ("gray", ":material/block:"),
}
SIGNS = {True: ("good", "✓"), False: ("warn", "⚠"), None: ("", "")}


@dataclass(frozen=True)
class Line:
    """One number with what is wanted of it; `met` is None where nothing is wanted or nothing was measured."""

    key: str
    value: str
    wanted: str = ""
    met: bool | None = None


def show(result: Result) -> None:
    """Level and reason in one line, the sentence and its numbers behind it; an older run says that it has none."""
    stability = result.manifest.stability
    if not stability or not stability.confidence:
        st.caption(t("confidence.not_measured"))
        return
    level = stability.confidence.level
    colour, icon = LEVELS[level]
    told = trust(brief.facts_of(state.folder(), result), language())
    with st.container(horizontal=True, vertical_alignment="center", key="trust_line"):
        st.badge(told.word, color=colour, icon=icon, width="content")  # type: ignore[arg-type]
        st.markdown(shell.plain(told.reason), width="content")
        with st.popover(t("confidence.numbers"), type="tertiary"):
            st.markdown(shell.plain(confidence_sentence(result.manifest, language())))
            st.caption(t("confidence.help"))
            st.html(table(lines(stability, result.manifest.evidence_about)))


def lines(stability: StabilityRecord, about: EvidenceAbout) -> list[Line]:
    """The numbers of a run, those with a bar first."""
    rows = []
    if tested := about.examples:
        rows.append(Line("examples", str(tested), t("confidence.at_least", n=ENOUGH), tested >= ENOUGH))
        rows.append(
            Line("smallest_p", i18n.number(math.nan if about.smallest_p is None else about.smallest_p))
        )
    bars = (
        ("jaccard", stability.jaccard, BAR),
        ("held_out", stability.held_out, BAR),
        ("diversity", stability.diversity, DIVERSITY),
    )
    for key, value, bar in bars:
        share = math.nan if value is None else value
        met = None if math.isnan(share) else share >= bar
        rows.append(Line(key, percent(share), t("confidence.at_least", n=percent(bar)), met))
    overlaps = (("members_overlap", stability.members_overlap), ("mirror_overlap", stability.mirror_overlap))
    return rows + [Line(key, percent(share)) for key, share in overlaps if share is not None]


def table(rows: list[Line]) -> str:
    """The numbers as HTML: what, how much, what is wanted, whether it is met."""
    body = ""
    for row in rows:
        kind, sign = SIGNS[row.met]
        meaning = "" if row.met is None else escape(t("confidence.met" if row.met else "confidence.missed"))
        mark = f'<b class="{kind}" role="img" aria-label="{meaning}">{sign}</b>' if sign else ""
        body += (
            f"<tr><th>{escape(t(f'confidence.{row.key}'))}"
            f'<div class="note">{escape(t(f"confidence.{row.key}_note"))}</div></th>'
            f"<td>{escape(row.value)}</td><td>{escape(row.wanted)}</td><td>{mark}</td></tr>"
        )
    return f'<table class="confidence"><tbody>{body}</tbody></table>'
