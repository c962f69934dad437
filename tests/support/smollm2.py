"""A real chat model, SmolLM2-135M-Instruct: made once on a machine, then kept in the user's cache."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.paths import SHARED

FOLDER = Path(os.environ.get("HEADLIGHT_TEST_MODELS", Path.home() / ".cache" / "headlight-tests")) / "smollm2"
SCRIPT = SHARED / "models" / "smollm2"
FILES = ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja")
LONGEST = 900
"""Seconds to wait for a download of 92 MB and the conversion."""


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """Folder of the model. A test that asks for it is skipped where the model can be neither found nor made."""
    if reason := _hindrance():
        pytest.skip(reason)
    return FOLDER


@cache
def _hindrance() -> str:
    """Make the model where it is missing; why that cannot be done, nothing where it is there."""
    if _complete():
        return ""
    if not SCRIPT.exists():
        return f"SmolLM2 is neither in {FOLDER} nor can it be made: {SCRIPT} is missing"
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{FOLDER}.lock"):  # several test processes ask at the same time
        if _complete():
            return ""
        online = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        command = [sys.executable, str(SCRIPT), str(FOLDER)]
        try:
            made = subprocess.run(command, capture_output=True, text=True, env=online, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return f"SmolLM2 was not made within {LONGEST} seconds"
    if made.returncode or not _complete():
        last = (made.stderr or made.stdout).strip().splitlines()[-1:]
        return f"SmolLM2 cannot be made here (no package registry?): {' '.join(last)}"
    return ""


def _complete() -> bool:
    return all((FOLDER / name).exists() for name in FILES)
