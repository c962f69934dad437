"""What a click in the picture or a row of a table opens."""

from typing import Any

import pytest
import streamlit as st

from pages.parts.circuit import view_state


def test_click_and_row_open_what_they_show(monkeypatch: pytest.MonkeyPatch) -> None:
    session: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", session)
    view_state.clicked({"selection": {"pick": [{"pick": "L1H2"}]}})
    assert session == {"head": "L1H2", "panel": "head", "picked": True}
    session["table"] = {"selection": {"rows": [1]}}
    view_state.row_ticked("table", ["L0H0>L1H1", "L0H0>L2H2"])
    assert (session["edge"], session["panel"]) == ("L0H0>L2H2", "edge")
    for nothing in ({"selection": {"rows": []}}, {"selection": {"rows": [7]}}, None):
        session["table"] = nothing
        view_state.row_ticked("table", ["L0H0"])
        assert session["picked"]
    view_state.clicked({"selection": {"pick": [{}]}})
    assert not session["picked"]
    assert session["edge"] == "L0H0>L2H2"
