"""Files that are written whole or not at all, with the mode that the umask gives."""

import os
import sys
from pathlib import Path

import pytest

from core.errors import StorageError
from core.storage import BUNDLED_MODELS, home, local_model, locked, portable_model, write_atomically


@pytest.fixture
def umask():
    before = os.umask(0)
    yield os.umask
    os.umask(before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_file_gets_the_mode_that_the_umask_gives(tmp_path, umask, mask, mode):
    umask(mask)
    write_atomically(tmp_path / "new", b"x")
    assert (tmp_path / "new").stat().st_mode & 0o777 == mode


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_may_enter_the_home_folder(tmp_path, umask, monkeypatch):
    umask(0o022)
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home"))
    assert home().stat().st_mode & 0o777 == 0o700


def test_content_is_on_the_disk_before_the_name_is_there(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr("core.storage.os.fsync", lambda _: synced.append((tmp_path / "x").exists()))
    write_atomically(tmp_path / "x", b"new")
    assert synced[0] is False
    assert (tmp_path / "x").read_bytes() == b"new"
    synced.clear()
    write_atomically(tmp_path / "x", b"newer", durable=False)
    assert synced == []


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    write_atomically(tmp_path / "x", b"old")

    def broken(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.storage.Path.replace", broken)
    with pytest.raises(StorageError) as caught:
        write_atomically(tmp_path / "x", b"new")
    assert caught.value.key == "disk_full"
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"old")]


def test_a_missing_folder_is_no_full_disk(tmp_path):
    with pytest.raises(StorageError) as caught:
        write_atomically(tmp_path / "none" / "x", b"new")
    assert caught.value.key == "folder_not_writable"


def test_a_lock_keeps_others_out_and_is_given_back(tmp_path):
    with locked(tmp_path / "x"), pytest.raises(StorageError) as caught, locked(tmp_path / "x", seconds=0.05):
        pass
    assert caught.value.key == "locked"
    with locked(tmp_path / "x", seconds=0.05):
        pass


def test_a_file_that_is_being_read_is_replaced_as_soon_as_that_ends(tmp_path, monkeypatch):
    replace, refused = Path.replace, []

    def busy(self, target):
        if len(refused) < 3:
            refused.append(target)
            raise PermissionError(13, "used by another process")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    monkeypatch.setattr("core.storage._TRIES", 5)  # as on Windows
    write_atomically(tmp_path / "state.json", b"new")
    assert (tmp_path / "state.json").read_bytes() == b"new"
    assert len(refused) == 3


def test_a_bundled_model_is_named_without_the_path_of_this_installation():
    here = str(BUNDLED_MODELS / "four-tasks")
    assert portable_model(here) == "bundled:four-tasks"
    assert local_model("bundled:four-tasks") == here
    for other in ("/models/mine", "gpt2", "bundled:none", "EleutherAI/pythia-70m"):
        assert (portable_model(other), local_model(other)) == (other, other)


@pytest.mark.parametrize("root", ["/opt/headlight", "C:\\\\headlight"])
def test_the_path_of_another_installation_leads_to_the_bundled_model_here(root):
    path = f"{root}/core/scenarios/models/four-tasks"
    for written in (path, path.replace("/", "\\")) if ":" in root else (path,):
        assert local_model(written) == str(BUNDLED_MODELS / "four-tasks")
    assert local_model("/opt/headlight/core/scenarios/models/none").endswith("models/none")
