"""The panel of one head beside the picture of the circuit."""

import pandas as pd
import streamlit as st

from pages.parts import codes, colours, frame, labels, results, sentences, state, texts
from pages.parts.results import Result
from pages.parts.state import t


def show(result: Result, heads: pd.DataFrame, edges: pd.DataFrame) -> None:
    """One head: its score, its codes on the examples, its neighbours."""
    names = list(heads["name"]) + [name for name in result.heads["name"] if name not in set(heads["name"])]
    if st.session_state.get("head") not in names:
        st.session_state["head"] = names[0]
    titles = result.titles()
    name = st.selectbox(
        t("circuit.head"),
        names,
        format_func=lambda name: titles.get(name, name),
        key="head",
        on_change=_pick,
        persist_state="session",
    )
    row = result.heads[result.heads["name"] == name].iloc[0]
    st.markdown(
        f"**{t(f'verdict.{row.verdict}')}** · {t('circuit.score', score=texts.number(row.score))}",
        help=sentences.score_meaning(result.manifest),
    )
    labels.edit(name)
    _code_strip(result, int(row.layer), int(row["head"]))
    for title, here, there in (("circuit.fed_by", "target", "source"), ("circuit.feeds", "source", "target")):
        near = edges[edges[here] == name].head(5)
        listed = t("said.comma").join(
            f"{frame.plain(titles[r[there]])} ({texts.number(r.score)})" for _, r in near.iterrows()
        )
        st.markdown(f"{t(title)} {listed or t('circuit.nothing')}")


def _code_strip(result: Result, layer: int, head: int) -> None:
    """The codes of a head at its best position."""
    table = results.load_codes(state.folder(), layer, head)
    if table.empty:
        st.caption(t("circuit.no_codes"))
        return
    place = codes.best_position(table)
    shown = table[table["position"] == place]
    st.html(codes.sides(shown, t))
    chart = codes.strip(shown, result.examples, colours.palette(), t)
    st.altair_chart(
        chart, key="code_strip", theme=None, alt=t("alt.codes", head=results.head_name(layer, head))
    )
    st.caption(f"{sentences.position(place)} {t('circuit.codes')}")


def _pick() -> None:
    """Bring out the edges of the head that was chosen in the list."""
    st.session_state["picked"] = True
