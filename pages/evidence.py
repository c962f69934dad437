"""Evidence: what switching heads off and putting them in says of the candidates and of the circuit."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import HeadlightError
from core.report.sentences import circuit as circuit_words
from core.report.sentences.heads import screened as uses_screen
from core.report.sentences.heads import selection_note
from core.report.sentences.notes import evidence_notes
from core.runs.job_state import JobState
from core.runs.result_reader import read_circuit
from pages.parts import shell
from pages.parts.charts import colours
from pages.parts.data import results, tables
from pages.parts.data.results import Result
from pages.parts.evidence import circuit_checks as whole
from pages.parts.evidence import confidence as stability_of
from pages.parts.evidence import effect_details, effects, what_if
from pages.parts.i18n import glossary
from pages.parts.session import state
from pages.parts.session.state import language, t, tn


def page() -> None:
    """The whole page; where no run is open, the way to one."""
    try:
        result = results.load(state.folder()) if state.run_id() else None
        content = read_circuit(state.folder()) if result else None
        found = state.backend().check_status(state.run_id()) if result else None
    except HeadlightError as error:
        shell.header("evidence")
        if shell.needs_run():
            shell.show(error)
        return
    if result is None:
        shell.header("evidence")
        shell.needs_run()
        return
    shell.header("evidence", lead(result, content))
    if chosen := selection_note(result.manifest, language()):
        st.caption(chosen)
    if result.checked:
        checked(result, content, found)
    else:
        not_checked(result)
        if len(result.heads):
            what_if.show(result, content)
    shell.next_button("evidence", key="next_evidence")


def lead(result: Result, content: Mapping[str, Any] | None) -> str:
    """What the evidence comes to, in one sentence."""
    if not result.checked:
        return t("evidence.lead_unchecked")
    tried = (content or {}).get("before_after")
    if tried:
        return circuit_words.ablated(tried, language())
    confirmed = int((result.selected["verdict"] == "confirmed").sum())
    return tn("evidence.lead_checked", confirmed, total=len(result.selected))


def checked(result: Result, content: Mapping[str, Any] | None, found: JobState | None) -> None:
    """Before and after, effects of heads and connections, the circuit as a whole, how it was measured."""
    stability_of.show(result)
    st.page_link("pages/sensitivity.py", label=t("sweep.link"), icon=":material/tune:")
    st.space("small")
    what_if.show(result, content)
    st.space("small")
    heads_and_edges(result, found)
    st.space("small")
    st.subheader(t("circuit_check.title"), anchor=False, help=t("circuit_check.help"))
    if content is None or not content["complete"] or (found is not None and found.active):
        whole.check_line(result, "circuit", found)
    whole.show(content, active=found is not None and found.active)
    with st.expander(t("evidence.how"), icon=":material/rule:"):
        for sentence in evidence_notes(result.manifest, language()):
            st.write(sentence)


def heads_and_edges(result: Result, found: JobState | None) -> None:
    """The effect of each tested head and edge."""
    every = result.manifest.every_head
    heads, edges = effects.tested(result.heads if every else result.selected), effects.tested(result.edges)
    confirmed = int((result.selected["verdict"] == "confirmed").sum())
    st.subheader(t("evidence.heads"), anchor=False, help=glossary.help_of("effect"))
    st.write(tn("evidence.lead_checked", confirmed, total=len(result.selected)))
    beyond = list(heads.loc[(heads["verdict"] == "confirmed") & ~heads["selected"], "name"])
    if beyond:
        st.info(
            tn("evidence.beyond", len(beyond), heads=t("said.comma").join(beyond)), icon=":material/info:"
        )
    st.altair_chart(
        effects.bars(heads, colours.palette(), t),
        key="effect_bars",
        theme=None,
        alt=t("alt.effects", count=len(heads)),
    )
    st.caption(t("evidence.reading"))
    tables.head_effects(heads, key="effects")
    if not every and (found is None or not found.active):
        whole.check_line(result, "heads", found)
    details(result, list(heads["name"]))
    if len(edges):
        st.subheader(t("evidence.edges"), anchor=False, help=glossary.help_of("edge"))
        tables.edge_effects(edges, result.titles(), key="edge_effects")


def details(result: Result, names: list[str]) -> None:
    """Folded: text by text, other ablations, and the cheap screen over all heads."""
    run, palette = state.folder(), colours.palette()
    single = effect_details.by_example(run, names, result.manifest.alignment.pairs)
    rows = effect_details.ablation_rows(effect_details.evidence(run), names)
    screened = "attribution" in result.heads and result.heads["attribution"].notna().any()
    if single.empty and rows.empty and not screened:
        return
    fold = st.expander(
        t("details.title"), icon=":material/query_stats:", key="effect_details", on_change="rerun"
    )
    if not fold.open:  # charts in a closed fold would be drawn for nobody
        return
    with fold:
        if len(single):
            st.markdown(f"**{t('details.texts')}**", help=t("details.texts_help"))
            st.altair_chart(
                effect_details.texts_heat(single, names, palette, t),
                key="effects_by_text",
                theme=None,
                alt=t("alt.effects_by_text"),
            )
        if len(rows):
            st.markdown(f"**{t('details.ablations')}**", help=t("details.ablations_help"))
            st.altair_chart(
                effect_details.ablations(rows, palette, t),
                key="ablations",
                theme=None,
                alt=t("alt.ablations"),
            )
        if screened:
            among, count = effect_details.agreement(result.heads)
            st.markdown(f"**{t('details.screen')}**", help=t("details.screen_help"))
            key = "screen_used" if uses_screen(result.manifest) else "screen_said"
            st.write(t(f"details.{key}", among=among, count=count))
            st.altair_chart(
                effect_details.screen(result.heads, palette, t), key="screen", theme=None, alt=t("alt.screen")
            )


def not_checked(result: Result) -> None:
    """Why there is no effect to show."""
    with st.container(border=True):
        if result.manifest.evidence == "no_difference":
            st.subheader(t("evidence.no_difference"), anchor=False)
            for sentence in evidence_notes(result.manifest, language()):
                st.write(sentence)
        else:
            st.subheader(t("evidence.not_computed"), anchor=False)
            st.write(tn("evidence.not_computed_text", len(result.selected)))


page()
