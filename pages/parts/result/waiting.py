"""While the check of the circuit is at work: how far it is; the page is drawn anew when it ends."""

import streamlit as st

from pages.parts.evidence import circuit_checks
from pages.parts.result.telling import Telling


def show(telling: Telling) -> None:
    """The check at work, or the button that begins it; nothing where what helps is known or cannot be asked."""
    if telling.facts.state != "tested" or (telling.facts.circuit and telling.facts.circuit.before_after):
        return
    with st.container(key="what_helps"):
        circuit_checks.check_line(telling.result, "circuit", telling.check)
