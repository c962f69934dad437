"""Sentences made from the numbers of a run."""

import pytest

from core.config import make_config
from core.examples import from_rows
from core.runs import RunFolder, new_run_id, runs_folder
from pages.parts import samples, sentences
from pages.parts.texts import catalogue
from tests.pages.conftest import OpenApp
from tests.pages.made_runs import examples


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        ("last", "last"),
        ("-1", "last"),
        ("-2", "before_last"),
        ("mean", "mean"),
        ("+0", "here"),
        ("+1", "next"),
    ],
)
def test_position_is_said_in_words(open_app: OpenApp, slot: str, said: str) -> None:
    assert sentences.position(slot) == catalogue("en")[f"position.{said}"]


def test_position_with_a_number(open_app: OpenApp) -> None:
    assert "3 tokens behind the first difference" in sentences.position("+3")
    assert "2 tokens before the last" in sentences.position("-3")
    assert "token 7" in sentences.position("7")


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
