"""The sensitivity page: before the sweep, at work, stopped, finished; its charts and its verdicts."""

import pandas as pd
import pytest

from core.runs.run_folder import RunFolder, runs_folder
from core.sensitivity.summary import means, read_sensitivity, read_table
from pages.parts.charts.colours import DARK, LIGHT
from pages.parts.i18n import LANGUAGES, entries, text
from pages.parts.sensitivity import charts as sweep_charts
from pages.parts.sensitivity import sections as sweep_parts
from tests.pages.conftest import OpenApp, paper_tables, run_until, shown
from tests.support.made_runs import make_run
from tests.support.made_sweep import write_sweep


def word(key: str, **values: object) -> str:
    return text("en", key, **values)


def keys(app) -> set[str]:
    return {button.key for button in app.button}


def lead(app) -> str:
    return next(html.value for html in app.get("html") if 'class="lead"' in html.value)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_page_says_what_it_will_do_and_how_long_it_takes(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("sensitivity", language, run=run.run_id)
    page = shown(app)
    for name in ("latents", "sparsity", "epochs", "learning_rate", "members", "examples"):
        assert entries(language)[f"sweep.about_{name}"] in page
    assert keys(app) >= {"start_sweep"} and "again_sweep" not in keys(app)
    assert any("89" in caption.value for caption in app.caption)  # 3 × 21 + 2 × 5 + 16 trainings


def test_page_without_a_run_leads_to_one(open_app: OpenApp) -> None:
    assert "to_way" in keys(open_app("sensitivity"))


def test_sweep_is_begun_followed_and_shown(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("sensitivity", run=run.run_id)
    app.button(key="start_sweep").click().run()
    run_until(app, lambda: "again_sweep" in keys(app))
    assert read_sensitivity(run, run.config())["complete"]
    assert "Settings need no care" in lead(app)
    app.button(key="again_sweep").click().run()
    run_until(app, lambda: "again_sweep" in keys(app))
    assert not app.exception


def test_sweep_is_stopped_and_says_so(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), name="slow")
    app = open_app("sensitivity", run=run.run_id)
    app.button(key="start_sweep").click().run()
    run_until(app, lambda: "cancel_check" in keys(app))
    assert "start_sweep" not in keys(app)
    app.button(key="cancel_check").click().run()
    run_until(app, lambda: "start_sweep" in keys(app))
    assert run.state("sensitivity").status == "cancelled"
    assert entries("en")["circuit_check.cancelled_sensitivity"] in shown(app)


def test_failed_sweep_says_why(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), name="refuse")
    app = open_app("sensitivity", run=run.run_id)
    app.button(key="start_sweep").click().run()
    run_until(app, lambda: len(app.error) > 0)
    assert "safetensors" in app.error[0].value and "start_sweep" in keys(app)


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_measure_is_switched_twice(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    write_sweep(run, steady=False)
    app = open_app("sensitivity", language, run=run.run_id)
    first = lead(app)
    assert "0.02" in first and entries(language)["sweep.column_auc"] in shown(app)
    app.segmented_control(key="sweep_measure").set_value("agreement").run()
    assert "0.8" in lead(app) and lead(app) != first
    assert entries(language)["sweep.column_agreement"] in shown(app)
    app.segmented_control(key="sweep_measure").set_value("auc").run()
    assert lead(app) == first and not app.exception


def test_setting_to_mind_is_named_with_its_value(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    write_sweep(run, truth=False, steady=False)
    app = open_app("sensitivity", run=run.run_id)
    assert "5 of 6" in lead(app) and "sparsity (from 6.3 up)" in lead(app)
    assert shown(app).count("mind this") == 1 and shown(app).count('class="good"') == 5
    assert not any(control.key == "sweep_measure" for control in app.get("button_group"))
    assert "not whether it is right" in shown(app)


def test_unfinished_sweep_shows_its_part_and_goes_on(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    write_sweep(run, complete=False)
    app = open_app("sensitivity", run=run.run_id)
    trained = run.read_json("sensitivity.json")["trained"]
    assert "resume_sweep" in keys(app) and f"{trained} of" in shown(app)
    assert entries("en")["sweep.map_title"] not in shown(app)
    app.button(key="resume_sweep").click().run()
    run_until(app, lambda: "again_sweep" in keys(app))
    assert entries("en")["sweep.map_title"] in shown(app)


def test_sweep_of_other_settings_counts_for_nothing(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    write_sweep(run)
    content = run.read_json("sensitivity.json")
    run.write_json("sensitivity.json", {**content, "key": "another"})
    assert "start_sweep" in keys(open_app("sensitivity", run=run.run_id))


@pytest.mark.parametrize("name", ["sensitivity.json", "sweep.csv"])
def test_damaged_files_are_explained(open_app: OpenApp, name: str) -> None:
    run = make_run(runs_folder())
    write_sweep(run)
    (run.path / name).write_text("{half", encoding="utf-8")
    app = open_app("sensitivity", run=run.run_id)
    assert name in app.error[0].value


def test_numbers_hold_every_mean(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    write_sweep(run)
    app = open_app("sensitivity", run=run.run_id)
    table = app.dataframe[0].value
    assert len(table) == 5 * 5 + 3 and table["here"].sum() == 6
    assert paper_tables(app) == [table.shape]


@pytest.fixture
def tables(tmp_path) -> tuple[pd.DataFrame, pd.DataFrame]:
    run = make_run(tmp_path)
    write_sweep(run, steady=False)
    return read_table(run, "sweep.csv"), read_table(run, "sweep_map.csv")


def test_map_marks_the_run_itself_and_writes_readable_numbers(tables) -> None:
    for colours in (LIGHT, DARK):
        for quality in ("auc", "agreement"):
            spec = sweep_charts.heat(tables[1], quality, colours, word).to_dict()
            (cells,) = spec["datasets"].values()
            assert len(cells) == 25
            (own,) = (cell for cell in cells if cell["own"])
            assert own["label"].startswith("◆") and own["latents"] == "32" and own["sparsity"] == "2"
            assert min(contrast(cell["ink"], cell["fill"]) for cell in cells) >= 4.5
    lowest, highest = (next(c["fill"] for c in cells if c["value"] == value) for value in (0.5, 1.0))
    assert highest == DARK.high and lowest != highest


def contrast(first: str, second: str) -> float:
    """Contrast of two colours after WCAG."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_chart_of_a_setting_has_its_bounds(tables) -> None:
    def bounds(quality) -> list[float]:
        drawn = means(tables[0], "sparsity", quality)
        spec = sweep_charts.line(drawn, "sparsity", quality, LIGHT, word).to_dict()
        return [row["at"] for data in spec["datasets"].values() for row in data if "at" in row]

    assert bounds("agreement") == [0.8]
    assert bounds("auc") == pytest.approx([0.96, 1.0])


def test_intention_names_the_values_and_no_markup_comes_from_a_run(tmp_path) -> None:
    run = RunFolder(make_run(tmp_path).path)
    page = sweep_parts.moved_settings(run.config(), 6)
    assert "8 to 128" in page and "0.2 to 20" in page and "3 to 6" in page and page.count("<tr>") == 7
