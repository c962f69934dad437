"""Pictures as files: SVG and PNG in both languages, and what is said where they cannot be made."""

import io
import struct
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from core.report.export import content, package
from core.runs.head_notes import HeadLabel, write_label
from core.runs.run_folder import runs_folder
from pages.parts import i18n
from pages.parts.data import results
from pages.parts.i18n import entries
from pages.parts.report import pictures
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import make_run

SIGNATURE = b"\x89PNG\r\n\x1a\n"
BOXES = dict.fromkeys(map(chr, (*range(12352, 12544), *range(19968, 40960))), "\ue000")
"""Every Japanese letter as one that no font has, which is drawn as an empty box."""

japanese_font = pytest.mark.skipif(not pictures.shows_japanese(), reason="no Japanese font on this machine")


def size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def as_boxes(picture: str) -> str:
    return picture.translate(str.maketrans(BOXES))


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("kind", pictures.KINDS)
def test_svg_is_whole_and_holds_the_words_of_its_language(tmp_path: Path, kind: str, language: str) -> None:
    result = results.load(make_run(tmp_path, verdicts=True))
    drawing = pictures.as_svg(result, kind, language)
    words = entries(language)
    expected = {"circuit": "layer", "grid": "layer", "heat-map": "head", "effects": "effect"}[kind]
    text = "".join(ElementTree.fromstring(drawing).itertext())
    assert words[f"chart.{expected}"] in text
    assert pictures.needs_japanese(drawing) is (language == "ja")


@japanese_font
@pytest.mark.parametrize("kind", pictures.KINDS)
def test_png_shows_japanese_letters_and_no_boxes(tmp_path: Path, kind: str) -> None:
    result = results.load(make_run(tmp_path, verdicts=True))
    drawing = pictures.as_svg(result, kind, "ja")
    png, boxes = pictures.as_png(drawing), pictures.as_png(as_boxes(drawing))
    assert png.startswith(SIGNATURE)
    assert size(png) == size(boxes)
    assert png != boxes
    root = ElementTree.fromstring(drawing)
    wanted = [pictures.SCALE * float(root.attrib[side]) for side in ("width", "height")]
    assert size(png) == pytest.approx(wanted, abs=2)


def test_two_letters_without_a_font_look_the_same() -> None:
    assert not pictures._differ("\ue000", "\ue001")
    assert pictures._differ("A", "B")


def test_kinds_follow_from_what_the_run_has(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, n_selected=n, verdicts=v) for n, v in ((0, False), (3, False), (3, True))]
    assert [pictures.kinds(results.load(run)) for run in runs] == [
        ["heat-map"],
        ["circuit", "grid", "heat-map"],
        ["circuit", "grid", "heat-map", "effects"],
    ]


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_zip_and_report_are_in_the_readers_language_alone(tmp_path: Path, language: str) -> None:
    run = make_run(tmp_path, verdicts=True)
    write_label(run, results.load(run).selected.iloc[0]["name"], HeadLabel("<b>直前の語"))
    drawings = pictures.files(results.load(run), language)
    with zipfile.ZipFile(io.BytesIO(package(run, drawings, language))) as archive:
        files = {name.split("/")[1]: archive.read(name) for name in archive.namelist()}
    drawn = {name for name in files if name.endswith((".svg", ".png"))}
    kinds = {f"{kind}-{language}" for kind in pictures.KINDS}
    assert {name[:-4] for name in drawn if name.endswith(".svg")} == kinds
    if pictures.shows_japanese():
        assert {name[:-4] for name in drawn if name.endswith(".png")} == kinds
        assert pictures.LEFT_OUT not in files
    assert "&lt;b&gt;直前の語" in files[f"circuit-{language}.svg"].decode()
    part = content(run, "report.html", language).decode()
    assert part.count("<svg") == 1
    assert "http" not in part
    assert entries(language)["chart.layer"] in part


def test_picture_without_a_font_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "shows_japanese", lambda: False)
    result = results.load(make_run(tmp_path, verdicts=True))
    assert "circuit-en.png" in pictures.files(result, "en")
    files = pictures.files(result, "ja")
    assert [name for name in files if name.endswith(".png")] == []
    assert "heat-map-ja.svg" in files
    reason = files[pictures.LEFT_OUT].decode()
    assert "Noto Sans CJK JP" in reason
    assert entries("ja")["report.no_font"] == reason


def test_without_the_renderer_the_files_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    pictures._differ.cache_clear()
    result = results.load(make_run(tmp_path, verdicts=True))
    files = pictures.files(result, "en")
    assert set(files) == {pictures.LEFT_OUT, "circuit-en.svg"}, "drawn without a renderer"
    assert "vl-convert-python" in files[pictures.LEFT_OUT].decode()
    assert pictures.hindered(result, "grid", "en", "svg", "renderer")


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("n_selected", [3, 0])
def test_single_files_are_offered_when_they_are_unfolded(
    open_app: OpenApp, n_selected: int, language: str
) -> None:
    run = make_run(runs_folder(), n_selected=n_selected)
    app = open_app("report", language, run=run.run_id)
    assert [button.key for button in app.get("download_button")] == [f"download_headlight-{run.run_id}.zip"]
    app.session_state["single_files"] = True
    app.run()
    assert not app.exception
    keys = {button.key for button in app.get("download_button")}
    assert {"download_manifest.json", "download_heads.csv", f"download_heat-map-{language}.png"} <= keys
    assert (f"download_circuit-{language}.svg" in keys) is (n_selected > 0)


def test_missing_font_is_said_on_the_page(open_app: OpenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "shows_japanese", lambda: False)
    app = open_app("report", "ja", run=make_run(runs_folder()).run_id)
    app.session_state["single_files"] = True
    app.run()
    assert entries("ja")["report.no_font"] in shown(app)
    disabled = {button.key for button in app.get("download_button") if button.proto.disabled}
    assert disabled == {f"download_{kind}-ja.png" for kind in ("circuit", "grid", "heat-map")}


def test_renderer_is_loaded_only_when_a_picture_is_asked_for() -> None:
    import subprocess

    program = "import sys; import pages.parts.report.downloads; print('vl_convert' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
