"""The circuit page's view in the address."""

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.jobs.local_backend import LocalBackend
from core.runs.run_folder import runs_folder
from pages.parts.circuit.groups import edge_name
from pages.parts.data import results
from pages.parts.session import url_state
from pages.parts.session.url_state import NAMES, View, decode, encode, gather, keep_to_run, restore
from tests.pages.conftest import APP, OpenApp
from tests.support.made_runs import make_run

Follow = Callable[[dict[str, str]], AppTest]

FULL = View(
    view="grid",
    score=3.25,
    edges=0,
    layers=(2, 7),
    head="L3H5",
    edge="L1H2>L3H4",
    panel="edge",
    picked=True,
    fold=True,
    tab="heat",
    part="effects",
)


@pytest.fixture
def follow(local: LocalBackend) -> Follow:
    """Open the circuit page in a fresh session whose address has these parameters."""

    def followed(parameters: dict[str, str]) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params["lang"] = "en"
        for name, value in parameters.items():
            app.query_params[name] = value
        app.run()
        app.switch_page("pages/circuit.py").run()
        assert not app.exception, app.exception
        return app

    return followed


def test_every_part_of_a_view_is_restored() -> None:
    parameters = encode(FULL)
    assert set(parameters) == set(NAMES)
    assert parameters["edge"] == "L1H2-L3H4"
    assert parameters["score"] == "3.25"
    assert decode(parameters) == FULL


def test_an_mlp_block_can_be_the_open_one() -> None:
    assert decode({"head": "MLP3"}).head == "MLP3"
    assert decode({"head": "MLP3; drop"}).head == ""


def test_default_view_needs_no_parameter() -> None:
    assert encode(View()) == {}
    assert decode({}) == View()


@pytest.mark.parametrize(
    "hostile",
    [
        {"view": "<script>"},
        {"score": "nan"},
        {"score": "1e999"},
        {"score": "1e300"},
        {"edges": "-1"},
        {"edges": "9" * 40},
        {"edges": "４"},
        {"layers": "7-2"},
        {"layers": "1"},
        {"layers": "1-2-3"},
        {"head": "L03H5"},
        {"head": "L3H5'; drop"},
        {"head": "L٣H5"},
        {"edge": "L1H2"},
        {"edge": "L1H2-"},
        {"panel": "report"},
        {"picked": "yes"},
        {"fold": "0"},
        {"full": "1"},  # of links of earlier versions
        {"tab": "../heads"},
        {"run": "other"},
    ],
)
def test_what_cannot_be_meant_is_left_out(hostile: dict[str, str]) -> None:
    assert decode(hostile) == View()


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=80)))
@example({"score": "0.00001"})
def test_no_address_fails_and_what_is_read_is_written_the_same(parameters: dict[str, str]) -> None:
    view = decode(parameters)
    assert decode(encode(view)) == view


def test_view_of_a_run_is_not_shown_for_another() -> None:
    session: dict[str, object] = {}
    restore(session, "first", FULL)
    assert gather(session, "first") == FULL
    assert gather(session, "second") == View()
    keep_to_run(session, "first")
    assert gather(session, "first") == FULL
    keep_to_run(session, "second")
    assert gather(session, "second") == View()
    assert "head" not in session


def test_what_the_panel_opened_by_itself_is_not_in_the_address(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", run=run.run_id).run()
    assert app.selectbox(key="head").value
    assert "head" not in app.query_params
    session = {url_state._RUN: "first", "head": "L1H2", url_state.unasked("head"): "L1H2"}
    assert gather(session, "first").head == ""
    assert gather(session | {"picked": True}, "first").head == "L1H2"
    assert gather(session | {"head": "L0H3"}, "first").head == "L0H3"
    keep_to_run(session, "second")
    assert url_state.unasked("head") not in session


def test_link_restores_the_view_and_a_change_is_written_into_it(open_app: OpenApp, follow: Follow) -> None:
    run = make_run(runs_folder(), verdicts=True)
    result = results.load(run)
    edge = result.edges.iloc[0]
    app = open_app("circuit", run=run.run_id)
    app.segmented_control(key="circuit_view").set_value("grid").run()
    app.select_slider(key="circuit_lowest").set_value(round(float(result.heads["score"].iloc[2]), 4)).run()
    app.slider(key="circuit_edges").set_value(1).run()
    app.slider(key="circuit_layers").set_value((1, 4)).run()
    app.segmented_control(key="panel").set_value("edge").run()
    app.toggle(key="all_heads").set_value(True).run()
    parameters = dict(app.query_params)
    assert parameters["view"] == "grid"
    assert parameters["edges"] == "1"
    assert parameters["layers"] == "1-4"
    assert parameters["panel"] == "edge"
    fresh = open_app("start")
    assert "view" not in fresh.query_params

    opened = follow(parameters)
    assert opened.segmented_control(key="circuit_view").value == "grid"
    assert opened.slider(key="circuit_edges").value == 1
    assert opened.slider(key="circuit_layers").value == (1, 4)
    lowest = opened.select_slider(key="circuit_lowest").value
    assert lowest == round(float(result.heads["score"].iloc[2]), 4)
    assert opened.selectbox(key="edge").value == app.session_state["edge"]

    by_link = follow(
        {
            "run": run.run_id,
            "edge": f"{edge['source']}-{edge['target']}",
            "panel": "edge",
            "picked": "1",
            "edges": "0",
        }
    )
    assert by_link.selectbox(key="edge").value == edge_name(edge["source"], edge["target"])


def test_address_that_names_what_the_model_lacks_opens_the_page(follow: Follow) -> None:
    run = make_run(runs_folder())
    app = follow(
        {
            "run": run.run_id,
            "head": "L99H99",
            "edge": "L99H99-L100H0",
            "panel": "edge",
            "picked": "1",
            "layers": "40-90",
            "edges": "500000",
            "score": "-7",
        }
    )
    assert not app.exception
    assert app.selectbox(key="head").value == results.load(run).heads["name"].iloc[0]
    assert set(app.query_params) & {"head", "edge", "panel", "picked"} == set()


def test_a_link_to_the_former_full_screen_opens_the_page(follow: Follow) -> None:
    run = make_run(runs_folder())
    app = follow({"run": run.run_id, "full": "1", "view": "grid"})
    assert not app.exception
    assert app.segmented_control(key="circuit_view").value == "grid"
    assert app.title[0].value == "Circuit" and len(app.dataframe) == 1
