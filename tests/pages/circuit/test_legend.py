"""The circuit on the model's grid as a file: everything within the picture, with a legend in the reader's language."""

from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from core.runs.head_notes import HeadLabel, write_group, write_label
from core.runs.run_folder import RunFolder
from pages.parts import i18n
from pages.parts.data import results
from pages.parts.report import pictures
from tests.support.made_runs import make_run

SVG = "{http://www.w3.org/2000/svg}"


def drawn(run: RunFolder, language: str = "en") -> ElementTree.Element:
    return ElementTree.fromstring(pictures.as_svg(results.load(run), "grid", language))


def written(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("shape", [(6, 8, 7), (32, 32, 40), (1, 2, 1)])
def test_every_head_is_named_in_the_picture(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    run = make_run(tmp_path, *shape)
    names = results.load(run).selected["name"]
    texts = written(drawn(run))
    short = {name[name.index("H") :] for name in names}  # in dense pictures the axis tells the layer
    assert set(names) <= set(texts) or short <= set(texts)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_words_are_of_the_language_and_names_are_text(tmp_path: Path, language: str) -> None:
    run = make_run(tmp_path, verdicts=True)
    head = results.load(run).selected.iloc[0]["name"]
    write_label(run, head, HeadLabel("<b>&語"))
    picture = drawn(run, language)
    texts, words = written(picture), i18n.entries(language)
    assert f"{head} <b>&語" in texts
    assert words["verdict.confirmed"] in texts
    assert words["verdict.unchecked"] not in texts
    assert words["chart.layer"] in texts
    assert picture.attrib["role"] == "img" and head in picture.attrib["aria-label"]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_groups_and_heads_that_work_against_the_fault_are_drawn(tmp_path: Path, language: str) -> None:
    run = make_run(tmp_path, verdicts=True)
    table = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    table.loc[0, ["effect", "effect_low", "effect_high"]] = [-0.4, -0.5, -0.3]
    run.write_bytes("heads.csv", table.to_csv(index=False).encode("utf-8-sig"))
    names = list(results.load(run).selected["name"])
    write_group(run, names[:2], "<前半>")
    write_group(run, names[2:3], "z")
    texts = written(drawn(run, language))
    assert {f"{names[0]} ①", f"{names[1]} ①", f"{names[2]} ②", "① <前半>", "② z"} <= set(texts)
    assert any(text.endswith(i18n.entries(language)["circuit.against"]) for text in texts)
