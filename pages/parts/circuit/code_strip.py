"""The codes of one head as a strip: a column an example, a row a member, a colour a code."""

from dataclasses import dataclass
from html import escape

import altair as alt
import pandas as pd

from core.examples.example_set import LABELS
from pages.parts.charts.colours import CODES, Palette
from pages.parts.charts.shared import Words, finished, tooltips

SILENT = "silent"
ABSENT = "absent"  # The text has no token at the position
NOT_HEARD = (SILENT, ABSENT)
GAP = 1  # Empty columns between the two sides


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
    heard = codes[~codes["code"].isin(NOT_HEARD)]
    counts = [
        (int((part["label"] == "anomalous").sum()), int((part["label"] == "normal").sum()))
        for _, part in heard.groupby(["member", "code"])
    ]
    best = max(counts, key=lambda pair: (pair[0] - pair[1], pair[0]), default=(0, 0))
    return Shared(*best, int(sides.get("anomalous", 0)), int(sides.get("normal", 0)))


def best_position(codes: pd.DataFrame) -> str:
    """The position whose codes occur most often on the anomalous side alone, over all members."""
    places = dict.fromkeys(codes["position"])
    return max(places, key=lambda position: _unique(codes[codes["position"] == position]))


def strip(codes: pd.DataFrame, examples: pd.DataFrame, colours: Palette, word: Words) -> alt.Chart:
    """Heat strip of one position; within a row the same colour is the same code."""
    table = _ordered(codes, examples)
    columns = [str(place) for place in range(int(table["place"].max()) + 1)]
    table = table[table["code"] != ABSENT]
    colour = alt.condition(
        alt.datum.code == SILENT,
        alt.value(colours.silent),
        alt.Color("shade:N", scale=alt.Scale(domain=list(range(len(CODES))), range=list(CODES)), legend=None),
    )
    chart = (
        alt.Chart(table.assign(place=table["place"].astype(str)))
        .mark_rect(stroke=colours.background, strokeWidth=1.5, cornerRadius=2)
        .encode(
            x=alt.X("place:N", title=None, axis=None, scale=alt.Scale(domain=columns, paddingInner=0)),
            y=alt.Y("member:O", title=None, axis=None),
            color=colour,
            tooltip=tooltips(
                {"text:N": "chart.example", "code:N": "chart.code", "sharing:N": "chart.sharing"}, word
            ),
        )
    )
    return finished(chart, max(40, 17 * table["member"].nunique()))


def sides(codes: pd.DataFrame, word: Words) -> str:
    """HTML line above the strip that names the two sides over their columns."""
    counts = codes.drop_duplicates("example")["label"].value_counts()
    widths = {label: int(counts.get(label, 1)) for label in LABELS}
    parts = "".join(
        f'<span class="side {label}" style="flex:{width}">{escape(word(f"label.{label}"))}</span>'
        for label, width in widths.items()
    )
    return f'<div class="strip-sides">{parts}</div>'


def shades(codes: pd.Series) -> pd.Series:
    """Index of each code's colour: the most frequent code of the series has the first one."""
    heard = [code for code in codes.value_counts().index if code not in NOT_HEARD]
    rank = {code: index % len(CODES) for index, code in enumerate(heard)}
    return codes.map(lambda code: rank.get(code, 0))


def _ordered(codes: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame:
    """The codes with text, column (`place`), colour (`shade`), and how many examples of the member share the code."""
    texts = dict(zip(examples["example"], examples["text"], strict=True))
    anomalous = codes["label"] == "anomalous"
    places = codes.groupby("label")["example"].rank(method="dense").astype(int) - 1
    first_normal = codes.loc[anomalous, "example"].nunique() + GAP
    return codes.assign(
        text=[texts.get(str(example), "") for example in codes["example"]],
        place=places + first_normal * ~anomalous,
        shade=codes.groupby("member")["code"].transform(shades),
        sharing=codes.groupby(["member", "code"])["code"].transform("size"),
    )


def _unique(codes: pd.DataFrame) -> int:
    heard = codes[~codes["code"].isin(NOT_HEARD)]
    sides = {
        label: set(zip(part["member"], part["code"], strict=True)) for label, part in heard.groupby("label")
    }
    return len(sides.get("anomalous", set()) - sides.get("normal", set()))
