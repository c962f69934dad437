"""The legend inside a picture of the circuit that is kept as a file; on the screen it stands beside, as HTML."""

import altair as alt
import pandas as pd

from pages.parts.charts.colours import FILLED, VERDICT, VERDICT_SHAPE
from pages.parts.charts.shared import PADDING
from pages.parts.circuit import groups
from pages.parts.circuit.graph import MINUS
from pages.parts.circuit.marks import Look
from pages.parts.data.results import VERDICTS

ROW = 22  # Pixels from sign to sign
GROUPS_AT = 0.45  # Share of the width where the column of the groups begins


def with_legend(picture: alt.LayerChart, heads: pd.DataFrame, look: Look, width: int) -> alt.VConcatChart:
    """The picture, and below it what its signs mean: verdicts on the left, groups on the right."""
    signs = [_sign(verdict, look) for verdict in VERDICTS if verdict in set(heads["verdict"])]
    if (heads["effect_high"] < 0).any():
        signs.append({"label": f"{MINUS}  {look.word('circuit.against')}", "fill": "none", "stroke": "none"})
    rings = [
        {"label": f"{groups.sign(number)} {name}", "fill": "none", "stroke": groups.colour(number)}
        for name, (number, _) in groups.counted(heads).items()
    ]
    table = pd.DataFrame(
        [{**row, "x": 12.0, "row": place} for place, row in enumerate(signs)]
        + [{**row, "x": 12.0 + GROUPS_AT * width, "row": place} for place, row in enumerate(rings)]
    )
    table["shape"] = table["shape"].fillna("circle") if "shape" in table else "circle"
    base = alt.Chart(table).encode(
        x=alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False)), y=alt.Y("row:O", axis=None)
    )
    points = base.mark_point(size=150, strokeWidth=2.2, filled=True, opacity=1).encode(
        fill=alt.Fill("fill:N", scale=None),
        stroke=alt.Stroke("stroke:N", scale=None),
        shape=alt.Shape("shape:N", scale=None),
    )
    labels = base.mark_text(align="left", dx=14, fontSize=12, color=look.colours.text).encode(text="label:N")
    legend = alt.layer(points, labels, view=alt.ViewBackground(stroke=None))
    size = {"width": width, "height": ROW * max(len(signs), len(rings))}
    return alt.vconcat(picture, legend.properties(**size), spacing=12, padding=PADDING)


def _sign(verdict: str, look: Look) -> dict[str, str]:
    colour = VERDICT[verdict]
    return {
        "label": look.word(f"verdict.{verdict}"),
        "shape": VERDICT_SHAPE[verdict],
        "fill": colour if verdict in FILLED else look.colours.background,
        "stroke": colour,
    }
