"""The circuit as an SVG file, alone, in the ZIP and in the report."""

import io
import zipfile
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from core.annotations import HeadLabel, write_label
from core.downloads import annotated_report, package
from core.runs import RunFolder, runs_folder
from pages.parts import results, svg, texts
from pages.parts.texts import catalogue
from tests.pages.conftest import OpenApp
from tests.pages.made_runs import make_run

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


def test_no_edges_are_no_trouble(tmp_path: Path) -> None:
    result = results.load(make_run(tmp_path, n_selected=1))
    none = pd.DataFrame(columns=["source", "target", "score"])
    assert "<svg" in svg.flow(result.selected, none, "one head", partial(texts.text, "en"))


def test_report_and_zip_hold_the_picture_of_their_language(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    page = "".join(
        f'<main lang="{name}"><h1>t</h1><h2>found</h2><p>f</p><h2>known</h2></main>' for name in ("en", "ja")
    )
    run.write_bytes("report.html", page.encode())
    pictures = {name: f'<svg width="5" height="6">{name}</svg>' for name in ("en", "ja")}
    english, japanese = annotated_report(page, run, pictures).split('<main lang="ja"')
    assert english.index("<p>f</p>") < english.index(">en</svg>") < english.index("<h2>known")
    assert ">ja</svg>" in japanese
    assert 'style="width:100%;max-width:5px;height:auto"' in english
    with zipfile.ZipFile(io.BytesIO(package(run, pictures))) as archive:
        files = {name.split("/")[1]: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    assert files["circuit-ja.svg"] == pictures["ja"]
    assert ">en</svg>" in files["report.html"]


@pytest.mark.parametrize(("n_selected", "offered"), [(3, True), (0, False)])
def test_picture_is_offered_where_there_is_one(open_app: OpenApp, n_selected: int, offered: bool) -> None:
    app = open_app("report", run=make_run(runs_folder(), n_selected=n_selected).run_id)
    keys = [button.key for button in app.get("download_button")]
    assert "download_all" in keys
    assert ("download_circuit.svg" in keys) is offered
