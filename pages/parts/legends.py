"""Legends as HTML: what the signs of a picture mean, in words."""

from collections.abc import Collection
from html import escape

import streamlit as st

from pages.parts import drawings
from pages.parts.results import VERDICTS
from pages.parts.state import t


def circuit(verdicts: Collection[str], reading: bool = True) -> None:
    """The verdicts that occur, and what size and arrows mean."""
    signs = "".join(
        f"<span>{drawings.verdict(verdict)}{escape(t(f'verdict.{verdict}'))}</span>"
        for verdict in VERDICTS
        if verdict in verdicts
    )
    words = f"<span>{escape(t('circuit.reading'))}</span>" if reading else ""
    st.html(f'<div class="legend">{signs}{words}</div>')
