"""The files of a run as they are taken away: with what people added since the analysis wrote them."""

import io
import zipfile
from collections.abc import Mapping
from types import MappingProxyType

from core.errors import StorageError
from core.report.html import Additions, report
from core.report.script import NOTEBOOK, SCRIPT, notebook, script
from core.runs.cost_sheet import read_roi
from core.runs.head_notes import HeadLabel, read_labels
from core.runs.result_reader import read_mechanisms, saved_examples, saved_facts
from core.runs.review import read_review
from core.runs.run_files import ADDED_FILES, RESULT_FILES
from core.runs.run_folder import RunFolder
from core.text.csv_safe import guarded, read_cells, write_cells

RECORDS = ("config.json", "meta.json", "state.json", "poc.json")
"""What the run folder says of the run itself, and of the check list."""


MADE = (SCRIPT, NOTEBOOK)
"""Files that are made when they are asked for."""


def content(run: RunFolder, name: str, language: str = "en") -> bytes:
    """A file of the run for download; raises StorageError where it is missing or damaged."""
    if name == "report.html":
        return current_report(run, language).encode()
    if name == SCRIPT:
        return script(run).encode()
    if name == NOTEBOOK:
        return notebook(run)
    if not (run.path / name).exists():
        raise StorageError("no_run", path=run.path / name)
    try:
        stored = (run.path / name).read_bytes()
    except OSError as error:
        raise StorageError("damaged_run", path=run.path, detail=error) from None
    return named_heads(stored, read_labels(run)) if name == "heads.csv" else stored


def package(
    run: RunFolder, pictures: Mapping[str, bytes] = MappingProxyType({}), language: str = "en"
) -> bytes:
    """One ZIP of everything: tables, manifest, report, script, tensors, what people added, pictures by file name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*RESULT_FILES, *RECORDS, *ADDED_FILES, *MADE):
            if (run.path / name).exists() or name in ("report.html", *MADE):
                archive.writestr(f"headlight-{run.run_id}/{name}", content(run, name, language))
        for name, picture in pictures.items():
            archive.writestr(f"headlight-{run.run_id}/{name}", picture)
    return buffer.getvalue()


def named_heads(table: bytes, labels: Mapping[str, HeadLabel]) -> bytes:
    """heads.csv with two more columns at its end: the user's own `name` and `group` of each head and MLP block."""
    header, *rows = read_cells(table)
    layer, head = header.index("layer"), header.index("head")
    names = [f"L{row[layer]}H{row[head]}" if row[head] else f"MLP{row[layer]}" for row in rows]
    own = [labels.get(name, HeadLabel()) for name in names]
    named = [[*row, guarded(label.name), guarded(label.group)] for row, label in zip(rows, own, strict=True)]
    return write_cells([[*header, "name", "group"], *named])


def current_report(run: RunFolder, language: str = "en") -> str:
    """report.html as of now, with picture, own names, comments, sign-off and sheet."""
    labels = read_labels(run)
    added = Additions(labels, read_review(run), read_roi(run), read_mechanisms(run), run.meta().name)
    facts = saved_facts(run, {head: label.name for head, label in labels.items()})
    return report(facts, saved_examples(run), added, language)
