"""The files of a run as they are taken away: with what people added since the analysis wrote them."""

import io
import re
import zipfile
from collections.abc import Mapping
from html import escape

from core.annotations import HeadLabel, read_labels
from core.errors import StorageError
from core.review import Review, read_review
from core.runs import ADDED_FILES, RESULT_FILES, RunFolder
from core.spreadsheet import guarded, read_cells, write_cells
from core.texts import text

Pictures = Mapping[str, str]
"""The circuit as SVG by language."""
NO_PICTURES: Pictures = {}

RECORDS = ("config.json", "meta.json", "state.json")
"""What the run folder says of the run itself."""

_PART = re.compile(r'(<main lang="(\w+)".*?)(</main>)', re.DOTALL)
"""One language of report.html; texts in it are escaped, so no tag within is a user's."""
_FIXED_SIZE = re.compile(r' width="([^"]+)" height="[^"]+"')
_FITTING = r' style="width:100%;max-width:\1px;height:auto"'
_HEAD_CELL = re.compile(r"<td>(L\d+H\d+)</td>")


def content(run: RunFolder, name: str, pictures: Pictures = NO_PICTURES) -> bytes:
    """A file of the run for download; raises StorageError where it is missing or damaged."""
    try:
        stored = (run.path / name).read_bytes()
    except OSError:
        raise StorageError("no_run", path=run.path / name) from None
    if name == "heads.csv":
        return named_heads(stored, read_labels(run))
    if name == "report.html":
        return annotated_report(stored.decode(), run, pictures).encode()
    return stored


def package(run: RunFolder, pictures: Pictures = NO_PICTURES) -> bytes:
    """One ZIP of everything: tables, manifest, report, tensors, settings, names, comments, sign-off, pictures."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*RESULT_FILES, *RECORDS, *ADDED_FILES):
            if (run.path / name).exists():
                archive.writestr(f"headlight-{run.run_id}/{name}", content(run, name, pictures))
        for language, picture in pictures.items():
            archive.writestr(f"headlight-{run.run_id}/circuit-{language}.svg", picture)
    return buffer.getvalue()


def named_heads(table: bytes, labels: Mapping[str, HeadLabel]) -> bytes:
    """heads.csv with a last column `name`, the user's own name of each head."""
    header, *rows = read_cells(table)
    layer, head = header.index("layer"), header.index("head")
    named = [[*row, guarded(_name(labels, f"L{row[layer]}H{row[head]}"))] for row in rows]
    return write_cells([[*header, "name"], *named])


def annotated_report(page: str, run: RunFolder, pictures: Pictures = NO_PICTURES) -> str:
    """report.html with the picture and own names of heads; at the end of each language names, comments, sign-off."""
    labels, review = read_labels(run), read_review(run)

    def add(part: re.Match[str]) -> str:
        body, language, end = part.groups()
        named = _HEAD_CELL.sub(lambda cell: _head_cell(cell[1], _name(labels, cell[1])), body)
        named = _with_picture(named, pictures.get(language, ""))
        return f"{named}{_labels(labels, language)}{_review(review, language)}{end}"

    return _PART.sub(add, page)


def _with_picture(part: str, picture: str) -> str:
    """The picture at the end of the first section, which says what was found."""
    sections = part.split("<h2>")
    if not picture or len(sections) < 2:
        return part
    sections[1] += f'<div style="overflow-x:auto">{_FIXED_SIZE.sub(_FITTING, picture, count=1)}</div>'
    return "<h2>".join(sections)


def _name(labels: Mapping[str, HeadLabel], head: str) -> str:
    return labels.get(head, HeadLabel()).name


def _head_cell(head: str, name: str) -> str:
    return f"<td>{head} {escape(name)}</td>" if name else f"<td>{head}</td>"


def _labels(labels: Mapping[str, HeadLabel], language: str) -> str:
    if not labels:
        return ""
    titles = "".join(
        f"<th>{escape(text(language, f'report.{key}'))}</th>" for key in ("head", "name", "note")
    )
    rows = "".join(
        f'<tr><td>{escape(head)}</td><td dir="auto">{escape(label.name)}</td>'
        f'<td dir="auto">{_lines(label.note)}</td></tr>'
        for head, label in labels.items()
    )
    title = escape(text(language, "report.labels"))
    return f"<h2>{title}</h2><table><tr>{titles}</tr>{rows}</table>"


def _review(review: Review, language: str) -> str:
    """Comments as a list, then the decision with earlier ones behind it."""

    def say(key: str, **values: str) -> str:
        return escape(text(language, f"report.{key}", **values))

    parts = ""
    if review.comments:
        comments = "".join(
            f'<li dir="auto">{_lines(comment.text)}<br><span class="small">{escape(comment.author)} '
            f"{escape(comment.written[:10])}</span></li>"
            for comment in review.comments
        )
        parts = f"<h2>{say('comments')}</h2><ul>{comments}</ul>"
    signed = "".join(
        f"<p>{say('signed', decision=text(language, f'report.{s.decision}'), name=s.name, date=s.date)}</p>"
        for s in reversed(review.sign_offs)
    )
    return parts + (f"<h2>{say('sign_off')}</h2>{signed}" if signed else "")


def _lines(said: str) -> str:
    return "<br>".join(escape(line) for line in said.splitlines())
