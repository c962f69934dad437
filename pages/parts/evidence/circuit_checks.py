"""The check of the circuit: how far it is, and its results."""

import pandas as pd
import streamlit as st

from core.jobs.follow_up import measured_seconds
from core.report.sentences import circuit as circuit_words
from core.runs.job_state import CheckKind, JobState
from core.schema import AblationCheck, CircuitRecord
from core.text import number, percent
from pages.parts import i18n, shell
from pages.parts.charts import colours
from pages.parts.data import tables
from pages.parts.data.results import Result
from pages.parts.evidence import circuit_check_charts as charts
from pages.parts.session.state import language, t
from pages.parts.shell import checks, widgets


def check_line(result: Result, kind: CheckKind, check: JobState | None) -> None:
    """How far the check is, or the button that begins it."""
    if checks.follow(check):
        return
    label = t(f"circuit_check.check_{kind}")
    if kind == "circuit" and (seconds := measured_seconds(result.manifest.model.name)) is not None:
        label = t("circuit_check.check_circuit_time", time=i18n.duration(language(), seconds))
    checks.begin(kind, check, label, f"check_{kind}", ":material/fact_check:")


def show(content: CircuitRecord | None, active: bool) -> None:
    """What the check found, pictures first; `active` while it is still at work."""
    if content is None:
        if not active:
            st.caption(t("circuit_check.nothing_yet"))
        return
    missing = circuit_words.state(content, language())
    if missing and not active:
        st.info(missing, icon=":material/info:")
    if not content.ablations:
        return
    defined = content.defined
    count = len(content.circuit)
    if defined:
        first = circuit_words.needed_and_enough(defined[0], content.goal, language())
        st.subheader(shell.plain(first), anchor=False, help=t("circuit_check.help"))
        st.markdown(shell.plain(circuit_words.faithfulness(defined[0], count, language())))
        left, right = st.columns(2, gap="medium")
        with left:
            random = charts.beside_random(defined, colours.palette(), t)
            widgets.chart(random, "beside_random", t("alt.circuit_check", count=count))
            st.caption(t("circuit_check.reading"))
        with right:
            st.markdown(f"**{t('circuit_check.curve')}**", help=t("circuit_check.curve_help"))
            curve = charts.curve(defined[0], count, content.goal, colours.palette(), t)
            widgets.chart(curve, "faithfulness_curve", t("alt.curve"))
    for sentence in (
        circuit_words.minimal_circuit(content, language()),
        circuit_words.minimal_ablation_set(content, "mean", language()),
    ):
        if sentence:
            st.markdown(shell.plain(sentence))
    fold = st.expander(
        t("circuit_check.details"), icon=":material/query_stats:", key="circuit_details", on_change="rerun"
    )
    if fold.open:  # charts in a closed fold would be drawn for nobody
        with fold:
            _details(content, defined)


def _details(content: CircuitRecord, defined: list[AblationCheck]) -> None:
    if defined:
        st.markdown(f"**{t('circuit_check.minimality')}**", help=t("circuit_check.minimality_help"))
        widgets.chart(charts.minimality(defined[0], colours.palette(), t), "minimality", t("alt.minimality"))
    _table(charts.numbers(content.ablations, t))
    for ablation in content.ablations:
        if not ablation.defined:
            st.caption(circuit_words.faithfulness(ablation, len(content.circuit), language()))
    zero = circuit_words.minimal_ablation_set(content, "zero", language())
    st.caption(" ".join(part for part in (zero, circuit_words.cost(content, language())) if part))


def _table(table: pd.DataFrame) -> None:
    shares = ("faithfulness", "completeness", "cpr", "cmd")
    settings = {
        name: st.column_config.Column(t(f"circuit_check.column_{name}"), help=t(f"circuit_check.help_{name}"))
        for name in table
    }
    formats = {**dict.fromkeys(shares, percent), "reached": number, "random": number}
    shown = table.style.format(formats, na_rep="–")
    st.dataframe(shown, hide_index=True, column_config=settings, key="circuit_numbers", placeholder="–")
    titles = {name: t(f"circuit_check.column_{name}") for name in table}
    st.html(tables.on_paper(table.rename(columns=titles), {titles[name]: formats[name] for name in formats}))
