"""The benchmark page: a full result, a partial one, a broken one, several, none; and its tables worked by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.benchmark import reading as measured
from core.benchmark.reading import GROUPS, NUMBERS, read
from pages.parts.benchmark import chart_labels as benchmark_labels
from pages.parts.benchmark import tables as benchmark_tables
from pages.parts.benchmark import words as benchmark_words
from pages.parts.i18n.catalogue import LANGUAGES, catalogue, has
from pages.parts.session import state
from tests.pages.conftest import OpenApp, shown
from tests.support.made_benchmark import GOALS, ROWS, make_benchmark, write

SECTIONS = ("ranking", "examples", "cost", "calibration", "cells", "settings")
CHARTS = 13  # six of them the settings


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No result of the project or of the folder that the tests run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(measured, "PROJECT", tmp_path / "project")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a user's own result lies."""
    return tmp_path / "benchmark"


def charts(app: AppTest) -> list[str]:
    """The words that stand for each chart."""
    return [element.proto.alt for element in app.get("vega_lite_chart")]


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_full_result_is_shown(open_app: OpenApp, folder: Path, language: str) -> None:
    make_benchmark(folder)
    app, words = open_app("benchmark", language), catalogue(language)
    page = shown(app)
    for section in SECTIONS:
        assert words[f"bench.{section}_title_head"] in page
    one = measured.comparison(read(folder).summary)
    assert one is not None and one.change is not None
    assert benchmark_words.score(one.ours.mean) in page and one.ours.lowest_case in page
    assert words["method.eap-ig.name"] in page
    assert (
        words["bench.below"].format(by=f"{round(one.change.mean, 3) - round(one.ours.mean, 3):.3f}") in page
    )
    assert page.count(f"✓</b> {words['bench.met']}") == sum(goal["met"] is True for goal in GOALS)
    assert page.count(f"✕</b> {words['bench.missed']}") == sum(goal["met"] is False for goal in GOALS)
    assert page.count(f"–</b> {words['bench.unmeasured']}") == 1
    assert words["method.eap-ig.text"] in page
    assert len(app.dataframe) == 7
    assert words["bench.not_measured"] not in page
    assert "&lt;b&gt;here&lt;/b&gt;" in page and "<b>here" not in page
    assert [said for said in charts(app) if not said] == []


def test_every_chart_follows_the_switches(open_app: OpenApp, folder: Path) -> None:
    make_benchmark(folder)
    app = open_app("benchmark")
    words = catalogue("en")
    assert len(charts(app)) == CHARTS
    app.segmented_control(key="bench_unit_head_edge").set_value("edge").run()
    assert words["bench.ranking_title_edge"] in shown(app)
    app.segmented_control(key="bench_measure_auc_average_precision").set_value("average_precision").run()
    assert not app.exception
    assert len(charts(app)) == CHARTS
    app.segmented_control(key="bench_examples_3_5_8_10_25").set_value(3).run()
    assert not app.exception
    assert words["method.acdc-kl.name"] not in app.dataframe[0].value["label"].to_list(), "only with 8 texts"


def test_methods_over_the_number_of_texts_can_be_chosen(open_app: OpenApp, folder: Path) -> None:
    make_benchmark(folder)
    app = open_app("benchmark")
    chosen = app.multiselect(key="bench_methods_head_auc")
    assert "Headlight standard" in chosen.options and "ACDC, KL" not in chosen.options
    chosen.set_value(["probe"]).run()
    app.multiselect(key="bench_methods_head_auc").set_value(["probe", "random"]).run()
    assert set(app.dataframe[1].value["label"]) == {"linear probe", "random order"}
    app.multiselect(key="bench_methods_head_auc").set_value([]).run()
    assert catalogue("en")["bench.choose_methods"] in shown(app)
    assert not app.exception


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_partial_result_says_what_was_not_measured(open_app: OpenApp, folder: Path, language: str) -> None:
    make_benchmark(folder, tables=())
    table = pd.read_csv(folder / "summary.csv")
    kept = [*measured.KEYS, "examples", "auc"]
    table.loc[table["examples"] == 8, kept].to_csv(folder / "summary.csv", index=False)
    (folder / "about.json").write_text("{}", encoding="utf-8")
    app, words = open_app("benchmark", language), catalogue(language)
    page = shown(app)
    assert words["bench.not_measured"] in page
    assert words["bench.one_number"] in page
    assert words["bench.goals_title"] not in page
    assert words["bench.not_run_title"] not in page
    assert len(charts(app)) == 2
    app.segmented_control(key="bench_measure_auc_average_precision").set_value("average_precision").run()
    assert not app.exception
    assert charts(app) == []


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
    assert "<i>new</i>" not in page


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_without_any_result_the_page_says_how_to_make_one(open_app: OpenApp, language: str) -> None:
    app = open_app("benchmark", language)
    assert [info.value for info in app.info] == [catalogue(language)["bench.none"]]
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


def test_every_method_and_column_has_its_words() -> None:
    for language in LANGUAGES:
        for method in (name for members in GROUPS.values() for name in members):
            assert has(language, f"method.{method}.name") and has(language, f"method.{method}.text")
        for key in benchmark_tables.SETTINGS:
            assert has(language, f"bench.setting_{key}")
        for goal in GOALS:
            assert has(language, f"bench.goal_{goal['key']}")


def made(rows: list[dict[str, object]]) -> pd.DataFrame:
    """A summary as `core.benchmark.reading.read` gives it."""
    table = pd.DataFrame({"unit": "head", "method": measured.OURS, **row} for row in rows)
    return table.reindex(columns=list(dict.fromkeys([*table, *NUMBERS])))


def test_mean_and_band_over_the_number_of_texts() -> None:
    summary = made(
        [
            {"examples": 3, "auc": 0.8, "auc_sd": 0.1},
            {"examples": 3, "auc": 0.9, "auc_sd": 0.3},
            {"examples": 8, "auc": 0.98, "auc_sd": 0.04},
            {"examples": 8, "auc": 0.5, "auc_sd": 0.0, "unit": "edge"},
        ]
    )
    first, second = benchmark_tables.over_examples(summary, "head", "auc").to_dict("records")
    assert (first["examples"], first["cases"], first["mean"]) == (3, 2, pytest.approx(0.85))
    assert (first["low"], first["high"]) == (pytest.approx(0.65), pytest.approx(1.0))
    assert (second["low"], second["high"]) == (pytest.approx(0.94), 1.0)
    assert benchmark_tables.over_examples(summary, "head", "average_precision").empty


def test_calibration_is_weighted_by_the_shuffles() -> None:
    rows = [
        {"case": "a", "false_discoveries": 0.0, "shuffles": 30, "confirmed_precision": 1.0},
        {"case": "b", "false_discoveries": 0.4, "shuffles": 10, "confirmed_precision": 0.5},
        {"case": "c", "confirmed_precision": None},
    ]
    table = benchmark_tables.calibration(made(rows), "head", ("false_discoveries", "confirmed_precision"))
    assert len(table) == 4
    assert benchmark_tables.overall(table) == {"false_discoveries": 0.1, "confirmed_precision": 0.75}
    assert benchmark_tables.calibration(made(rows), "edge", ("false_discoveries",)).empty


def test_sweep_is_a_mean_over_tasks_with_the_extremes_of_the_seeds() -> None:
    sweep = pd.DataFrame(
        [
            {
                "setting": "latents",
                "value": 16.0,
                "seed": seed,
                "task": task,
                "auc": auc,
                "is_default": "True",
            }
            for seed, task, auc in ((0, "a", 0.8), (0, "b", 1.0), (1, "a", 0.6), (1, "b", 0.8))
        ]
        + [{"setting": "latents", "value": 32.0, "seed": 0, "task": "a", "auc": None, "is_default": "False"}]
    )
    (line,) = benchmark_tables.swept(sweep, "latents", "auc").to_dict("records")
    assert (line["mean"], line["low"], line["high"]) == tuple(map(pytest.approx, (0.8, 0.7, 0.9)))
    assert line["is_default"]
    assert benchmark_tables.swept(sweep, "epochs", "auc").empty


def test_hardest_case_of_ours_stands_first() -> None:
    table = pd.DataFrame(
        {
            "case": ["a", "b", "c", "a"],
            "method": [measured.OURS, measured.OURS, "paper", "paper"],
            "value": [0.9, 0.8, 0.1, 0.2],
        }
    )
    assert benchmark_tables.hardest_first(table) == ["b", "a", "c"]


def test_seconds_are_never_zero_on_the_logarithmic_axis() -> None:
    table = pd.DataFrame({"method": ["random", "paper", "probe"], "seconds": [0.0, 2.0, None]})
    assert list(benchmark_tables.with_cost(table)["seconds"]) == [benchmark_tables.SHORTEST, 2.0]


def test_names_beside_each_other_do_not_cover_dots_or_names() -> None:
    x, y = pd.Series([1.0, 1.3, 1.6]), pd.Series([0.9, 0.9, 0.9])
    names, reaches, size = ["first one", "second one", "名前"], ((0.1, 10.0), (0.5, 1.0)), (800, 400)
    seats = benchmark_labels.placed(names, x, y, *reaches, size)
    across, down = size[0] / 2, size[1] / 0.5
    dots = [((benchmark_labels.log10(one) + 1) * across, 0.1 * down) for one in x]
    boxes = [benchmark_labels._box(*given) for given in zip(names, dots, seats, strict=True)]
    boxes += [(left - 6, top - 6, left + 6, top + 6) for left, top in dots]
    covered = [
        benchmark_labels._overlap(one, other) for place, one in enumerate(boxes) for other in boxes[:place]
    ]
    assert max(covered) == 0


def test_few_losses_are_named_and_many_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_words, "language", lambda: "en")
    standing = measured.Standing(measured.OURS, 0.9, 0.8, "a · gpt2", 0)
    above = tuple((" · ".join(case), "probe") for case in ROWS[:8])
    found = measured.Comparison(8, 18, standing, None, None, None, None, above)
    said = benchmark_words.losses(found)
    assert "8 of 18" in said and said.count("linear probe") == 6 and "2 more" in said


def test_lead_names_who_does_better(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (benchmark_words, state):
        monkeypatch.setattr(module, "language", lambda: "en")
    ours, look, change = (
        measured.Standing(name, mean, 0.5, "a · gpt2", 0)
        for name, mean in ((measured.OURS, 0.9), ("probe", 0.9004), ("eap", 0.91))
    )
    found = measured.Comparison(8, 3, ours, None, look, None, change, ())
    said = benchmark_words.lead(found)
    assert "EAP with 0.910" in said and "linear probe" not in said
    best = benchmark_words.lead(replace(found, change=None))
    assert best.endswith(catalogue("en")["bench.lead_best"])
    assert "0.900" in best and catalogue("en")["bench.lead_best"] not in said
    screened = measured.Standing(measured.SCREENED, 0.95, 0.9, "a · gpt2", 0)
    assert benchmark_words.lead(replace(found, screened=screened)).endswith("Headlight reaches 0.950.")
    alone = benchmark_words.lead(replace(found, change=None, look=None))
    assert catalogue("en")["bench.lead_best"] not in alone
