"""The codes of one head as rows of cells: a cell an example, a row an autoencoder; three kinds, each with its sign.

A code is a side's own where, in this autoencoder, no example of the other side shows it. The clearest row is shown, in
which most anomalous examples share an own code; the others stand folded below it.
"""

from dataclasses import dataclass
from html import escape

import pandas as pd

from core.examples.example_set import LABELS
from core.text.folding import beginning, folded
from pages.parts.circuit.head_words import Words

SILENT = "silent"
ABSENT = "absent"  # The text has no token at the position
NOT_HEARD = (SILENT, ABSENT)
OWN, SHARED = "own", "shared"
SIGNS = {OWN: "●", SHARED: "○", SILENT: "·", ABSENT: ""}
BEGINNING = 60  # Characters of a text that a cell names


@dataclass(frozen=True)
class Shared:
    """On how many examples of each side one code occurs, of how many that were read."""

    anomalous: int
    normal: int
    all_anomalous: int
    all_normal: int


def most_shared(codes: pd.DataFrame) -> Shared:
    """The code, in one member, that most anomalous examples share beyond the normal ones; of one position.

    Examples without a token there are not counted.
    """
    sides = codes[codes["code"] != ABSENT].drop_duplicates("example")["label"].value_counts()
    best = max((counts for counts, _ in _counted(codes)), key=_beyond, default=(0, 0))
    return Shared(*best, int(sides.get("anomalous", 0)), int(sides.get("normal", 0)))


def clearest(codes: pd.DataFrame) -> int:
    """The member of the row that is shown: that of the code which `most_shared` counts; the first without one."""
    best = max(_counted(codes), key=lambda row: (*_beyond(row[0]), -row[1]), default=((0, 0), None))[1]
    return int(codes["member"].min()) if best is None else best


def best_position(codes: pd.DataFrame) -> str:
    """The position whose codes occur most often on the anomalous side alone, over all members."""
    places = dict.fromkeys(codes["position"])
    return max(places, key=lambda position: _unique(codes[codes["position"] == position]))


def kinds(codes: pd.DataFrame) -> pd.Series:
    """What each cell is: its side's own code, one that both sides show, silent, or absent."""
    sides = codes.groupby(["member", "code"])["label"].transform("nunique")
    kind = sides.map(lambda count: OWN if count == 1 else SHARED)
    return kind.mask(codes["code"].isin(NOT_HEARD), codes["code"])


def rows(codes: pd.DataFrame, examples: pd.DataFrame, word: Words) -> str:
    """The clearest row as HTML, its legend, and all rows to unfold."""
    table = codes.assign(kind=kinds(codes))
    parts = folded([str(text) for text in examples["text"]])
    texts = {
        str(number): beginning(part.shown, BEGINNING)
        for number, part in zip(examples["example"], parts, strict=True)
    }
    members = sorted(table["member"].unique())
    best = clearest(codes)
    every = "".join(_row(table[table["member"] == member], texts, word) for member in members)
    more = (
        f"<details><summary>{escape(word('panel.all_rows', count=len(members)))}</summary>{every}</details>"
        if len(members) > 1
        else ""
    )
    present = [kind for kind in (OWN, SHARED, SILENT) if (table["kind"] == kind).any()]
    legend = "".join(
        f'<span><i class="code-cell {kind}">{SIGNS[kind]}</i>{escape(word(f"panel.code_{kind}"))}</span>'
        for kind in present
    )
    return (
        f'<div class="codes">{sides(table, word)}{_row(table[table["member"] == best], texts, word)}'
        f'<p class="code-legend">{legend}</p>{more}</div>'
    )


def sides(codes: pd.DataFrame, word: Words) -> str:
    """HTML line above the cells that names the two sides over their columns."""
    counts = codes.drop_duplicates("example")["label"].value_counts()
    widths = {label: int(counts.get(label, 1)) for label in LABELS}
    parts = "".join(
        f'<span class="side {label}" style="flex:{width}">{escape(word(f"label.{label}"))}</span>'
        for label, width in widths.items()
    )
    return f'<div class="strip-sides">{parts}</div>'


def _row(row: pd.DataFrame, texts: dict[str, str], word: Words) -> str:
    """One autoencoder: cells in the order of the examples, anomalous ones first, with a gap before the normal ones."""
    ordered = row.sort_values(["label", "example"])
    groups = []
    for label in LABELS:
        own = ordered[ordered["label"] == label]
        cells = "".join(
            f'<i class="code-cell {kind}" title="{escape(texts.get(str(example), ""))}">{SIGNS[kind]}</i>'
            for kind, example in zip(own["kind"], own["example"], strict=True)
        )
        groups.append(f'<div style="flex:{max(1, len(own))}">{cells}</div>')
    heard = {label: int((ordered[ordered["label"] == label]["kind"] == OWN).sum()) for label in LABELS}
    told = escape(word("panel.row", **heard))
    return f'<div class="code-row" role="img" aria-label="{told}">{"".join(groups)}</div>'


def _counted(codes: pd.DataFrame) -> list[tuple[tuple[int, int], int]]:
    """Of each code of each member on how many anomalous and normal examples it stands, and the member."""
    heard = codes[~codes["code"].isin(NOT_HEARD)]
    return [
        ((int((part["label"] == "anomalous").sum()), int((part["label"] == "normal").sum())), int(member))
        for (member, _), part in heard.groupby(["member", "code"])
    ]


def _beyond(counts: tuple[int, int]) -> tuple[int, int]:
    return counts[0] - counts[1], counts[0]


def _unique(codes: pd.DataFrame) -> int:
    heard = codes[~codes["code"].isin(NOT_HEARD)]
    of_sides = {
        label: set(zip(part["member"], part["code"], strict=True)) for label, part in heard.groupby("label")
    }
    return len(of_sides.get("anomalous", set()) - of_sides.get("normal", set()))
