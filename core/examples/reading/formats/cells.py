"""The rows of a text whose cells are parted by a separator: CSV as spreadsheets and programs write it.

1. A first line `sep=;` names the separator. 2. Else it is the one of comma, semicolon, tab and bar under which the
first row has the most headings that we know and most rows are as long as it. 3. Quotes enclose a cell only where they
reach to its end: a quotation mark too many stays in its cell and never swallows the rows below.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SEPARATORS = (",", ";", "\t", "|")
_NAMED = re.compile(r'\s*"?sep=(.)"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_BREAKS = re.compile("\r\n|\r|\n")
_SAMPLE = 200_000
_DEEPEST_HEADING = 10
"""Among how many first rows the headings are looked for, where lines that nothing parts stand above them."""


@dataclass(frozen=True)
class TextRow:
    """The cells of a row, the line where it begins, and the cells (by place) that begin with a quote and keep it."""

    line: int
    cells: tuple[str, ...]
    quotes_kept: bool = False
    breaks_changed: bool = False


def rows_of(text: str, separator: str, lines_above: int = 0) -> Iterator[TextRow]:
    """The rows of a text that has `lines_above` in front of it in its file.

    A line break within quotes belongs to its cell, as a line feed where the file writes CR LF; a
    carriage return alone ends a row only in a file that has no line feed.
    """
    ends = r"\r" if "\n" not in text else r"\r?\n"
    parted = re.escape(separator)
    plain = r"[^\n{}]*?".format(parted if separator else "") if ends != r"\r" else rf"[^\r{parted}]*"
    end = rf"{parted}|{ends}|\Z" if separator else rf"{ends}|\Z"
    blanks = (
        "" if separator == "\t" else "[ ]*"
    )  # people who write CSV by hand put a blank behind the separator
    cell = re.compile(rf'(?:{blanks}"((?:[^"]|"")*+)"{blanks}|({plain}))({end})')
    line = begun = lines_above + 1
    cells, kept, changed = list[str](), False, False
    for match in cell.finditer(text):
        if not match[0] and not cells:
            return  # behind the last row's end
        quoted, unquoted, after = match.groups()
        content = unquoted if quoted is None else quoted.replace('""', '"')
        kept |= quoted is None and content.lstrip(" ").startswith('"')
        if quoted is not None and _BREAKS.search(content):
            written = content
            content = content.replace("\r\n", "\n") if "\n" in text else content.replace("\r", "\n")
            changed |= content != written
        cells.append(content)
        line += len(_BREAKS.findall(match[0]))
        if after == separator and after:
            continue
        yield TextRow(begun, tuple(cells), kept, changed)
        begun, cells, kept, changed = line, [], False, False


def separator_of(text: str, name: str, knows: Callable[[str], bool]) -> tuple[str, str, int]:
    """The separator (empty where there is none), the text behind a line that names it, and how many lines that is.

    `knows` tells whether a heading is one that we know; `name` is the file's.
    """
    if named := _NAMED.match(text):
        return named[1], text[len(named[0]) :], len(_BREAKS.findall(named[0]))
    order = ("\t", *SEPARATORS) if name.lower().endswith((".tsv", ".tab")) else SEPARATORS
    scores = {separator: _score(text, separator, knows) for separator in order}
    best = max(scores, key=lambda separator: scores[separator])
    return (best if scores[best] > (0, 0.0, 0) else ""), text, 0


def _score(text: str, separator: str, knows: Callable[[str], bool]) -> tuple[int, float, int]:
    """(headings known, share of rows as long as the first, its length); zeros where it does not part the first row.

    The first row is the one of the headings, where only lines that nothing parts stand above it.
    """
    rows: list[Sequence[str]] = []
    for row in rows_of(text[:_SAMPLE], separator):
        if any(cell.strip() for cell in row.cells):
            rows.append(row.cells)
        if len(rows) > 50:
            break
    rows = rows[_titles(rows, knows) :]
    if not rows or len(rows[0]) < 2:
        return 0, 0.0, 0
    known = sum(knows(cell) for cell in rows[0])
    alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
    return known, alike, len(rows[0])


def _titles(rows: Sequence[Sequence[str]], knows: Callable[[str], bool]) -> int:
    """How many rows of one cell, as a title is, stand above a row of at least two headings that we know."""
    for place, row in enumerate(rows[:_DEEPEST_HEADING]):
        if len(row) > 1:
            return place if sum(map(knows, row)) > 1 else 0
        if knows(row[0]):
            return 0
    return 0
