"""Two runs side by side."""

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from core.runs.head_notes import HeadLabel, write_label
from core.runs.run_folder import RunFolder, runs_folder
from pages.parts import i18n
from pages.parts.data import results
from pages.parts.i18n import entries
from pages.parts.runs import run_comparison
from tests.pages.conftest import OpenApp, paper_tables
from tests.pages.test_pages import shown
from tests.support import made_runs
from tests.support.made_runs import make_run


def with_heads(run: RunFolder, scores: dict[str, float], selected: str) -> RunFolder:
    """The run with these scores (`L0H1` → score, best first) and these heads selected."""
    table = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    rows = [
        {"layer": int(name[1]), "head": int(name[3]), "score": score, "selected": name in selected.split()}
        for name, score in scores.items()
    ]
    ordered = pd.DataFrame(rows, columns=table.columns).sort_values("score", ascending=False)
    run.write_bytes("heads.csv", ordered.to_csv(index=False).encode("utf-8-sig"))
    return run


def test_heads_come_go_and_move(tmp_path: Path) -> None:
    first = with_heads(
        make_run(tmp_path, 2, 2, 1), {"L0H0": 4, "L0H1": 3, "L1H0": 2, "L1H1": 1}, "L0H0 L0H1 L1H0"
    )
    second = with_heads(
        make_run(tmp_path, 2, 2, 1), {"L0H1": 8, "L0H0": 6, "L1H1": 5, "L1H0": 1}, "L0H0 L0H1 L1H1"
    )
    table = run_comparison.compare(results.load(first), results.load(second)).set_index("name")
    assert dict(table["change"]) == {"L0H0": "down", "L0H1": "up", "L1H0": "went", "L1H1": "came"}
    assert dict(table["rank_first"]) == {"L0H0": 1, "L0H1": 2, "L1H0": 3, "L1H1": 4}
    assert table.loc["L1H1", "share_second"] == pytest.approx(5 / 8)
    assert run_comparison.counts(table) == {"came": 1, "went": 1, "both": 2}


def test_a_run_beside_itself_stays(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path))
    table = run_comparison.compare(result, result)
    assert set(table["change"]) == {"stayed"}
    assert len(table) == 7


def with_edges(run: RunFolder, scores: dict[str, float], selected: str) -> RunFolder:
    """The run with these edges (`L0H0-L1H0` → score, best first), of which some are selected."""
    table = pd.read_csv(run.path / "edges.csv", encoding="utf-8-sig")
    rows = [
        {
            "source_layer": int(name[1]),
            "source_head": int(name[3]),
            "target_layer": int(name[6]),
            "target_head": int(name[8]),
            "score": score,
            "selected": name in selected.split(),
        }
        for name, score in scores.items()
    ]
    ordered = pd.DataFrame(rows, columns=table.columns).sort_values("score", ascending=False)
    run.write_bytes("edges.csv", ordered.to_csv(index=False).encode("utf-8-sig"))
    return run


def test_edges_come_go_and_move_and_the_file_holds_both(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, 2, 2, 1) for _ in range(2)]
    for run in runs:
        with_heads(run, {"L0H0": 4, "L0H1": 3, "L1H0": 2, "L1H1": 1}, "L0H0 L0H1 L1H0 L1H1")
    with_edges(runs[0], {"L0H0-L1H0": 4, "L0H1-L1H0": 3, "L0H0-L1H1": 2}, "L0H0-L1H0 L0H1-L1H0 L0H0-L1H1")
    with_edges(runs[1], {"L0H1-L1H0": 8, "L0H0-L1H0": 6, "L0H1-L1H1": 5}, "L0H1-L1H0 L0H0-L1H0 L0H1-L1H1")
    write_label(runs[0], "L0H0", HeadLabel("=first"))
    first, second = (results.load(run) for run in runs)
    table = run_comparison.compare_edges(first, second)
    rows = table.set_index("name")
    assert dict(rows["change"]) == {
        "L0H0 → L1H0": "down",
        "L0H1 → L1H0": "up",
        "L0H0 → L1H1": "went",
        "L0H1 → L1H1": "came",
    }
    assert rows.loc["L0H0 → L1H1", "title"] == "L0H0 · =first → L1H1"
    assert rows.loc["L0H1 → L1H1", "share_second"] == pytest.approx(5 / 8)
    assert pd.isna(rows.loc["L0H1 → L1H1", "score_first"])
    assert run_comparison.counts(table) == {"came": 1, "went": 1, "both": 2}
    content = run_comparison.as_csv(run_comparison.compare(first, second), table)
    assert content.startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(io.BytesIO(content))
    assert tuple(read.columns) == run_comparison.CSV_COLUMNS
    assert list(read["unit"]) == ["head"] * 4 + ["edge"] * 4
    assert read.set_index("name").loc["L0H1 → L1H0", "score_second"] == 8


def test_runs_without_edges_are_compared(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path, n_selected=1))
    edges = run_comparison.compare_edges(result, result)
    assert edges.empty
    assert (
        len(pd.read_csv(io.BytesIO(run_comparison.as_csv(run_comparison.compare(result, result), edges))))
        == 1
    )


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_two_runs_are_compared_on_the_page(open_app: OpenApp, language: str) -> None:
    first = make_run(runs_folder(), n_selected=4, name="Before", verdicts=True)
    second = make_run(runs_folder(), n_selected=6, name="After")
    make_run(runs_folder(), 3, 4, 2, name="Other model")
    app = open_app("runs", language)
    app.toggle(key="compare").set_value(True).run()
    app.selectbox(key="compare_second").set_value(second.run_id).run()
    assert not app.exception
    assert app.selectbox(key=f"compare_first_{second.run_id}").value == first.run_id
    (named,) = app.selectbox(key=f"compare_first_{second.run_id}").options
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d · Before", named), (
        "a box that cuts its end leaves the date"
    )
    sentence = entries(language)["compare.said_heads"].format(both=4, came=2, went=0)
    assert sentence in shown(app)
    assert len(app.dataframe[0].value) == 6
    edges = run_comparison.compare_edges(results.load(first), results.load(second))
    sentence = entries(language)["compare.said_edges"].format(**run_comparison.counts(edges))
    assert sentence in shown(app)
    assert len(app.dataframe[1].value) == len(edges) > 0
    assert [
        named in str(one.value) for one in app.get("html") if '<p class="print-only">' in str(one.value)
    ] == [True]
    assert paper_tables(app) == [table.value.shape for table in app.dataframe]
    assert "download_comparison" in [button.key for button in app.get("download_button")]


@pytest.mark.parametrize(
    ("runs", "pair"),
    [
        ([("one", "made"), ("two", "other"), ("one", "made")], (0, 2)),
        ([("one", "made"), ("two", "other"), ("three", "made")], (0, 2)),
        ([("one", "made"), ("two", "made"), ("one", "other")], (0, 2)),
        ([("one", "made"), ("one", "made"), ("two", "other")], (0, 1)),
        ([("one", "made"), ("two", "other"), ("three", "third")], (1, 2)),
    ],
)
def test_pair_at_first_is_the_newest_run_with_the_older_one_most_like_it(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, runs: list[tuple[str, str]], pair: tuple[int, int]
) -> None:
    """Runs are texts and model, from old to new. The same texts come before the same model, which come before all."""
    ids = [f"2026010{day}-000000-{'0' * 8}" for day in range(1, 1 + len(runs))]
    for run_id, (texts, model) in zip(ids, runs, strict=True):
        monkeypatch.setattr(made_runs, "new_run_id", lambda name=run_id: name)
        run = make_run(runs_folder())
        config, manifest = run.read_json("config.json"), run.read_json("manifest.json")
        for example in config["examples"]["examples"]:
            example["text"] += f" {texts}"
        manifest["model"]["name"] = model
        run.write_json("config.json", config)
        run.write_json("manifest.json", manifest)
    app = open_app("runs")
    app.toggle(key="compare").set_value(True).run()
    assert not app.exception
    second = app.selectbox(key="compare_second").value
    assert (app.selectbox(key=f"compare_first_{second}").value, second) == tuple(ids[place] for place in pair)


def test_run_without_a_partner_of_its_shape_is_explained(open_app: OpenApp) -> None:
    make_run(runs_folder())
    other = make_run(runs_folder(), 3, 4, 2)
    app = open_app("runs")
    app.toggle(key="compare").set_value(True).run()
    app.selectbox(key="compare_second").set_value(other.run_id).run()
    assert "no other finished analysis" in app.info[0].value


def test_one_run_alone_offers_no_comparison(open_app: OpenApp) -> None:
    make_run(runs_folder())
    assert [toggle.key for toggle in open_app("runs").toggle] == []


def test_other_weights_of_the_same_shape_are_named(open_app: OpenApp) -> None:
    first, second = make_run(runs_folder(), name="Before"), make_run(runs_folder(), name="After")
    app = open_app("runs")
    app.toggle(key="compare").set_value(True).run()
    assert entries("en")["compare.other_model"] not in shown(app)
    manifest = first.read_json("manifest.json")
    first.write_json("manifest.json", manifest | {"model": manifest["model"] | {"name": "/models/other"}})
    assert entries("en")["compare.other_model"] in shown(app.run())
    assert second.manifest().model.name == "/models/made"
