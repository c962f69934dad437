"""The benchmark page: a full result, a partial one, a broken one, several, none."""

import json
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.benchmark import reading
from core.benchmark.reading import read
from core.benchmark.standings import comparison
from pages.parts.benchmark import words
from pages.parts.i18n import LANGUAGES, entries
from tests.pages.conftest import OpenApp, paper_tables, shown
from tests.support.made_benchmark import GOALS, make_benchmark, write


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No result of the project or of the folder that the tests run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "PROJECT", tmp_path / "project")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a user's own result lies."""
    return tmp_path / "benchmark"


def charts(app: AppTest) -> list[str]:
    """The words that stand for each chart."""
    return [element.proto.alt for element in app.get("vega_lite_chart")]


def goal_tables(app: AppTest) -> list[str]:
    """The tables of goals, in their order on the page."""
    return [str(one.value) for one in app.get("html") if 'class="beside goals"' in str(one.value)]


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_one_screen_says_how_right_against_whom_how_sure_and_what_it_costs(
    open_app: OpenApp, folder: Path, language: str
) -> None:
    make_benchmark(folder)
    app, texts = open_app("benchmark", language), entries(language)
    page = shown(app)
    titles = [element.value for element in app.subheader]
    assert titles == [texts[f"bench.{name}_title"] for name in ("against", "goals", "sure", "cost")]
    compared = comparison(read(folder).summary)
    assert compared is not None
    assert words.score(compared.ours.mean) in page
    assert [bool(alternative) for alternative in charts(app)] == [True], "one chart, told in words too"
    for met, sign, word in ((True, "✓", "met"), (False, "✕", "missed"), (None, "–", "unmeasured")):
        mark = f'aria-label="{texts[f"bench.{word}"]}">{sign}</b>'
        assert page.count(mark) == sum(goal["met"] is met for goal in GOALS)
    assert texts["method.eap-ig.text"] in page
    assert "&lt;b&gt;here&lt;/b&gt;" in page and "<b>here" not in page


def test_goals_that_are_missed_stand_open_and_the_others_in_a_fold_each(
    open_app: OpenApp, folder: Path
) -> None:
    make_benchmark(folder)
    app = open_app("benchmark")
    kinds = [[mark for mark in ("✓", "✕", "–") if f">{mark}</b>" in html] for html in goal_tables(app)]
    assert kinds == [["✕"], ["✓"], ["–"]]
    counts = {met: sum(goal["met"] is met for goal in GOALS) for met in (True, None)}
    labels = [fold.label for fold in app.expander]
    assert labels[:2] == [
        entries("en")["bench.goals_met"].format(count=counts[True]),
        entries("en")["bench.goals_unmeasured"].format(count=counts[None]),
    ]


def test_whole_table_holds_every_method_and_number_of_texts(open_app: OpenApp, folder: Path) -> None:
    make_benchmark(folder)
    app = open_app("benchmark")
    table = app.dataframe[0].value
    assert table["examples"].iloc[0] == 8, "the main number of texts comes first"
    assert set(table["examples"]) == {3, 5, 8, 10, 25}
    assert set(table.loc[table["label"] == "ACDC, KL", "examples"]) == {8}
    assert paper_tables(app) == [table.shape]
    heads = table["mean"].to_list()
    app.segmented_control(key="bench_unit_head_edge").set_value("edge").run()
    assert not app.exception
    assert app.dataframe[0].value["mean"].to_list() != heads


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_partial_result_shows_what_was_measured(open_app: OpenApp, folder: Path, language: str) -> None:
    make_benchmark(folder, tables=())
    table = pd.read_csv(folder / "summary.csv")
    columns = [*reading.KEYS, "examples", "auc"]
    table.loc[table["examples"] == 8, columns].to_csv(folder / "summary.csv", index=False)
    (folder / "about.json").write_text("{}", encoding="utf-8")
    app, texts = open_app("benchmark", language), entries(language)
    assert [element.value for element in app.subheader] == [texts["bench.against_title"]]
    assert texts["bench.not_run_title"] not in shown(app)


def test_result_without_ours_and_with_unknown_names(open_app: OpenApp, folder: Path) -> None:
    make_benchmark(folder)
    table = pd.read_csv(folder / "summary.csv", encoding="utf-8-sig")
    table = table[table["method"] == "paper"].assign(method="<i>new</i>")
    write(folder, "summary", table)
    write(folder, "goals", pd.DataFrame([{**GOALS[0], "key": "<b>mine</b>"}]))
    app = open_app("benchmark")
    page = shown(app)
    assert "was not measured in this result" in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page and "<b>mine" not in page
    assert "<i>new</i>" in app.dataframe[0].value["label"].to_list()
    assert not charts(app)
    assert "<i>new</i>" not in page


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_without_any_result_the_page_says_how_to_make_one(open_app: OpenApp, language: str) -> None:
    app = open_app("benchmark", language)
    assert [info.value for info in app.info] == [entries(language)["bench.none"]]
    assert [code.value for code in app.code] == ["make benchmark"]
    assert not app.error and not app.dataframe


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_broken_result_is_an_error_with_its_file(open_app: OpenApp, folder: Path, language: str) -> None:
    make_benchmark(folder)
    (folder / "summary.csv").write_text("task,model\na,b\n", encoding="utf-8")
    app = open_app("benchmark", language)
    assert len(app.error) == 1
    assert "summary" in app.error[0].value
    assert not app.dataframe


def test_one_of_several_results_is_chosen(open_app: OpenApp, folder: Path, tmp_path: Path) -> None:
    project = make_benchmark(tmp_path / "project")
    (project / "about.json").write_text(json.dumps({"date": "2026-01-02"}), encoding="utf-8")
    make_benchmark(folder)
    (folder / "about.json").write_text("{", encoding="utf-8")
    app = open_app("benchmark")
    box = app.selectbox[0]
    assert "2026-01-02" in box.options[0] and str(folder) in box.options[1]
    assert box.value == str(project) and not app.error
    box.set_value(str(folder)).run()
    assert len(app.error) == 1
    app.selectbox[0].set_value(str(project)).run()
    assert not app.error and app.dataframe
