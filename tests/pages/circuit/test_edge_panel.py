"""The panel of one edge: its joint codes, worked by hand, and its numbers in words."""

import pandas as pd
import pytest

from core.runs.run_folder import runs_folder
from pages.parts import i18n
from pages.parts.circuit.edge_panel import joint, own_examples
from pages.parts.data import results
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import make_run

LABELS = ("anomalous", "anomalous", "normal", "normal")


def codes(*rows: str) -> pd.DataFrame:
    """A row a member, a word an example."""
    return pd.DataFrame(
        [
            {"member": member, "example": place + 1, "label": LABELS[place], "code": code}
            for member, row in enumerate(rows)
            for place, code in enumerate(row.split())
        ]
    )


def test_joint_code_holds_both_and_is_silent_where_one_is() -> None:
    table = joint(codes("1 silent 1 2"), codes("7 7 8 silent"))
    assert list(table["code"]) == ["1 + 7", "silent", "1 + 8", "silent"]
    lacking = joint(codes("absent 1 2 silent"), codes("7 absent 8 absent"))
    assert list(lacking["code"]) == ["absent", "absent", "2 + 8", "absent"]
    assert own_examples(lacking) == 0


def test_examples_with_a_joint_code_of_the_anomalous_side_alone_are_counted() -> None:
    source, target = codes("1 2 1 2", "1 1 1 1"), codes("7 7 8 7", "7 8 9 9")
    assert own_examples(joint(source, target)) == (1 + 2) / 2
    assert own_examples(joint(codes("1 1 1 1"), codes("2 2 2 2"))) == 0
    assert own_examples(joint(codes("silent 1 2 2"), codes("7 silent 2 2"))) == 0


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_edge_in_the_panel_tells_what_is_known(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", language, run.run_id)
    edge = results.load(run).candidate_edges.iloc[1]
    app.session_state["edge"] = edge["name"]
    app.session_state["panel"] = "edge"
    app.run()
    assert not app.exception
    assert app.selectbox(key="edge").value == edge["name"]
    assert entries(language)["edge.untested"] in shown(app)
    assert entries(language)["edge.codes"] in shown(app)
    assert all(box.key != "head" for box in app.selectbox)


def test_effect_and_direction_of_an_edge_are_told(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    table = pd.read_csv(run.path / "edges.csv", encoding="utf-8-sig")
    table.loc[0, ["effect", "effect_low", "effect_high", "p_value", "q_value"]] = [
        -0.4,
        -0.5,
        -0.3,
        0.01,
        0.02,
    ]
    table["verdict"] = table["verdict"].astype(object)
    table.loc[0, "verdict"] = "confirmed"
    run.write_bytes("edges.csv", table.to_csv(index=False).encode("utf-8-sig"))
    app = open_app("circuit", run=run.run_id)
    app.segmented_control(key="panel").set_value("edge").run()
    page = shown(app)
    assert "**confirmed**" in page
    assert "Effect −40\u00a0% (95 % interval −50\u00a0% … −30\u00a0%)." in page
    assert entries("en")["edge.against"] in page
    assert "p 0.01, q 0.02." in page
