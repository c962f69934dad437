"""Legends as HTML: what the signs of a picture mean, in words."""

from collections.abc import Collection
from html import escape

import pandas as pd
import streamlit as st

from core.story import Story
from core.story.svg import sign
from pages.parts.charts import drawings
from pages.parts.charts.colours import INK
from pages.parts.circuit import groups
from pages.parts.data.results import VERDICTS
from pages.parts.session.state import t


def of(heads: pd.DataFrame, folded: bool = False, dotted: bool = False) -> None:
    """The legend of a picture of these heads: verdicts and groups that occur, and what size, arrows and minus mean.

    `dotted` adds what dotted lines mean.
    """
    signs = verdicts(set(heads["verdict"]))
    if (heads["effect_high"] < 0).any():
        signs += f"<span>{minus()}{escape(t('circuit.against'))}</span>"
    counted = groups.counted(heads)
    rings = "".join(
        f'<span>{ring(number)}<span dir="auto">{escape(f"{groups.sign(number)} {name} ({count})")}</span></span>'
        for name, (number, count) in counted.items()
    )
    lines = f"<span>{escape(t('present.dotted'))}</span>" if dotted else ""
    reading = t("circuit.reading") + (" " + t("group.reading") if folded and counted else "")
    st.html(f'<div class="legend">{signs}{rings}<span>{escape(reading)}</span>{lines}</div>')


def verdicts(shown: Collection[str] = VERDICTS) -> str:
    """Sign and name of each of these verdicts."""
    return "".join(
        f"<span>{drawings.verdict(verdict)}{escape(t(f'verdict.{verdict}'))}</span>"
        for verdict in VERDICTS
        if verdict in shown
    )


def of_story(story: Story, unproven: bool, mlps: bool) -> str:
    """The legend of the picture from words to answers: verdicts, units and lines that it shows."""
    nodes = [node for node in story.nodes if (unproven or node.proven) and (mlps or node.unit == "head")]
    shown = [verdict for verdict in VERDICTS if verdict in {node.verdict for node in nodes}]
    signs = "".join(f"<span>{painted(verdict)}{escape(t(f'verdict.{verdict}'))}</span>" for verdict in shown)
    kinds = [t("present.number")] if any(node.effect is not None for node in nodes) else []
    if any(node.unit == "mlp" for node in nodes):
        kinds.append(t("present.square"))
    if unproven:
        kinds.append(t("present.dotted"))
    return f'<div class="legend">{signs}{"".join(f"<span>{escape(kind)}</span>" for kind in kinds)}</div>'


def painted(verdict: str) -> str:
    """A head of this verdict as the picture from words to answers paints it."""
    return drawings.image(f'<circle cx="8" cy="8" r="5.5" {sign(verdict, "none")}/>', 16, 16)


def ring(number: int) -> str:
    """The ring around the heads of a group."""
    look = f'fill="none" stroke="{groups.colour(number)}" stroke-width="2.5"'
    return drawings.image(f'<circle cx="8" cy="8" r="6.5" {look}/>', 16, 16)


def minus() -> str:
    """The sign of a head that works against the fault."""
    return drawings.image(
        f'<circle cx="8" cy="8" r="6" fill="none" stroke="{INK}" stroke-width="1.5"/>'
        f'<path d="M4.5 8H11.5" stroke="{INK}" stroke-width="2.4"/>',
        16,
        16,
    )
