"""Comments and sign-off, in the run folder, in the report and in the ZIP."""

import json
from datetime import date

import pytest

from core.config import make_config
from core.errors import ConfigError, StorageError
from core.examples.reading import from_pasted
from core.runs.review import add_comment, read_review, sign
from core.runs.run_folder import RunFolder

SET = from_pasted("a\nb\nc", "d\ne\nf").examples
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


def test_a_new_result_in_the_folder_is_not_signed(run):
    sign(run, "Ada", "accepted", DAY)
    assert read_review(RunFolder.create(run.path, run.config())).sign_off is None
