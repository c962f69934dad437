"""The effects of heads, MLP blocks and connections: text by text first, then each one's size, then the numbers."""

import streamlit as st

from core.report.sentences.heads import screened as uses_screen
from core.report.sentences.mlps import mlp_sentence
from core.runs.job_state import JobState
from pages.parts.charts import colours
from pages.parts.data import tables
from pages.parts.data.results import Result
from pages.parts.evidence import circuit_checks, effect_details, effects, text_groups, trigger_words
from pages.parts.i18n import glossary
from pages.parts.mechanism import card
from pages.parts.session import state
from pages.parts.session.state import language, t, tn
from pages.parts.shell import widgets


def show(result: Result, check: JobState | None) -> None:
    """Texts × heads, groups of texts, trigger words, effects of heads, MLP blocks and connections."""
    every = result.manifest.every_head
    heads = effects.tested(result.heads if every else result.selected)
    names = list(heads["name"])
    texts(result, names)
    text_groups.show(result)
    trigger_words.show(result)
    of_heads(result, check)
    card.show_proven(state.folder(), result)
    blocks_and_edges(result)
    details(result, names)


def confirmed(result: Result) -> str:
    """How many candidates are confirmed, in one sentence."""
    count = int((result.selected["verdict"] == "confirmed").sum())
    return tn("evidence.lead_checked", count, total=len(result.selected))


def texts(result: Result, names: list[str]) -> None:
    """Which texts the effects come from; nothing for a run that did not keep that."""
    single = effect_details.by_example(state.folder(), names, result.manifest.alignment.pairs)
    if single.empty:
        return
    title("texts")
    order = text_groups.order(result.manifest.groups)
    shown = list(result.examples["text"])
    heat = effect_details.texts_heat(single, names, shown, colours.palette(), t, order)
    widgets.chart(heat, "by_text", t("alt.effects_by_text"))
    if order:
        st.caption(t("text_groups.order"))
    if (total := single["example"].nunique()) > effect_details.MOST_TEXTS:
        st.caption(t("details.first_texts", shown=effect_details.MOST_TEXTS, total=total))


def of_heads(result: Result, check: JobState | None) -> None:
    """The effect of each tested head as a point with its interval, and as a table."""
    every = result.manifest.every_head
    heads = effects.tested(result.heads if every else result.selected)
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
    tests = st.toggle(t("evidence.tests"), key="evidence_tests", persist_state="session")
    tables.head_effects(heads, key="effects", tests=tests)
    if not every and (check is None or not check.active):
        circuit_checks.check_line(result, "heads", check)


def blocks_and_edges(result: Result) -> None:
    """What MLP blocks pass on, in a sentence; folded, the tables of MLP blocks and connections that were measured."""
    if sentence := mlp_sentence(result.manifest, language()):
        st.write(sentence)
    edges, tests = effects.tested(result.edges), bool(st.session_state.get("evidence_tests"))
    if not (len(result.mlps) or len(edges)):
        return
    with st.expander(t("evidence.more"), icon=":material/table:", key="blocks_and_edges"):
        if len(result.mlps):
            st.markdown(f"**{t('evidence.mlps')}**")
            tables.mlp_effects(result.mlps, key="mlp_effects", tests=tests)
        if len(edges):
            st.markdown(f"**{t('evidence.edges')}**", help=glossary.help_of("edge"))
            tables.edge_effects(edges, result.titles(), key="edge_effects", tests=tests)


def details(result: Result, names: list[str]) -> None:
    """Folded: other ablations, and the gradient screen over all heads."""
    palette = colours.palette()
    rows = effect_details.ablation_rows(effect_details.evidence(state.folder()), names)
    screened = "attribution" in result.heads and result.heads["attribution"].notna().any()
    if rows.empty and not screened:
        return
    fold = st.expander(
        t("details.title"), icon=":material/query_stats:", key="effect_details", on_change="rerun"
    )
    if not fold.open:  # charts in a closed fold would be drawn for nobody
        return
    with fold:
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
    """The title of one of the pictures, with its explanation."""
    st.markdown(f"**{t(f'details.{name}')}**", help=t(f"details.{name}_help"))
