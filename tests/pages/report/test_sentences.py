"""Sentences made from the numbers of a run."""

import pandas as pd
import pytest

from core.config import make_config
from core.examples.reading import from_rows
from core.runs.run_folder import RunFolder, new_run_id, runs_folder
from pages.parts.data import results
from pages.parts.i18n import entries, number
from pages.parts.report import sentences
from pages.parts.session import samples
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import examples, make_run


@pytest.mark.parametrize(
    ("slot", "words"),
    [
        ("last", "last"),
        ("-1", "last"),
        ("-2", "before_last"),
        ("mean", "mean"),
        ("+0", "here"),
        ("+1", "next"),
    ],
)
def test_position_is_said_in_words(open_app: OpenApp, slot: str, words: str) -> None:
    assert sentences.position(slot) == entries("en")[f"position.{words}"]


def test_position_with_a_number(open_app: OpenApp) -> None:
    assert "3 tokens behind the first difference" in sentences.position("+3")
    assert "2 tokens before the last" in sentences.position("-3")
    assert "token 7" in sentences.position("7")


def test_matched_position_is_named_by_its_token(open_app: OpenApp) -> None:
    assert sentences.position("3:the") == "Read at matched place 3: “the”."
    assert sentences.position("4:David…") == "Read at matched place 4: “David” and others."
    assert sentences.position("5:…") == sentences.position("5:") == "Read at matched place 5."
    assert sentences.position("2::") == "Read at matched place 2: “:”."


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("short text", "short text"),
        ("The invoice of the office has not come yet at all", "The invoice of the office has…"),
        ("あ" * 40, "あ" * 32 + "…"),
    ],
)
def test_run_without_a_name_is_called_after_model_and_text(open_app: OpenApp, text: str, name: str) -> None:
    rows = [{**examples()[0], "text": text}, *examples()[1:]]
    config = make_config(model="/models/made", examples=from_rows(rows))
    run = RunFolder.create(runs_folder() / new_run_id(), config)
    assert samples.run_name(run, config) == f"made · {name}"


@pytest.mark.parametrize("page", ["circuit", "report"])
def test_unpaired_finding_is_held_against_chance(open_app: OpenApp, page: str) -> None:
    run = make_run(runs_folder(), n_layers=6, n_heads=8, n_selected=4)
    assert "chance alone" not in shown(open_app(page, run=run.run_id))
    manifest = run.read_json("manifest.json")
    run.write_json("manifest.json", {**manifest, "alignment": {**manifest["alignment"], "pairs": []}})
    heads = pd.read_csv(run.path / "heads.csv")
    heads.loc[:3, "label_p_value"] = [0.001, 0.04, 0.05, 0.2]
    heads.to_csv(run.path / "heads.csv", index=False)
    unpaired = shown(open_app(page, run=run.run_id))
    assert "set the anomalous texts apart" not in unpaired
    assert "2 of these 4 have p below 0.05" in unpaired
    assert "chance alone would give about 2.4" in unpaired


def test_pages_tell_that_later_layers_must_look() -> None:
    for language, word in (("en", "later layers"), ("ja", "後の層")):
        for key in ("guide.method", "term.score.text", "term.attention_flow.text"):
            assert word in entries(language)[key]


def test_interval_of_a_head_stands_in_the_table(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    best = results.load(run).heads.iloc[0]
    table = open_app("circuit", run=run.run_id).dataframe[0].value
    assert table["interval"].iloc[0] == f"{number(best['score_low'])}–{number(best['score_high'])}"
    assert "label_p_value" not in table
