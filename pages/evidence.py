"""Evidence: what switching heads off and putting them in says of the candidates."""

import streamlit as st

from core.errors import HeadlightError
from pages.parts import frame, results, state, tables
from pages.parts.state import t, tn


def page() -> None:
    """Effects where the run has them; otherwise says that there are none, and shows no number."""
    try:
        result = results.load(state.folder()) if state.run_id() else None
    except HeadlightError as error:
        frame.header("evidence")
        if frame.needs_run():
            frame.show(error)
        return
    if result is None:
        frame.header("evidence")
        frame.needs_run()
        return
    if not result.checked:
        frame.header("evidence", t("evidence.lead_unchecked"))
        with st.container(border=True):
            st.subheader(t("evidence.not_computed"), anchor=False)
            st.write(tn("evidence.not_computed_text", len(result.selected)))
    else:
        confirmed = int((result.selected["verdict"] == "confirmed").sum())
        frame.header("evidence", tn("evidence.lead_checked", confirmed, total=len(result.selected)))
        tables.heads(result, only_selected=True, key="effects")
    frame.next_button("evidence", key="next_evidence")


page()
