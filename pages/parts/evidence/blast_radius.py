"""What else changes with the suggested heads off: one sentence."""

import streamlit as st

from core.report.sentences import blast
from core.schema import CircuitRecord
from pages.parts import shell
from pages.parts.session.state import language, t


def show(circuit: CircuitRecord | None) -> None:
    """The sentence with its explanation; nothing where it was not measured."""
    if circuit and (sentence := blast.blast(circuit.blast_radius, language())):
        st.markdown(shell.plain(sentence), help=t("whatif.blast_help"))
