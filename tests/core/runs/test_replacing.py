"""A new result takes the place of an old one whole, or leaves it as it was."""

import os
import signal

import pytest

from core.config import make_config
from core.errors import StorageError
from core.runs import replacing as module
from core.runs.replacing import STAGING, replacing
from tests.support.tiny_runs import texts

CONFIG = make_config(model="somewhere", examples=texts())


def filled(out, mark: str) -> None:
    with replacing(out, CONFIG, "") as folder:
        for name in ("heads.csv", "manifest.json", "report.html"):
            (folder.path / name).write_text(f'{{"mark": "{mark}"}}')


def marks(out) -> list[str]:
    return [(out / name).read_text() for name in ("heads.csv", "manifest.json", "report.html")]


def test_new_result_takes_the_place_and_what_was_added_to_the_old_one_goes(tmp_path):
    filled(tmp_path / "run", "old")
    (tmp_path / "run" / "review.json").write_text("{}")
    filled(tmp_path / "run", "new")
    assert marks(tmp_path / "run") == ['{"mark": "new"}'] * 3
    assert not (tmp_path / "run" / "review.json").exists()
    assert not (tmp_path / "run" / STAGING).exists()


def test_failing_analysis_leaves_the_old_result_and_its_sign_off(tmp_path):
    filled(tmp_path / "run", "old")
    (tmp_path / "run" / "review.json").write_text("{}")
    with pytest.raises(RuntimeError), replacing(tmp_path / "run", CONFIG, "") as folder:
        (folder.path / "heads.csv").write_text("half")
        raise RuntimeError
    assert marks(tmp_path / "run") == ['{"mark": "old"}'] * 3
    assert (tmp_path / "run" / "review.json").exists()
    assert not (tmp_path / "run" / STAGING).exists()


def test_file_that_cannot_be_moved_is_a_plain_error_and_the_manifest_is_moved_last(tmp_path):
    out = tmp_path / "run"
    filled(out, "old")
    (out / "heads.csv").unlink()
    (out / "heads.csv").mkdir()
    with pytest.raises(StorageError):
        filled(out, "new")
    assert (out / "manifest.json").read_text() == '{"mark": "old"}'
    assert (out / STAGING / "heads.csv").read_text() == '{"mark": "new"}'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_request_to_end_waits_until_the_new_result_is_in_its_place(tmp_path, monkeypatch, number):
    seen = []
    former = signal.signal(number, lambda number, _frame: seen.append(number))
    move = module.replace_file

    def interrupted(source, target):
        os.kill(os.getpid(), number)
        assert seen == []
        move(source, target)

    filled(tmp_path / "run", "old")
    monkeypatch.setattr(module, "replace_file", interrupted)
    try:
        filled(tmp_path / "run", "new")
    finally:
        signal.signal(number, former)
    assert set(seen) == {number}
    assert marks(tmp_path / "run") == ['{"mark": "new"}'] * 3
