"""Evidence: what switching heads off and putting them in says of the candidates and of the circuit."""

from typing import NamedTuple

import streamlit as st

from core.report.sentences import circuit as circuit_words
from core.report.sentences.heads import screened as uses_screen
from core.report.sentences.heads import selection_note
from core.report.sentences.mlps import mlp_sentence
from core.report.sentences.notes import evidence_notes
from core.runs.job_state import JobState
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.schema import CircuitRecord
from pages.parts import shell
from pages.parts.charts import colours
from pages.parts.data import results, tables
from pages.parts.data.results import Result
from pages.parts.evidence import (
    blast_radius,
    circuit_checks,
    confidence,
    effect_details,
    effects,
    text_groups,
    trigger_words,
    what_if,
)
from pages.parts.examples import after_run
from pages.parts.i18n import glossary
from pages.parts.mechanism import card
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import widgets


class Evidence(NamedTuple):
    """What there is of a run's evidence: its tables, the check of its circuit, and the check at work or the last."""

    result: Result
    circuit: CircuitRecord | None
    check: JobState | None


def load(run: RunFolder) -> Evidence:
    """The evidence of a run; raises HeadlightError where a file is missing or damaged."""
    return Evidence(results.load(run), read_circuit(run), state.backend().check_status(run.run_id))


def page() -> None:
    """The whole page; where no run is open, the way to one."""
    evidence = shell.opened("evidence", load)
    if evidence is None:
        return
    result = evidence.result
    shell.header("evidence", lead(result, evidence.circuit))
    after_run.show(result)
    if note := selection_note(result.manifest, language()):
        st.caption(note)
    if result.checked:
        checked(*evidence)
    else:
        not_checked(result)
        if len(result.heads):
            what_if.show(result, evidence.circuit)
    shell.next_button("evidence", key="next_evidence")


def lead(result: Result, circuit: CircuitRecord | None) -> str:
    """What the evidence comes to, in one sentence."""
    if not result.checked:
        return t("evidence.lead_unchecked")
    if circuit and circuit.before_after:
        return circuit_words.ablated(circuit.before_after, language())
    return confirmed(result)


def confirmed(result: Result) -> str:
    """How many candidates are confirmed, in one sentence."""
    count = int((result.selected["verdict"] == "confirmed").sum())
    return tn("evidence.lead_checked", count, total=len(result.selected))


def checked(result: Result, circuit: CircuitRecord | None, check: JobState | None) -> None:
    """Before and after, effects of heads and connections, the circuit as a whole, how it was measured."""
    confidence.show(result)
    st.page_link("pages/sensitivity.py", label=t("sweep.link"), icon=":material/tune:")
    st.space("small")
    what_if.show(result, circuit)
    blast_radius.show(circuit)
    st.space("small")
    heads_and_edges(result, check)
    st.space("small")
    trigger_words.show(result)
    text_groups.show(result)
    st.subheader(t("circuit_check.title"), anchor=False, help=t("circuit_check.help"))
    active = check is not None and check.active
    if circuit is None or not circuit.complete or active:
        circuit_checks.check_line(result, "circuit", check)
    circuit_checks.show(circuit, active)
    with st.expander(t("evidence.how"), icon=":material/rule:"):
        for sentence in evidence_notes(result.manifest, language()):
            st.write(sentence)


def heads_and_edges(result: Result, check: JobState | None) -> None:
    """The effect of each tested head and edge."""
    every = result.manifest.every_head
    heads, edges = effects.tested(result.heads if every else result.selected), effects.tested(result.edges)
    st.subheader(t("evidence.heads"), anchor=False, help=glossary.help_of("effect"))
    st.write(confirmed(result))
    beyond = list(heads.loc[(heads["verdict"] == "confirmed") & ~heads["selected"], "name"])
    if beyond:
        st.info(
            tn("evidence.beyond", len(beyond), heads=t("finding.comma").join(beyond)), icon=":material/info:"
        )
    widgets.chart(
        effects.bars(heads, colours.palette(), t), "effect_bars", t("alt.effects", count=len(heads))
    )
    st.caption(t("evidence.reading"))
    tables.head_effects(heads, key="effects")
    if not every and (check is None or not check.active):
        circuit_checks.check_line(result, "heads", check)
    details(result, list(heads["name"]))
    card.show_proven(state.folder(), result)
    if sentence := mlp_sentence(result.manifest, language()):
        st.subheader(t("evidence.mlps"), anchor=False)
        st.write(sentence)
    if len(result.mlps):
        tables.mlp_effects(result.mlps, key="mlp_effects")
    if len(edges):
        st.subheader(t("evidence.edges"), anchor=False, help=glossary.help_of("edge"))
        tables.edge_effects(edges, result.titles(), key="edge_effects")


def details(result: Result, names: list[str]) -> None:
    """Folded: text by text, other ablations, and the gradient screen over all heads."""
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
            title("texts")
            order = text_groups.order(result.manifest.groups)
            heat = effect_details.texts_heat(single, names, palette, t, order)
            widgets.chart(heat, "by_text", t("alt.effects_by_text"))
            if order:
                st.caption(t("text_groups.order"))
        if len(rows):
            title("ablations")
            widgets.chart(effect_details.ablations(rows, palette, t), "ablations", t("alt.ablations"))
        if screened:
            title("screen")
            among, count = effect_details.agreement(result.heads)
            key = "screen_used" if uses_screen(result.manifest) else "screen_said"
            st.write(t(f"details.{key}", among=among, count=count))
            widgets.chart(effect_details.screen(result.heads, palette, t), "screen", t("alt.screen"))


def title(name: str) -> None:
    """The title of one of the details, with its explanation."""
    st.markdown(f"**{t(f'details.{name}')}**", help=t(f"details.{name}_help"))


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
