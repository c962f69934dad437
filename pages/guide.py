"""Guide: how to read the pictures, what they can and cannot prove."""

import streamlit as st

from pages.parts import frame, legends
from pages.parts.results import VERDICTS
from pages.parts.state import t

SECTIONS = ("question", "texts", "method", "picture", "score", "evidence", "limits", "words")

frame.header("guide", t("guide.lead"))
with st.container(width=820):
    for section in SECTIONS:
        st.subheader(t(f"guide.{section}_title"), anchor=False)
        st.markdown(t(f"guide.{section}"))
        if section == "picture":
            legends.circuit(VERDICTS, reading=False)
