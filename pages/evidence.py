"""Evidence: what switching heads off and putting them in says of the candidates."""

import streamlit as st

from core.errors import HeadlightError
from pages.parts import colours, effects, frame, results, sentences, state, tables
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
    if result.checked:
        _show_effects(result)
    else:
        _say_why_not(result)
    frame.next_button("evidence", key="next_evidence")


def _show_effects(result: results.Result) -> None:
    heads, edges = effects.tested(result.selected), effects.tested(result.edges)
    confirmed = int((result.selected["verdict"] == "confirmed").sum())
    frame.header("evidence", tn("evidence.lead_checked", confirmed, total=len(result.selected)))
    for sentence in sentences.evidence_notes(result.manifest):
        st.write(sentence)
    st.altair_chart(
        effects.bars(heads, colours.palette(), t),
        key="effect_bars",
        theme=None,
        alt=t("alt.effects", count=len(heads)),
    )
    st.caption(t("evidence.reading"))
    tables.head_effects(heads, key="effects")
    if len(edges):
        st.subheader(t("evidence.edges"), anchor=False)
        tables.edge_effects(edges, result.titles(), key="edge_effects")


def _say_why_not(result: results.Result) -> None:
    frame.header("evidence", t("evidence.lead_unchecked"))
    with st.container(border=True):
        if result.manifest.get("evidence") == "no_difference":
            st.subheader(t("evidence.no_difference"), anchor=False)
            for sentence in sentences.evidence_notes(result.manifest):
                st.write(sentence)
        else:
            st.subheader(t("evidence.not_computed"), anchor=False)
            st.write(tn("evidence.not_computed_text", len(result.selected)))


page()
