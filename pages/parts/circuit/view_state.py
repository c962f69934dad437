"""What is open on the circuit page, in the session."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.parts.data.results import Result
from pages.parts.session import url_state


def open_head(name: str) -> None:
    """Show this head in the panel and bring it out in the picture."""
    st.session_state.update(head=name, panel="head", picked=True)


def pick() -> None:
    """Bring out in the picture what was selected in the panel's list."""
    st.session_state["picked"] = True


def select(key: str, label: str, names: Sequence[str], titles: Mapping[str, str]) -> str:
    """One head or edge (`key`) from a list; the switch above the list names it. `titles` are those of heads."""
    if st.session_state.get(key) not in names:
        st.session_state[key] = st.session_state[url_state.unasked(key)] = names[0]
    return st.selectbox(
        label,
        names,
        format_func=lambda name: " → ".join(titles.get(end, end) for end in name.split(">")),
        key=key,
        on_change=pick,
        label_visibility="collapsed",
        persist_state="session",
    )


def clicked(event: Mapping[str, Any] | None) -> None:
    """Open the head or edge that was clicked in a chart; a click beside them brings everything out again."""
    points = ((event or {}).get("selection") or {}).get("pick") or []
    _open(next((str(point["pick"]) for point in points if point.get("pick")), ""))


def row_ticked(key: str, names: Sequence[str]) -> None:
    """Open what the ticked row of a table shows; `names` are those of its rows."""
    row = ticked_row(key)
    if row is not None and row < len(names):
        _open(names[row])


def ticked_row(key: str) -> int | None:
    """The row that is ticked in the table of this key."""
    rows = ((st.session_state.get(key) or {}).get("selection") or {}).get("rows") or []
    return int(rows[0]) if rows else None


def table_key(table: str, names: Sequence[str], opened: Sequence[str]) -> str:
    """The key of a table; a new one where the ticked row is not what is open, so that no tick outlives it."""
    count = st.session_state.get(f"{table}_count", 0)
    row = ticked_row(f"{table}_{count}")
    if row is not None and (row >= len(names) or names[row] not in opened):
        count += 1
        st.session_state[f"{table}_count"] = count
    return f"{table}_{count}"


def _open(name: str) -> None:
    if ">" in name:
        st.session_state.update(edge=name, panel="edge", picked=True)
    elif name:
        open_head(name)
    else:
        st.session_state["picked"] = False


def settle(result: Result) -> None:
    """Forget what an address names but this result does not have."""
    session = st.session_state
    if session.get("head") and session["head"] not in {*result.heads["name"], *result.mlp_names}:
        session.pop("head")
        if session.get("panel") != "edge":
            session["picked"] = False
    if session.get("edge") and session["edge"] not in set(result.edges["name"]):
        session.pop("edge")
        if session.get("panel") == "edge":
            session.update(panel="head", picked=False)


def opened_heads() -> list[str]:
    """The head that is picked, if one is."""
    session = st.session_state
    shown = session.get("picked") and session.get("panel") != "edge" and session.get("head")
    return [session["head"]] if shown else []


def opened_edge() -> str:
    """The edge that is picked, or nothing."""
    session = st.session_state
    return str(session.get("edge", "")) if session.get("picked") and session.get("panel") == "edge" else ""
