"""Circuit: the heads that separate the two sides, and how they feed each other."""

import pandas as pd
import streamlit as st

from core.errors import HeadlightError
from pages.parts import (
    charts,
    colours,
    frame,
    graph,
    head_panel,
    legends,
    results,
    sentences,
    state,
    tables,
    texts,
)
from pages.parts.graph import Look
from pages.parts.results import Result
from pages.parts.state import t

MOST_SLIDER = 200  # edges that can be asked for


def shown_heads(result: Result, lowest: float) -> pd.DataFrame:
    """The heads of the picture: the circuit's by default, more or fewer as the slider says."""
    return result.heads[result.heads["score"].round(4) >= lowest].head(results.MOST_HEADS)


def controls(result: Result) -> tuple[str, float, int]:
    """View, lowest score, and number of edges."""
    view_place, score_place, edge_place = st.columns([2, 1.9, 2.2], vertical_alignment="bottom", gap="medium")
    view = view_place.segmented_control(
        t("circuit.view"),
        ("flow", "grid"),
        format_func=state.named(("flow", "grid"), "circuit.{}").__getitem__,
        key="circuit_view",
        default="flow",
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    levels = sorted({round(float(score), 4) for score in result.heads["score"]})
    start = round(result.threshold(), 4)
    lowest = start
    if len(levels) > 1:
        lowest = score_place.select_slider(
            t("circuit.lowest"),
            levels,
            value=min(levels, key=lambda level: abs(level - start)),
            format_func=texts.number,
            key=f"lowest_{state.run_id()}",
        )
    among = result.edges_among(list(shown_heads(result, lowest)["name"]))
    candidates = int(among["selected"].sum())
    most, count = min(len(among), MOST_SLIDER), min(candidates, results.MOST_EDGES)
    if most > 1:
        count = edge_place.slider(
            t("circuit.edges_shown", candidates=candidates, total=len(among)),
            0,
            most,
            count,
            help=t("circuit.edges_help"),
            key=f"edges_{state.run_id()}_{candidates}_{most}",
        )
    return view or "flow", lowest, count


def picture(result: Result, view: str, heads: pd.DataFrame, edges: pd.DataFrame) -> None:
    """The chart; a click on a head opens it in the panel."""
    chosen = st.session_state.get("head", "") if st.session_state.get("picked") else ""
    look = Look(colours.palette(), t, chosen)
    chart = graph.grid(result.heads, heads, edges, look) if view == "grid" else graph.flow(heads, edges, look)
    st.altair_chart(
        chart,
        key=f"chart_{view}",
        on_select=lambda: clicked(f"chart_{view}"),
        selection_mode="head",
        theme=None,
        alt=t(
            "alt.circuit",
            heads=len(heads),
            edges=len(edges),
            strongest=heads.iloc[0]["name"] if len(heads) else "–",
        ),
    )
    legends.circuit(list(heads["verdict"]))


def clicked(key: str) -> None:
    """Open the head that was clicked and bring out its edges; a click beside the heads shows all again."""
    event = st.session_state.get(key) or {}
    points = (event.get("selection") or {}).get("head") or []
    if points:
        st.session_state["head"] = points[0]["name"]
    st.session_state["picked"] = bool(points)


def below(result: Result, edges: pd.DataFrame) -> None:
    """Tables and heat map: all that the picture shows, and the rest."""
    head_tab, edge_tab, heat_tab = st.tabs(
        [t("circuit.heads"), t("circuit.edges"), t("circuit.heat")], key="below"
    )
    with head_tab:
        everything = st.toggle(t("circuit.all_heads"), key="all_heads", persist_state="session")
        tables.heads(result, not everything, key="heads_table")
    with edge_tab:
        tables.edges(edges, result.titles(), key="edges_table")
    with heat_tab:
        chart = charts.heat(result.heads, colours.palette(), t)
        st.altair_chart(
            chart, key="heat", theme=None, alt=t("alt.heat", layers=result.n_layers, heads=result.n_heads)
        )


def explore(result: Result) -> None:
    """Picture, panel of one head, tables."""
    main, side = st.columns([7, 3], gap="medium")
    with main.container(border=True):
        view, lowest, count = controls(result)
        heads = shown_heads(result, lowest)
        edges = result.edges_among(list(heads["name"])).head(count)
        picture(result, view, heads, edges)
    with side.container(border=True):
        head_panel.show(result, heads, edges)
    below(result, edges)


def page() -> None:
    """The whole page."""
    try:
        result = results.load(state.folder()) if state.run_id() else None
    except HeadlightError as error:
        frame.header("circuit")
        if (job := state.job()) and job.state.status == "done":
            frame.show(error)
        else:
            frame.needs_run()
        return
    said = [sentences.headline(result), sentences.chance(result)] if result else []
    frame.header("circuit", " ".join(said).strip())
    if not frame.needs_run() or result is None:
        return
    if state.settings_changed():
        st.info(t("circuit.settings_changed"), icon=":material/info:")
    if result.selected.empty:
        st.info(t("circuit.none"), icon=":material/info:")
        below(result, result.edges.head(0))
    else:
        explore(result)
    frame.next_button("circuit", key="next_circuit")


page()
