"""The files of a run as they are taken away: names, comments, sign-off and sheet in them."""

import csv
import io
import json
import zipfile
from datetime import date

import pandas as pd
import pytest

from core.config import make_config
from core.errors import StorageError
from core.examples.reading import from_pasted
from core.report.export import content, current_report, named_heads, package
from core.report.save import save
from core.runs.cost_sheet import Entries, write_roi
from core.runs.head_notes import HeadLabel, write_label
from core.runs.review import add_comment, sign
from core.runs.run_files import RESULT_FILES
from core.runs.run_folder import RunFolder
from core.text.csv_safe import csv_bytes
from tests.support.made_result import made_result

SET = from_pasted("a\nb\nc", "d\ne\nf").examples
DAY = date(2026, 2, 3)
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "r", make_config(model="m", examples=SET))


def test_report_shows_comments_and_decision_as_text(run):
    save(made_result(), run)
    before = current_report(run)
    assert "&lt;b&gt;look" not in before
    assert before.count("Name ____") == 1
    add_comment(run, "<i>Ada</i>", "<b>look</b>\n</main>")
    sign(run, "<u>Bo</u>", "rejected", DAY)
    page = current_report(run)
    english, japanese = page, current_report(run, "ja")
    assert "&lt;b&gt;look&lt;/b&gt;<br>&lt;/main&gt;" in english
    assert "rejected by &lt;u&gt;Bo&lt;/u&gt;, 2026-02-03" in english
    assert "却下：&lt;u&gt;Bo&lt;/u&gt;（2026-02-03）" in japanese
    assert "Name ____" not in page
    assert page.count("</main>") == 1


def test_report_shows_the_sheet_with_its_assumptions(run):
    save(made_result(), run)
    assert "<h3>Return on investment" not in current_report(run)
    numbers = {"incidents": 40, "hours_now": 1.5, "hours_then": 0.5, "cost": 50, "preparation": 16}
    write_roi(run, Entries(**numbers, currency="<b>EUR"))
    english, japanese = (current_report(run, language) for language in ("en", "ja"))
    for part in (english, japanese):
        assert part.count("50 &lt;b&gt;EUR") >= 1
        assert "2,000 &lt;b&gt;EUR" in part
    assert "Measured, for comparison: this analysis took 1.5 s" in english
    assert "<b>EUR" not in english


def test_zip_holds_every_file_with_what_people_added(run):
    save(made_result(), run)
    write_label(run, "L0H1", HeadLabel("trigger"))
    sign(run, "Ada", "accepted", DAY)
    write_roi(run, Entries(incidents=3))
    with zipfile.ZipFile(io.BytesIO(package(run, {"x.png": b"png"}))) as archive:
        assert archive.testzip() is None
        files = {name.split("/")[1]: archive.read(name) for name in archive.namelist()}
        assert {name.split("/")[0] for name in archive.namelist()} == {"headlight-r"}
    records = {"config.json", "meta.json", "state.json", "labels.json", "review.json", "roi.json"}
    tables = {"heads.csv", "edges.csv", "codes.csv", "examples.csv"}
    assert tables | {"manifest.json", "report.html"} <= set(files)
    assert set(files) - set(RESULT_FILES) == {"x.png", "reproduce.py", "reproduce.ipynb"} | records
    names = pd.read_csv(io.BytesIO(files["heads.csv"]))
    assert list(names["name"].fillna("")) == ["", "trigger"]
    assert json.loads(files["manifest.json"])["forward_passes"] == 3
    assert b"accepted by Ada" in files["report.html"]


def test_report_of_a_damaged_run_is_refused(run):
    save(made_result(), run)
    run.write_bytes("edges.csv", b"\xff\xfe")
    with pytest.raises(StorageError):
        current_report(run)


def test_heads_csv_ends_with_the_name_and_keeps_every_digit():
    table = pd.DataFrame(
        {
            "layer": [0, 1, 1],
            "head": [1, 0, None],
            "score": [0.1 + 0.2, 1e-17, None],
            "verdict": ["", "a,b", ""],
        }
    ).astype({"head": "Int64"})
    stored = csv_bytes(table)
    labels = {"L1H0": HeadLabel('=1+1, "x"', group="@sum"), "MLP1": HeadLabel("year")}
    before, after = (
        list(csv.reader(io.StringIO(b.decode("utf-8-sig")))) for b in (stored, named_heads(stored, labels))
    )
    assert [row[:-2] for row in after] == before
    assert [row[-2] for row in after] == ["name", "", '\'=1+1, "x"', "year"]
    assert [row[-1] for row in after] == ["group", "", "'@sum", ""]
    assert named_heads(stored, labels).startswith(b"\xef\xbb\xbf")


def test_report_shows_names_groups_and_notes_in_both_languages_as_text(run):
    save(made_result(), run)
    assert "Names and notes" not in current_report(run)
    write_label(run, "L0H1", HeadLabel(EVIL, f"first\n{EVIL}", EVIL))
    page = current_report(run)
    assert EVIL not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4
    assert "Names and notes" in page
    assert "名前とメモ" in current_report(run, "ja")


def test_download_gives_other_files_as_they_lie_and_refuses_missing_ones(run):
    run.write_json("manifest.json", {"a": 1})
    assert json.loads(content(run, "manifest.json")) == {"a": 1}
    with pytest.raises(StorageError):
        content(run, "edges.csv")
