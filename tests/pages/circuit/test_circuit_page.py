"""The circuit page's row of controls: search, filters, groups."""

import json
import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.runs.head_notes import HeadLabel, groups, read_labels, write_group, write_label
from core.runs.run_folder import runs_folder
from pages.parts import i18n
from pages.parts.circuit import head_labels
from pages.parts.circuit.controls import Shown, with_opened_edges
from pages.parts.circuit.view_state import table_key
from pages.parts.data import results
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, picture_of, shown
from tests.support.made_runs import make_run, write_circuit


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_search_opens_a_head_that_is_not_drawn(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    result = results.load(run)
    other = result.heads[~result.heads["selected"]].iloc[-1]
    app = open_app("circuit", language, run.run_id)
    app.session_state["circuit_view"] = "grid"
    app.run()
    before = len(result.selected)
    assert _drawn(result, language, before) in shown(app)
    app.text_input(key="circuit_search").set_value(f"{other['layer']}.{other['head']}").run()
    assert app.selectbox(key="head").value == other["name"]
    assert app.query_params["head"] == other["name"]
    assert app.query_params["picked"] == "1"
    assert _drawn(result, language, before + 1) in shown(app)


def test_search_says_which_heads_there_are(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    write_label(run, "L2H2", HeadLabel("previous word"))
    app = open_app("circuit", run=run.run_id)
    app.text_input(key="circuit_search").set_value("L6H0 <b>*x*").run()
    page = shown(app)
    assert "The heads are L0H0 to L5H7" in page
    assert "\\<b\\>\\*x\\*" in page
    app.text_input(key="circuit_search").set_value("Previous").run()
    assert app.selectbox(key="head").value == "L2H2"
    assert "The heads are" not in shown(app)


def test_layers_leave_their_heads_and_can_be_set_back(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    result = results.load(run)
    app = open_app("circuit", run=run.run_id)
    app.session_state["circuit_view"] = "grid"
    app.run()
    assert all(button.key != "reset_filter" for button in app.button)
    app.slider(key="circuit_layers").set_value((0, 1)).run()
    app.slider(key="circuit_layers").set_value((0, 2)).run()
    count = int((result.selected["layer"] <= 2).sum())
    assert _drawn(result, "en", count) in shown(app)
    app.button(key="reset_filter").click().run()
    assert app.slider(key="circuit_layers").value == (0, 5)
    assert _drawn(result, "en", len(result.selected)) in shown(app)


def test_model_of_one_layer_has_no_layer_filter(open_app: OpenApp) -> None:
    app = open_app("circuit", run=make_run(runs_folder(), 1, 4, 2).run_id)
    assert all(slider.key != "circuit_layers" for slider in app.slider)


def test_number_of_edges_follows_the_heads_until_it_is_set(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    result = results.load(run)
    app = open_app("circuit", run=run.run_id)
    assert app.slider(key="circuit_edges").value == len(result.candidate_edges)
    app.slider(key="circuit_edges").set_value(2).run()
    app.slider(key="circuit_edges").set_value(1).run()
    second = round(float(result.heads["score"].iloc[-2]), 4)
    app.select_slider(key="circuit_lowest").set_value(second).run()
    assert app.slider(key="circuit_edges").value == 1


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_several_heads_are_grouped_and_folded(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", language, run.run_id)
    app.session_state["circuit_view"] = "grid"
    app.run()
    assert app.toggle(key="circuit_fold").disabled
    assert entries(language)["present.dotted"] in shown(app), "edges of a run without tests"
    names = list(results.load(run).selected["name"][:3])
    write_group(run, names[:1], "<i>early</i>")
    app.run()
    app.multiselect(key=f"group_members_{run.run_id}").set_value(names)
    app.selectbox(key=f"group_name_{run.run_id}").set_value("<i>early</i>")
    app.button(key="keep_group").click().run()
    assert {name: label.group for name, label in read_labels(run).items()} == dict.fromkeys(
        names, "<i>early</i>"
    )
    assert "① &lt;i&gt;early&lt;/i&gt; (3)" in shown(app)
    app.toggle(key="circuit_fold").set_value(True).run()
    assert not app.exception
    assert app.query_params["fold"] == "1"
    assert entries(language)["group.reading"] in shown(app)
    assert list(app.dataframe[0].value["group"].dropna()) == ["<i>early</i>"] * 3
    app.multiselect(key=f"group_members_{run.run_id}").set_value(names)
    app.button(key="keep_group").click().run()
    assert read_labels(run) == {}


def test_group_without_heads_is_asked_for_some(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", run=run.run_id)
    app.button(key="keep_group").click().run()
    assert entries("en")["group.none_chosen"] in shown(app)
    assert read_labels(run) == {}


def test_new_group_is_made_by_its_name(open_app: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(runs_folder())
    session = {"run_id": run.run_id, "group_members_r": ["L0H0", "L1H1"], "group_name_r": "new ones"}
    monkeypatch.setattr(st, "session_state", session)
    head_labels._keep_group("r")
    assert groups(read_labels(run)) == {"new ones": ["L0H0", "L1H1"]}


def test_editing_one_head_keeps_its_group(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", run=run.run_id)
    head = app.session_state["head"]
    write_group(run, [head], "early")
    write_group(run, ["L0H0"], "other")
    app.run()
    app.text_input(key=f"label_name_{run.run_id}_{head}").set_value("first")
    app.button(key=f"keep_label_{head}").click().run()
    assert read_labels(run)[head] == HeadLabel("first", "", "early")
    app.selectbox(key=f"label_group_{run.run_id}_{head}_early").set_value("other")
    app.button(key=f"keep_label_{head}").click().run()
    assert read_labels(run)[head] == HeadLabel("first", "", "other")


def test_picked_head_brings_its_strongest_edges_and_a_picked_edge_itself() -> None:
    rows = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    every = pd.DataFrame([{"source": s, "target": t, "name": f"{s}>{t}"} for s, t in rows])
    drawn, among = every.head(1), every.head(3)
    assert list(with_opened_edges(drawn, among, every, [], "")["name"]) == ["a>x"]
    assert list(with_opened_edges(drawn, among, every, ["x"], "")["name"]) == ["a>x", "b>x"]
    assert list(with_opened_edges(drawn, among, every, [], "b>y")["name"]) == ["a>x", "b>y"]


def test_thirty_two_by_thirty_two_heads_with_ten_thousand_edges_are_drawn(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), 32, 32, 60, verdicts=True, n_edges=10_000)
    assert len(results.load(run).edges) == 10_000
    app = open_app("circuit", run=run.run_id)
    assert app.slider(key="circuit_edges").value == results.MOST_EDGES
    app.session_state["circuit_tab"] = "heat"
    app.segmented_control(key="circuit_view").set_value("grid").run()
    assert not app.exception


def _drawn(result: results.Result, language: str, heads: int) -> str:
    """The beginning of the line that counts what is drawn."""
    sentence = i18n.text(
        language, "circuit.shown", heads=heads, all_heads=len(result.heads), edges=0, all_edges=0
    )
    return sentence.split("0 of 0")[0].split("、")[0]


def test_tick_of_a_table_does_not_outlive_what_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    session: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", session)
    names = ["L1H2", "L0H3"]
    assert table_key("heads", names, []) == "heads_0"
    session["heads_0"] = {"selection": {"rows": [1]}}
    assert table_key("heads", names, ["L0H3"]) == "heads_0"
    assert table_key("heads", names, ["L1H2"]) == "heads_1"
    assert table_key("heads", names, ["L1H2"]) == "heads_1"
    session["heads_1"] = {"selection": {"rows": [1]}}
    assert table_key("heads", names[:1], ["L1H2"]) == "heads_2"


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_the_flow_is_the_way_from_words_to_answers_with_the_unproven_dotted_on_demand(
    open_app: OpenApp, language: str
) -> None:
    run = make_run(runs_folder(), verdicts=True)
    app = open_app("circuit", language, run.run_id)
    assert entries(language)["present.number"] in shown(app)
    drawing = picture_of(app)
    refuted = app.toggle(key="picture_unproven").set_value(True).run()
    assert drawing != picture_of(refuted) and "stroke-dasharray" in picture_of(refuted)


def test_refuted_edges_are_drawn_on_demand_or_where_they_are_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a>b", "confirmed"), ("a>c", "not_confirmed"), ("b>c", "unchecked"), ("b>d", "not_confirmed")]
    edges = pd.DataFrame(rows, columns=["name", "verdict"])
    session: dict[str, object] = {}
    monkeypatch.setattr(st, "session_state", session)
    shown_now = Shown("grid", edges.head(0), edges, 4)
    assert list(shown_now.drawn["name"]) == ["a>b", "b>c"]
    session.update(edge="b>d", panel="edge", picked=True)
    assert list(shown_now.drawn["name"]) == ["a>b", "b>c", "b>d"]
    assert len(replace(shown_now, unproven=True).drawn) == 4


def test_one_text_is_shown_with_what_is_said_without_the_heads(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    write_circuit(run)
    texts = results.load(run).examples
    first = str(texts.loc[texts["label"] == "anomalous", "text"].iloc[0])
    path = {"example": 1, "label": "anomalous", "pieces": [first, " <b>"], "differing": [1]}
    run.write_json("mechanisms.json", {"units": {}, "texts": [path]})
    app = open_app("circuit", run=run.run_id)
    assert given(app)["text"] == "", "the picture of all texts shows none of them"
    app.selectbox(key=f"picture_text_{run.run_id}").set_value(1).run()
    below = given(app)["text"]
    assert ' class="trigger"> &lt;b&gt;</span>' in below
    assert re.search(
        r"<b>today</b> <span [^>]*>→</span> <b>Billing</b> <small>without L0H1 and L2H3</small>", below
    )


def given(app: AppTest) -> dict[str, Any]:
    """What the picture was given."""
    (part,) = app.get("bidi_component")
    content: dict[str, Any] = json.loads(part.proto.json)
    return content


def test_presenting_ends_with_the_heads_that_were_switched_off(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), verdicts=True)
    assert given(open_app("circuit", run=run.run_id))["off"] == []
    write_circuit(run)
    told = given(open_app("circuit", run=run.run_id))
    assert told["off"] == ["L0H1", "L2H3"]
    assert "L0H1 and L2H3" in told["without"]
