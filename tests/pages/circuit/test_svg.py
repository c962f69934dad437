"""The circuit as an SVG file, alone, in the ZIP and in the report."""

from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from core.runs.head_notes import HeadLabel, write_group, write_label
from core.runs.run_folder import RunFolder
from pages.parts.circuit import svg
from pages.parts.data import results
from pages.parts.i18n import catalogue as texts
from pages.parts.i18n.catalogue import catalogue
from tests.support.made_runs import make_run

SVG = "{http://www.w3.org/2000/svg}"


def drawn(run: RunFolder, language: str = "en") -> ElementTree.Element:
    result = results.load(run)
    edges = result.edges_among(list(result.selected["name"]))
    word = partial(texts.text, language)
    return ElementTree.fromstring(svg.flow(result.selected, edges, "ten heads", word))


def written(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("shape", [(6, 8, 7), (32, 32, 40), (1, 2, 1)])
def test_every_head_and_edge_is_drawn_within_the_picture(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    run = make_run(tmp_path, *shape)
    picture, result = drawn(run), results.load(run)
    assert set(result.selected["name"]) <= set(written(picture))
    edges = result.edges_among(list(result.selected["name"]))
    assert len(list(picture.iter(f"{SVG}g"))) == len(edges)
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    for circle in picture.iter(f"{SVG}circle"):
        x, y, r = (float(circle.attrib[name]) for name in ("cx", "cy", "r"))
        assert r <= x <= width - r
        assert r <= y <= height - r


@pytest.mark.parametrize("language", list(texts.LANGUAGES))
def test_words_are_of_the_language_and_names_are_text(tmp_path: Path, language: str) -> None:
    run = make_run(tmp_path, verdicts=True)
    head = results.load(run).selected.iloc[0]["name"]
    write_label(run, head, HeadLabel("<b>&語"))
    said = written(drawn(run, language))
    assert f"{head} <b>&語" in said
    assert catalogue(language)["verdict.confirmed"] in said
    assert catalogue(language)["verdict.unchecked"] not in said
    assert any(text.startswith(catalogue(language)["chart.layer"]) for text in said)


@pytest.mark.parametrize("language", list(texts.LANGUAGES))
def test_groups_and_heads_that_work_against_the_fault_are_drawn(tmp_path: Path, language: str) -> None:
    run = make_run(tmp_path, verdicts=True)
    table = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    table.loc[0, ["effect", "effect_low", "effect_high"]] = [-0.4, -0.5, -0.3]
    run.write_bytes("heads.csv", table.to_csv(index=False).encode("utf-8-sig"))
    names = list(results.load(run).selected["name"])
    plain = drawn(run, language)
    write_group(run, names[:2], "<前半>")
    write_group(run, names[2:3], "z")
    picture = drawn(run, language)
    said = written(picture)
    assert {f"{names[0]} ①", f"{names[1]} ①", f"{names[2]} ②", "① <前半>", "② z"} <= set(said)
    assert catalogue(language)["circuit.against"] in said
    assert float(picture.attrib["height"]) > float(plain.attrib["height"])
    assert all(
        float(text.attrib["y"]) < float(picture.attrib["height"]) for text in picture.iter(f"{SVG}text")
    )


def test_no_edges_are_no_trouble(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path, n_selected=1))
    none = pd.DataFrame(columns=["source", "target", "score"])
    assert "<svg" in svg.flow(result.selected, none, "one head", partial(texts.text, "en"))
