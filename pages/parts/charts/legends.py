"""Legends as HTML: what the signs of a picture mean, in words."""

from collections.abc import Collection, Mapping
from html import escape

import pandas as pd
import streamlit as st

from pages.parts.charts import drawings
from pages.parts.charts.colours import INK
from pages.parts.circuit import groups as folding
from pages.parts.data.results import VERDICTS
from pages.parts.session.state import t

NO_GROUPS: Mapping[str, tuple[int, int]] = {}


def circuit(
    verdicts: Collection[str],
    reading: bool = True,
    groups: Mapping[str, tuple[int, int]] = NO_GROUPS,
    against: bool = False,
    folded: bool = False,
) -> None:
    """The verdicts that occur, the groups (number and count by name), and what size, arrows and minus mean."""
    signs = "".join(
        f"<span>{drawings.verdict(verdict)}{escape(t(f'verdict.{verdict}'))}</span>"
        for verdict in VERDICTS
        if verdict in verdicts
    )
    if against:
        signs += f"<span>{minus()}{escape(t('circuit.against'))}</span>"
    said = t("circuit.reading") + (" " + t("group.reading") if folded and groups else "")
    words = f"<span>{escape(said)}</span>" if reading else ""
    st.html(f'<div class="legend">{signs}{rings(groups)}{words}</div>')


def of(heads: pd.DataFrame, folded: bool = False) -> None:
    """The legend of a picture of these heads."""
    against = bool((heads["effect_high"] < 0).any())
    circuit(list(heads["verdict"]), groups=folding.counted(heads), against=against, folded=folded)


def rings(groups: Mapping[str, tuple[int, int]]) -> str:
    """Ring, number, name and count of each group."""
    return "".join(
        f'<span>{ring(number)}<span dir="auto">{escape(f"{folding.sign(number)} {name} ({count})")}</span></span>'
        for name, (number, count) in groups.items()
    )


def ring(number: int) -> str:
    """The ring around the heads of a group."""
    look = f'fill="none" stroke="{folding.colour(number)}" stroke-width="2.5"'
    return drawings.image(f'<circle cx="8" cy="8" r="6.5" {look}/>', 16, 16)


def minus() -> str:
    """The sign of a head that works against the fault."""
    return drawings.image(
        f'<circle cx="8" cy="8" r="6" fill="none" stroke="{INK}" stroke-width="1.5"/>'
        f'<path d="M4.5 8H11.5" stroke="{INK}" stroke-width="2.4"/>',
        16,
        16,
    )
