"""Comments and sign-off, in the run folder, in the report and in the ZIP."""

import io
import json
import zipfile
from datetime import date

import pandas as pd
import pytest

from core.config import make_config
from core.errors import ConfigError, StorageError
from core.examples.example_set import from_pasted
from core.report.export import Pictures, current_report, package
from core.report.save import save
from core.runs.cost_sheet import Entries, write_roi
from core.runs.head_notes import HeadLabel, write_label
from core.runs.review import add_comment, read_review, sign
from core.runs.run_folder import RESULT_FILES, RunFolder
from tests.support.made_result import made_result

SET, _ = from_pasted("a\nb\nc", "d\ne\nf")
DAY = date(2026, 2, 3)


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "r", make_config(model="m", examples=SET))


def test_comments_are_kept_in_order(run):
    assert read_review(run).comments == ()
    add_comment(run, " Ada \n L. ", " first\nline ")
    add_comment(run, "", "second")
    assert [(c.author, c.text) for c in read_review(run).comments] == [
        ("Ada L.", "first\nline"),
        ("", "second"),
    ]


def test_the_last_sign_off_counts_and_earlier_ones_stay(run):
    assert read_review(run).sign_off is None
    sign(run, "Ada", "more_work", DAY)
    add_comment(run, "Ada", "why")
    sign(run, "Bo", "accepted", DAY)
    review = read_review(run)
    assert (review.sign_off.name, review.sign_off.decision, review.sign_off.date) == (
        "Bo",
        "accepted",
        "2026-02-03",
    )
    assert [signed.name for signed in review.sign_offs] == ["Ada", "Bo"]
    assert len(review.comments) == 1


def test_nothing_is_signed_without_a_name_and_no_empty_comment_is_kept(run):
    with pytest.raises(ConfigError) as caught:
        sign(run, "  ", "accepted", DAY)
    assert caught.value.key == "sign_off_without_name"
    with pytest.raises(ConfigError) as caught:
        add_comment(run, "Ada", " \n ")
    assert caught.value.key == "empty_comment"
    assert not (run.path / "review.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        {"comments": 3},
        {"comments": ["text"]},
        {"sign_offs": [{"name": "Ada", "decision": "perhaps", "date": "2026-02-03"}]},
        {"sign_offs": [{"name": "Ada", "decision": "accepted", "date": "soon"}]},
        {"format": 99},
    ],
)
def test_damaged_or_newer_reviews_are_refused(run, content):
    (run.path / "review.json").write_text(json.dumps(content))
    with pytest.raises(StorageError):
        read_review(run)


def test_report_shows_comments_and_decision_as_text(run):
    save(made_result(), run)
    before = current_report(run, {})
    assert "&lt;b&gt;look" not in before
    assert before.count("Name ____") == 1
    add_comment(run, "<i>Ada</i>", "<b>look</b>\n</main>")
    sign(run, "<u>Bo</u>", "rejected", DAY)
    page = current_report(run, {})
    english, japanese = page.split('<main lang="ja"')
    assert "&lt;b&gt;look&lt;/b&gt;<br>&lt;/main&gt;" in english
    assert "rejected by &lt;u&gt;Bo&lt;/u&gt;, 2026-02-03" in english
    assert "却下: &lt;u&gt;Bo&lt;/u&gt;(2026-02-03)" in japanese
    assert "Name ____" not in page
    assert page.count("</main>") == 2


def test_report_shows_the_sheet_with_its_assumptions(run):
    save(made_result(), run)
    assert "Return on investment" not in current_report(run, {})
    write_roi(run, Entries(40, 1.5, 0.5, 50, 16, "<b>EUR"))
    english, japanese = current_report(run, {}).split('<main lang="ja"')
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
    with zipfile.ZipFile(
        io.BytesIO(package(run, Pictures({"en": "<svg>one</svg>"}, {"x.png": b"png"})))
    ) as archive:
        assert archive.testzip() is None
        files = {name.split("/")[1]: archive.read(name) for name in archive.namelist()}
        assert {name.split("/")[0] for name in archive.namelist()} == {"headlight-r"}
    records = {"config.json", "meta.json", "state.json", "labels.json", "review.json", "roi.json"}
    tables = {"heads.csv", "edges.csv", "codes.csv", "examples.csv"}
    assert tables | {"manifest.json", "report.html"} <= set(files)
    assert set(files) - set(RESULT_FILES) == {"x.png"} | records
    names = pd.read_csv(io.BytesIO(files["heads.csv"]))
    assert list(names["name"].fillna("")) == ["", "trigger"]
    assert json.loads(files["manifest.json"])["forward_passes"] == 3
    assert b"accepted by Ada" in files["report.html"]
    assert b"<svg>one</svg>" in files["report.html"]


def test_report_of_a_damaged_run_is_refused(run):
    save(made_result(), run)
    run.write_bytes("edges.csv", b"\xff\xfe")
    with pytest.raises(StorageError):
        current_report(run, {})


def test_a_new_result_in_the_folder_is_not_signed(run):
    sign(run, "Ada", "accepted", DAY)
    assert read_review(RunFolder.create(run.path, run.config())).sign_off is None
