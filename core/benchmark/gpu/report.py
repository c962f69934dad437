"""The measurement as files: `gpu.json`, from which the documents make their tables, and `gpu.md` to be read."""

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers

from core.benchmark.gpu.costs import large, memory, speed
from core.benchmark.gpu.equality import equality
from core.benchmark.gpu.sections import Measured, Row, Section, measure
from core.benchmark.gpu.sizes import REAL, Sizes
from core.errors import ModelError
from core.storage import write_atomically

FORMAT = 1
SECONDS = 450.0
"""Seconds for all sections, so that the whole stays under eight minutes with its start."""
SECTIONS = (
    Section("equality", 180, equality),
    Section("speed", 150, speed),
    Section("memory", 90, memory),
    Section("large", 120, large),
)


def run_gpu(
    out: Path,
    device: str = "cuda",
    sizes: Sizes = REAL,
    sections: Sequence[Section] = SECTIONS,
    seconds: float = SECONDS,
) -> Iterator[str]:
    """Measure, write gpu.json and gpu.md into `out`, and yield lines to print.

    Raises ModelError where there is no such device, before anything is measured or written.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no_gpu")
    done: list[Measured] = []
    for measured in measure(sections, device, sizes, seconds):
        done.append(measured)
        yield from lines_of(measured)
        write(out, device, done)
    kept = [row.holds for measured in done for row in measured.rows if row.holds is not None]
    yield f"{sum(kept)} of {len(kept)} bounds hold; written to {out / 'gpu.json'} and {out / 'gpu.md'}"


def write(out: Path, device: str, sections: Sequence[Measured]) -> None:
    """Write both files, whole."""
    record = record_of(device, sections)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "gpu.json", json.dumps(record, indent=1).encode())
    text = [f"# {record['device']}", "", about(record)]
    for section in sections:
        text += ["", f"## {section.name}", "", *lines_of(section)]
    write_atomically(out / "gpu.md", ("\n".join(text) + "\n").encode())


def record_of(device: str, sections: Sequence[Measured]) -> dict[str, Any]:
    """All that was measured, as JSON; numbers that are none become null."""
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    return {
        "format": FORMAT,
        "device": name,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "sections": [
            {**asdict(section), "rows": [_row(row) for row in section.rows]} for section in sections
        ],
    }


def about(record: dict[str, Any]) -> str:
    """What was measured with."""
    seconds = sum(section["seconds"] for section in record["sections"])
    return f"torch {record['torch']}, transformers {record['transformers']}, {seconds:.0f} seconds."


def lines_of(section: Measured) -> Iterator[str]:
    """A section as a markdown table, and what of it is missing."""
    yield f"{section.name}: {section.state} in {section.seconds:.1f} s"
    if section.reason:
        yield f"not whole: {section.reason}"
    if not section.rows:
        return
    yield from ("", "| case | quantity | value | bound | |", "|---|---|---|---|---|")
    for row in section.rows:
        bound = "" if row.bound is None else f"{'≥' if row.least else '≤'} {row.bound:g}"
        verdict = {None: "", True: "holds", False: "missed"}[row.holds]
        yield f"| {row.case} | {row.quantity} | {row.value:.4g} | {bound} | {verdict} |"


def _row(row: Row) -> dict[str, Any]:
    value = row.value if row.value == row.value and abs(row.value) != float("inf") else None
    return {**asdict(row), "value": value, "holds": row.holds}
