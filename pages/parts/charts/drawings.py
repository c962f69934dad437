"""Small drawings: the shape of a model, how the method works in four pictures, the signs of the verdicts.

They are SVG in `<img>` elements, because inline SVG does not pass the sanitiser; so their colours must be
readable on both grounds.
"""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from pages.parts.charts.colours import ANOMALOUS, FILLED, INK, NORMAL, VERDICT, VERDICT_SHAPE

_LINE = f'fill="none" stroke="{INK}" stroke-width="1.6"'
_CODE_COLOURS = {"o": "#E69F00", "b": "#0072B2", "g": "#009E73"}
HOW = {
    "compare": "".join(
        f'<rect x="{x}" y="{14 + 14 * row}" width="{width}" height="6" rx="3" fill="{colour}"/>'
        for x, colour in ((4, ANOMALOUS), (66, NORMAL))
        for row, width in enumerate((46, 36, 41))
    ),
    "listen": "".join(
        f'<circle cx="{10 + 19 * x}" cy="{13 + 18 * y}" r="5.5" {_LINE}/>' for x in range(5) for y in range(3)
    ),
    "code": "".join(
        f'<rect x="{4 + 16 * x}" y="{9 + 15 * y}" width="13" height="12" fill="{_CODE_COLOURS[letter]}"/>'
        for y, row in enumerate(("ooobbb", "obobbb", "goobbg"))
        for x, letter in enumerate(row)
    ),
    "circuit": (
        f'<path d="M19 17C52 17 56 31 80 31M19 47C52 47 56 31 80 31" {_LINE}/>'
        f'<circle cx="13" cy="17" r="8" fill="{INK}"/><circle cx="13" cy="47" r="8" fill="{INK}"/>'
        f'<path d="M78 26L88 31L78 36Z" fill="{INK}"/><circle cx="100" cy="31" r="11" fill="{INK}"/>'
    ),
}


def image(body: str, width: int, height: int, description: str = "") -> str:
    """An `<img>` with this SVG content; without a description it is decoration."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{body}</svg>'
    )
    source = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return f'<img src="{source}" width="{width}" height="{height}" alt="{escape(description)}">'


def model_shape(heads_by_layer: Sequence[int], description: str) -> str:
    """The heads of each layer as dots, layer 0 at the bottom; at most 40 × 40 dots are drawn."""
    columns, rows = min(max(heads_by_layer), 40), min(len(heads_by_layer), 40)
    step = 16 if max(columns, rows) <= 14 else 8
    dots = "".join(
        f'<circle cx="{step * (x + 0.5):g}" cy="{step * (y + 0.5):g}" r="{step * 0.3:.1f}" fill="{INK}"/>'
        for y, count in enumerate(reversed(heads_by_layer[:rows]))
        for x in range(min(count, columns))
    )
    return image(dots, step * columns, step * rows, description)


def how(step: str) -> str:
    """One of the four pictures: compare, listen, code, circuit."""
    return image(HOW[step], 116, 62)


def mark() -> str:
    """The sign of the product: one head feeds two."""
    return image(
        f'<g fill="none" stroke="{INK}" stroke-width="2"><circle cx="6" cy="13" r="4"/>'
        '<circle cx="21" cy="5" r="3"/><circle cx="21" cy="21" r="3"/>'
        '<path d="M10 12C14 11 14 6 18 5M10 14C14 15 14 20 18 21"/></g>',
        26,
        26,
    )


def chain() -> str:
    """Two links of a chain: the sign of an address to hand on."""
    return image(
        f'<g fill="none" stroke="{INK}" stroke-width="2" stroke-linecap="round"><path d="M8 5H6a4 4 0 0 0 0 8h2"/>'
        '<path d="M12 5h2a4 4 0 0 1 0 8h-2M7 9h6"/></g>',
        20,
        18,
    )


def verdict(name: str) -> str:
    """The sign of a verdict as it stands in the pictures."""
    colour = VERDICT[name]
    look = f'fill="{colour if name in FILLED else "none"}" stroke="{colour}" stroke-width="2"'
    if VERDICT_SHAPE[name] == "square":
        return image(f'<rect x="2" y="2" width="12" height="12" {look}/>', 16, 16)
    return image(f'<circle cx="8" cy="8" r="6" {look}/>', 16, 16)
