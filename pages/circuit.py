"""Circuit: the heads that separate the two sides, and how they feed each other."""

from functools import partial

import streamlit as st

from core.report.sentences.heads import chance, selection_note
from core.report.sentences.mlps import mlp_sentence
from core.text import joined
from pages.parts import shell
from pages.parts.charts import colours, legends, shared
from pages.parts.circuit import controls, edge_panel, graph, head_panel
from pages.parts.circuit.controls import Shown
from pages.parts.circuit.groups import edge_ends
from pages.parts.circuit.marks import PROVEN, Look
from pages.parts.circuit.view_state import (
    clicked,
    open_head,
    opened_edge,
    opened_heads,
    row_ticked,
    settle,
    table_key,
)
from pages.parts.data import results, tables
from pages.parts.data.results import Result
from pages.parts.evidence import trigger_words
from pages.parts.examples import after_run
from pages.parts.picture import shown as picture
from pages.parts.report import sentences
from pages.parts.session import state
from pages.parts.session.state import language, t
from pages.parts.session.url_state import TABS
from pages.parts.shell import widgets


def chart(result: Result, shown: Shown) -> None:
    """Where in the model the heads are; a click on a head or an edge opens it in the panel."""
    look = Look(
        colours.palette(),
        t,
        head=next(iter(opened_heads()), ""),
        edge=edge_ends(opened_edge()),
        folded=bool(st.session_state.get("circuit_fold")),
    )
    widgets.chart(
        graph.grid(result.heads, shown.heads, shown.drawn, look),
        "chart_grid",
        controls.alternative(shown),
        on_select=lambda: clicked(st.session_state.get("chart_grid")),
        selection_mode="pick",
    )


def way(result: Result) -> None:
    """From the words over the heads to the answers, of all texts or of one; what is unproven on demand."""
    with st.container(horizontal=True, vertical_alignment="center", key="picture_row"):
        unproven = controls.unproven()
        mlps = True
        if len(result.mlps):
            mlps = st.toggle(t("present.mlps"), value=True, key="picture_mlps", persist_state="session")
        example = picture.selected(result, "picture")
    picture.show(result, "picture", open_head, unproven, mlps, example)
    st.html(legends.of_story(picture.telling.of(result, language()), unproven, mlps))


def drawn(result: Result, shown: Shown) -> None:
    """The picture that the view asks for, with its legend."""
    if shown.view != "grid":
        way(result)
        return
    st.caption(controls.counts(result, shown))
    chart(result, shown)
    dotted = bool((~shown.drawn["verdict"].isin(PROVEN)).any())
    legends.of(shown.heads, bool(st.session_state.get("circuit_fold")), dotted)


def panel(result: Result, shown: Shown) -> None:
    """The head or the edge that is open."""
    if len(shown.edges):
        look = {"label_visibility": "collapsed", "width": "stretch"}
        if widgets.switch(t("circuit.panel"), ("head", "edge"), "circuit.{}", "panel", **look) == "edge":
            edge_panel.show(result, shown.edges)
            return
    head_panel.show(result, shown.heads, shown.edges)


def below(result: Result, shown: Shown) -> None:
    """Tables and heat map: all that the picture shows, and the rest. Only the open one is drawn."""
    labels = {name: t(f"circuit.{name}") for name in TABS}
    key = f"below_{state.language()}_{state.run_id()}"
    opened = st.session_state.get("circuit_tab", "heads")

    def turn() -> None:
        label = st.session_state.get(key)
        st.session_state["circuit_tab"] = next((name for name in TABS if labels[name] == label), "heads")

    tabs = st.tabs(list(labels.values()), key=key, default=labels[opened], on_change=turn)
    with tabs[TABS.index(opened)]:
        if opened == "heads":
            heads_tab(result)
        elif opened == "edges":
            edges_tab(result, shown)
        else:
            heat_tab(result)


def heads_tab(result: Result) -> None:
    """The table of heads; a ticked row opens its head."""
    with st.container(horizontal=True):
        everything = st.toggle(t("circuit.all_heads"), key="all_heads", persist_state="session")
        tests = st.toggle(t("evidence.tests"), key="evidence_tests", persist_state="session")
    names = list((result.heads if everything else result.selected)["name"])
    st.caption(joined(language(), t("circuit.row_opens"), selection_note(result.manifest, language())))
    key = table_key("heads_table", names, opened_heads())
    tables.heads(result, not everything, key=key, opened=partial(row_ticked, key, names), tests=tests)


def edges_tab(result: Result, shown: Shown) -> None:
    """The table of the drawn edges; a ticked row opens its edge."""
    names = list(shown.edges["name"])
    st.caption(t("circuit.row_opens"))
    key = table_key("edges_table", names, [opened_edge()])
    ticked = partial(row_ticked, key, names)
    tables.edges(shown.edges, result.titles(), key=key, opened=ticked)


def heat_tab(result: Result) -> None:
    """Scores of all heads as a map; a click opens a head."""
    widgets.chart(
        shared.heat(result.heads, colours.palette(), t),
        "heat",
        t("alt.heat", layers=result.n_layers, heads=result.n_heads),
        on_select=lambda: clicked(st.session_state.get("heat")),
        selection_mode="pick",
    )
    st.caption(t("circuit.heat_reading"))


def explore(result: Result) -> None:
    """Picture, panel of one head or edge, tables."""
    settle(result)
    shell.keep_address("circuit")
    main, side = st.columns([3, 1], gap="small")
    with main.container(border=True):
        shown = controls.show(result)
        drawn(result, shown)
    with side.container(border=True):
        panel(result, shown)
    with main:
        below(result, shown)
        st.caption(mlp_sentence(result.manifest, language()))


def page() -> None:
    """The whole page."""
    result = shell.opened("circuit", results.load)
    if result is None:
        return
    nothing = result.manifest.evidence == "no_difference"
    headline = sentences.headline(result)
    if not nothing:
        headline = f"{headline} {chance(result.heads, language())}"
    shell.header("circuit", headline.strip())
    after_run.show(result)
    if state.settings_changed():
        st.info(t("circuit.settings_changed"), icon=":material/info:")
    trigger_words.in_one_line()
    if result.selected.empty or nothing:
        if not nothing:  # else the reason stands above
            st.info(t("circuit.none"), icon=":material/info:")
        below(result, Shown("flow", result.heads.head(0), result.edges.head(0), 0))
    else:
        explore(result)
    shell.next_button("circuit", key="next_circuit")


page()
