"""Words → heads → answers as one SVG, drawn from a run's numbers alone.

Words of the verdict stand at the left, the proven heads by layer with their effect inside, answers at the right. A line
is drawn where a head was seen to look at a word, where an edge was confirmed or partly so, and where a head writes
towards or away from an answer; its width is the measured size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from core.text import percent
from pages.parts.charts.colours import ANOMALOUS, NORMAL, VERDICT, Palette
from pages.parts.charts.shared import FONT

WIDTH, ROW, TOP = 880, 84, 34
LEFT, RIGHT = 96.0, 784.0
"""Where the words and the answers stand, in units of the drawing."""
LINE = "#8794AB"
STYLE = (
    ".ground{{fill:{ground}}}text{{fill:{text};text-anchor:middle;font:14px {font};"
    "paint-order:stroke;stroke:{ground};stroke-opacity:.75;stroke-width:3px}}"
    ".number,.title{{font-weight:600;font-size:13px}}.name{{font-size:12px}}"
)
LOOKED, PUSHED = 0.3, 0.5
"""Share of attention, and change of an answer's logit, from which on a line is drawn."""


@dataclass(frozen=True)
class Head:
    """A proven head: its layer, effect as a share of the gap, verdict and few words on what it does."""

    name: str
    layer: int
    effect: float
    verdict: str
    title: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer: `up` where the fault makes it likelier."""

    word: str
    direction: Literal["up", "down"]


@dataclass(frozen=True)
class Way:
    """All that is drawn. `reads` are shares by word and head, `feeds` effects by heads, `pushes` changes of a logit."""

    words: Sequence[str]
    heads: Sequence[Head]
    answers: Sequence[Answer]
    reads: Mapping[tuple[str, str], float]
    feeds: Mapping[tuple[str, str], float]
    pushes: Mapping[tuple[str, str], float]


def svg(way: Way, palette: Palette) -> str:
    """The drawing with its own colours and type, as it stands alone. Texts are escaped."""
    layers = sorted({head.layer for head in way.heads})
    columns = {layer: [head for head in way.heads if head.layer == layer] for layer in layers}
    rows = max(len(way.words) * 0.62, len(way.answers), *(len(column) for column in columns.values()), 2)
    height = TOP + ROW * rows
    at = {
        f"word:{word}": (LEFT, y) for word, y in zip(way.words, _spread(len(way.words), height), strict=True)
    }
    for place, (_, column) in enumerate(columns.items()):
        x = LEFT + (RIGHT - LEFT) * (place + 1) / (len(columns) + 1)
        at |= {head.name: (x, y) for head, y in zip(column, _spread(len(column), height), strict=True)}
    ends = _spread(len(way.answers), height)
    at |= {f"answer:{one.word}": (RIGHT, y) for one, y in zip(way.answers, ends, strict=True)}
    parts = [*_lines(way, at), *(_word(word, *at[f"word:{word}"]) for word in way.words)]
    parts += [_head(head, *at[head.name]) for head in way.heads]
    parts += [_answer(one, *at[f"answer:{one.word}"]) for one in way.answers]
    style = STYLE.format(text=palette.text, ground=palette.background, font=FONT)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}"><style>{style}</style>{"".join(parts)}</svg>'
    )


def _spread(count: int, height: float) -> list[float]:
    """Heights of so many things, even over the drawing."""
    step = (height - TOP) / max(1, count)
    return [TOP / 2 + step * (place + 0.5) for place in range(count)]


def _lines(way: Way, at: Mapping[str, tuple[float, float]]) -> list[str]:
    """All lines, below everything else."""
    directions = {one.word: one.direction for one in way.answers}
    drawn = [
        _line(at[f"word:{word}"], at[head], 1 + 6 * share, LINE)
        for (word, head), share in way.reads.items()
        if share >= LOOKED
    ]
    drawn += [
        _line(at[one], at[other], 1.2 + 14 * abs(effect), LINE) for (one, other), effect in way.feeds.items()
    ]
    for (head, word), change in way.pushes.items():
        helps = (change > 0) == (directions[word] == "up")
        if abs(change) >= PUSHED and helps:
            colour = ANOMALOUS if directions[word] == "up" else NORMAL
            drawn.append(_line(at[head], at[f"answer:{word}"], min(10.0, 1 + abs(change)), colour))
    return drawn


def _line(start: tuple[float, float], end: tuple[float, float], width: float, colour: str) -> str:
    (x, y), (u, v) = start, end
    bend = (u - x) * 0.5
    return (
        f'<path d="M{x:.0f} {y:.0f}C{x + bend:.0f} {y:.0f} {u - bend:.0f} {v:.0f} {u:.0f} {v:.0f}" '
        f'fill="none" stroke="{colour}" stroke-opacity=".6" stroke-width="{width:.1f}"/>'
    )


def _word(word: str, x: float, y: float) -> str:
    return _plate(word, x, y, 150, ANOMALOUS, "word")


def _answer(one: Answer, x: float, y: float) -> str:
    sign, colour = ("▲", ANOMALOUS) if one.direction == "up" else ("▼", NORMAL)
    return _plate(f"{sign} {one.word}", x, y, 150, colour, "answer")


def _plate(text: str, x: float, y: float, width: float, colour: str, kind: str) -> str:
    shown = text if len(text) <= 17 else f"{text[:16]}…"
    return (
        f'<g class="{kind}"><rect class="ground" x="{x - width / 2:.0f}" '
        f'y="{y - 17:.0f}" width="{width:.0f}" height="34" rx="{17 if kind == "word" else 6}"/>'
        f'<rect x="{x - width / 2:.0f}" y="{y - 17:.0f}" width="{width:.0f}" height="34" '
        f'rx="{17 if kind == "word" else 6}" fill="{colour}" fill-opacity="{0.16 if kind == "word" else 0.22}" '
        f'stroke="{colour}"/><text x="{x:.0f}" y="{y + 5:.0f}">{escape(shown)}</text></g>'
    )


def _head(head: Head, x: float, y: float) -> str:
    """A circle whose area is the size of the effect, its number inside; partly confirmed ones have a dashed rim."""
    radius = 15 + 16 * min(1.0, abs(head.effect)) ** 0.5
    rim = ' stroke-dasharray="4 3"' if head.verdict == "partly" else ""
    title = f'<text class="title" x="{x:.0f}" y="{y - radius - 6:.0f}">{escape(head.title)}</text>'
    return (
        f'<g class="head"><circle class="ground" cx="{x:.0f}" cy="{y:.0f}" r="{radius:.1f}"/>'
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{radius:.1f}" fill="{VERDICT[head.verdict]}" fill-opacity=".3" '
        f'stroke="{VERDICT[head.verdict]}" stroke-width="3"{rim}/>'
        f'<text class="number" x="{x:.0f}" y="{y + 4:.0f}">{escape(percent(head.effect))}</text>'
        f'{title}<text class="name" x="{x:.0f}" y="{y + radius + 14:.0f}">{escape(head.name)}</text></g>'
    )
