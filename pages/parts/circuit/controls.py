"""The row over the circuit's picture: view, search, filter, groups; and what is shown after it."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from pages.parts import i18n, shell
from pages.parts.circuit import head_labels
from pages.parts.circuit.groups import edge_ends
from pages.parts.circuit.marks import verdict_words
from pages.parts.circuit.view_state import open_head, opened_edge, opened_heads
from pages.parts.data import results
from pages.parts.data.head_search import find_head
from pages.parts.data.results import Result
from pages.parts.session.state import t
from pages.parts.session.url_state import VIEWS
from pages.parts.shell import widgets

FILTERS = ("score", "edges", "layers")
MOST_SLIDER = 200  # edges that can be asked for
OWN_EDGES = 5  # of a picked head, drawn even if they are weaker than the rest


@dataclass(frozen=True)
class Shown:
    """Heads, and edges of `all_edges` between these heads; `drawn` are the edges that the grid holds of them."""

    view: str
    heads: pd.DataFrame
    edges: pd.DataFrame
    all_edges: int
    unproven: bool = False

    @property
    def drawn(self) -> pd.DataFrame:
        """Edges that no intervention speaks against, and the picked one; every one where `unproven`."""
        held = (self.edges["verdict"] != "not_confirmed") | (self.edges["name"] == opened_edge())
        return self.edges if self.unproven else self.edges[held]


def show(result: Result) -> Shown:
    """Draw the row; give what is to be shown."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="circuit_row"):
        view = widgets.switch(
            t("circuit.view"), VIEWS, "circuit.{}", "circuit_view", label_visibility="collapsed"
        )
        st.text_input(
            t("circuit.search"),
            key="circuit_search",
            placeholder=t("circuit.search"),
            label_visibility="collapsed",
            on_change=_search,
            args=(result,),
            icon=":material/search:",
        )
        title = t("circuit.filter")
        if count := len(_asked_for()):
            title = t("shell.bracketed", words=title, more=count)
        with st.popover(title, key="circuit_filter", disabled=view != "grid"):
            heads, edges, among = _filtered(result)
        with st.popover(t("group.title"), key="circuit_groups", disabled=view != "grid"):
            st.toggle(
                t("group.fold"),
                key="circuit_fold",
                help=t("group.fold_help"),
                persist_state="session",
                disabled=not (result.heads["group"] != "").any(),
            )
            head_labels.edit_groups(result, heads)
    if missing := st.session_state.get("search_missing"):
        last = results.head_name(*max(zip(result.heads["layer"], result.heads["head"], strict=True)))
        st.caption(t("circuit.not_found", typed=shell.plain(missing), last=last))
    return Shown(view, heads, edges, len(among), view == "grid" and unproven())


def unproven() -> bool:
    """Draw the switch that asks for what was not shown to hold; whether it is on."""
    return st.toggle(t("present.unproven"), key="picture_unproven", persist_state="session")


def counts(result: Result, shown: Shown) -> str:
    """How much of the model the picture holds."""
    return t(
        "circuit.shown",
        heads=len(shown.heads),
        all_heads=len(result.heads),
        edges=len(shown.drawn),
        all_edges=shown.all_edges,
    )


def alternative(shown: Shown) -> str:
    """The picture in words."""
    return t(
        "alt.picture",
        heads=len(shown.heads),
        verdicts=verdict_words(list(shown.heads["verdict"]), t) if len(shown.heads) else "–",
        edges=len(shown.drawn),
        all_edges=shown.all_edges,
        strongest=shown.heads.iloc[0]["name"] if len(shown.heads) else "–",
        groups=shown.heads["group"].replace("", None).nunique(),
    )


def _filtered(result: Result) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Draw the filters; give heads and edges of the picture, and all edges between these heads."""
    heads = _with_opened(result, _layers(result, _lowest(result)))
    among = result.edges_among(list(heads["name"]))
    edges = among.head(_edge_count(among))
    edges = with_opened_edges(edges, among, result.edges, opened_heads(), opened_edge())
    if _asked_for():
        st.button(t("circuit.reset"), key="reset_filter", on_click=_reset, type="tertiary")
    return heads, edges, among


def with_opened_edges(
    drawn: pd.DataFrame, among: pd.DataFrame, every: pd.DataFrame, heads: Collection[str], edge: str
) -> pd.DataFrame:
    """The drawn edges, the strongest ones of the picked heads, and the picked edge, whatever the filters say."""
    own = among[among["source"].isin(heads) | among["target"].isin(heads)].head(OWN_EDGES)
    more = pd.concat([own, every[every["name"] == edge]])
    more = more[~more["name"].isin(drawn["name"])].drop_duplicates("name")
    return pd.concat([drawn, more]) if len(more) else drawn


def _lowest(result: Result) -> pd.DataFrame:
    """The circuit's heads by default, more or fewer as the slider says."""
    levels = sorted({round(float(score), 4) for score in result.heads["score"]})
    start = round(result.threshold(), 4)
    asked = st.session_state.get("asked_score")
    lowest = min(levels, key=lambda level: abs(level - (start if asked is None else asked)))
    if len(levels) > 1:
        st.session_state["circuit_lowest"] = lowest
        st.select_slider(
            t("circuit.lowest"),
            levels,
            format_func=i18n.number,
            key="circuit_lowest",
            on_change=_asked,
            args=("score", "circuit_lowest"),
        )
    return result.heads[result.heads["score"].round(4) >= lowest]


def _layers(result: Result, heads: pd.DataFrame) -> pd.DataFrame:
    """The heads of the layers that the slider leaves."""
    last = result.n_layers - 1
    if last < 1:
        return heads.head(results.MOST_HEADS)
    low, high = st.session_state.get("asked_layers") or (0, last)
    low, high = (low, min(high, last)) if low <= last else (0, last)
    st.session_state["circuit_layers"] = (low, high)
    st.slider(
        t("circuit.layers"),
        0,
        last,
        key="circuit_layers",
        on_change=_asked,
        args=("layers", "circuit_layers"),
    )
    return heads[heads["layer"].between(low, high)].head(results.MOST_HEADS)


def _with_opened(result: Result, heads: pd.DataFrame) -> pd.DataFrame:
    """The heads, and those that are open whatever the filters say."""
    missing = {*opened_heads(), *edge_ends(opened_edge())} - {""} - set(heads["name"])
    return pd.concat([heads, result.heads[result.heads["name"].isin(missing)]]) if missing else heads


def _edge_count(among: pd.DataFrame) -> int:
    """How many edges are drawn: the candidates by default, or as many as the slider says."""
    candidates = int(among["selected"].sum())
    most, count = min(len(among), MOST_SLIDER), min(candidates, results.MOST_EDGES)
    if most < 2:
        return count
    asked = st.session_state.get("asked_edges")
    st.session_state["circuit_edges"] = max(0, min(most, count if asked is None else asked))
    return int(
        st.slider(
            t("circuit.edges_shown", candidates=candidates, total=len(among)),
            0,
            most,
            help=t("circuit.edges_help"),
            key="circuit_edges",
            on_change=_asked,
            args=("edges", "circuit_edges"),
        )
    )


def _asked_for() -> list[str]:
    """The filters that the reader has set."""
    return [name for name in FILTERS if st.session_state.get(f"asked_{name}") is not None]


def _asked(name: str, key: str) -> None:
    """Keep what a filter was set to; the widget itself follows the data."""
    st.session_state[f"asked_{name}"] = st.session_state[key]


def _reset() -> None:
    for name in FILTERS:
        st.session_state.pop(f"asked_{name}", None)


def _search(result: Result) -> None:
    """Open the head that was typed, or remember what was not found."""
    typed = (st.session_state.get("circuit_search") or "").strip()
    head = find_head(typed, set(result.heads["name"]), result.own_names)
    st.session_state["search_missing"] = "" if head or not typed else typed[:40]
    if head:
        open_head(head)
