"""Evidence: what switching heads off and putting them in says of the candidates and of the circuit."""

from typing import NamedTuple

import streamlit as st

from core.report.sentences import circuit as circuit_words
from core.report.sentences.heads import selection_note
from core.report.sentences.notes import evidence_notes
from core.runs.job_state import JobState
from core.runs.result_reader import read_circuit
from core.runs.run_folder import RunFolder
from core.schema import CircuitRecord
from pages.parts import shell
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.evidence import blast_radius, circuit_checks, confidence, effects_tab, what_if
from pages.parts.examples import after_run
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.session.url_state import PARTS, keep_to_run


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
    keep_to_run(st.session_state, state.run_id())
    shell.keep_address("evidence")
    shell.header("evidence", lead(result, evidence.circuit))
    after_run.show(result)
    if result.checked:
        confidence.show(result)
        tabs(evidence)
        measured(result)
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
    return effects_tab.confirmed(result)


def tabs(evidence: Evidence) -> None:
    """With and without heads, effects, the circuit as a whole. Only the open one is drawn."""
    labels = {name: t(f"evidence.tab_{name}") for name in PARTS}
    key = f"evidence_{language()}_{state.run_id()}"
    opened = st.session_state.get("evidence_part", PARTS[0])

    def turn() -> None:
        label = st.session_state.get(key)
        st.session_state["evidence_part"] = next((name for name in PARTS if labels[name] == label), PARTS[0])

    drawn = st.tabs(list(labels.values()), key=key, default=labels[opened], on_change=turn)
    with drawn[PARTS.index(opened)]:
        if opened == "try":
            what_if.show(evidence.result, evidence.circuit)
        elif opened == "effects":
            effects_tab.show(evidence.result, evidence.check)
        else:
            as_a_whole(*evidence)
    active = evidence.check is not None and evidence.check.active
    if active and opened != "circuit":
        circuit_checks.check_line(evidence.result, "circuit", evidence.check)


def as_a_whole(result: Result, circuit: CircuitRecord | None, check: JobState | None) -> None:
    """The check of the circuit, or the button that begins it, and what else changes."""
    active = check is not None and check.active
    circuit_checks.show(circuit, active)
    if circuit is None or not circuit.complete or active:
        circuit_checks.check_line(result, "circuit", check)
    blast_radius.show(circuit)


def measured(result: Result) -> None:
    """Folded: how the candidates were chosen, how the effects were measured, and the rule of the verdicts."""
    with st.expander(t("evidence.how"), icon=":material/rule:"):
        if note := selection_note(result.manifest, language()):
            st.write(note)
        for sentence in evidence_notes(result.manifest, language()):
            st.write(sentence)
        st.page_link("pages/sensitivity.py", label=t("sweep.link"), icon=":material/tune:")


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
