"""The colours of the screen, safe for colour-blind readers (Okabe–Ito); never the only sign of anything."""

from dataclasses import dataclass

import streamlit as st

ANOMALOUS = "#D55E00"
NORMAL = "#0072B2"
INK = "#5B7FA6"
"""Of drawings and unchecked heads: readable on the light and on the dark ground."""
VERDICT = {"confirmed": "#009E73", "partly": "#E69F00", "not_confirmed": "#9CA3AF", "unchecked": INK}
VERDICT_SHAPE = {"confirmed": "circle", "partly": "square", "not_confirmed": "circle", "unchecked": "circle"}
FILLED = ("confirmed", "partly")


@dataclass(frozen=True)
class Palette:
    """Colours that depend on the theme."""

    text: str
    faint: str
    background: str
    line: str
    normal: str
    low: str
    high: str
    silent: str


LIGHT = Palette("#1f2937", "#6b7280", "#ffffff", "#5b6b80", "#0072B2", "#eef3f8", "#0b4a75", "#e5e7eb")
DARK = Palette("#e5e7eb", "#9ca3af", "#111827", "#8fa3bb", "#56B4E9", "#1f2b3d", "#8fd0ff", "#2b3648")


def palette() -> Palette:
    """The colours of the reader's theme."""
    return DARK if st.context.theme.type == "dark" else LIGHT
