"""The picture of a story as SVG, drawn without a browser: the same for pages, the report and files.

Nothing in it is fetched and nothing runs. `data-` attributes name what each part stands for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from core.story.layout import FONT, HEADING, SMALL, Box, Layout, layout
from core.story.routes import Route
from core.story.story import Node, Story
from core.text import percent, signed, text

FONTS = (
    "Noto Sans,Noto Sans CJK JP,Noto Sans JP,IPAexGothic,Hiragino Sans,Yu Gothic,Meiryo,MS Gothic,sans-serif"
)
"""Latin first, then the Japanese faces of Linux, macOS and Windows, before any Chinese one can step in."""
UP, DOWN = "#D55E00", "#0072B2"
MOST_SPOKEN = 8
SIGN = {"up": "▲", "down": "▼"}
VERDICT = {"confirmed": "#009E73", "partly": "#E69F00", "not_confirmed": "#9CA3AF", "unchecked": "#5B7FA6"}


@dataclass(frozen=True)
class Colours:
    """Colours of a ground; `up` and `down` are those of lines to answers."""

    ink: str
    faint: str
    ground: str
    line: str
    chip: str
    up: str = UP
    down: str = DOWN


@dataclass(frozen=True)
class _Look:
    """In which language and colours all parts are drawn, and whether none of them can be reached (`still`)."""

    language: str
    colours: Colours
    still: bool


LIGHT = Colours("#1f2937", "#6b7280", "#ffffff", "#94a3b8", "#fde3d3")
DARK = Colours("#e5e7eb", "#9ca3af", "#111827", "#8292a8", "#5b3420", "#E8793A", "#56B4E9")


def draw(
    story: Story,
    language: str,
    colours: Colours = LIGHT,
    unproven: bool = False,
    mlps: bool = True,
    still: bool = False,
) -> str:
    """The story as SVG; `unproven` adds dotted what evidence does not hold, without `mlps` heads stand alone.

    Where nothing was tested, the candidates stand there dotted anyway. `still` is for files and paper: one image, in
    which no part can be reached by the keyboard.
    """
    unproven = unproven or all(node.verdict == "unchecked" for node in story.nodes)
    places, look = layout(story, language, unproven, mlps), _Look(language, colours, still)
    parts = [_headings(places, story, language, colours)]
    widest = _widest(places)
    parts += [_line(route, colours, widest) for route in sorted(places.routes, key=lambda r: r.line.proven)]
    parts += [_chip(box, look) if box.node is None else _unit(box, box.node, look) for box in places.boxes]
    told = escape(spoken(story, language))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="{"img" if still else "group"}" '
        f'aria-label="{told}" font-family="{FONTS}" '
        f'viewBox="0 0 {places.width:.0f} {places.height:.0f}" width="{places.width:.0f}" '
        f'height="{places.height:.0f}"><rect width="100%" height="100%" fill="{colours.ground}"/>'
        f"{''.join(parts)}</svg>"
    )


def spoken(story: Story, language: str) -> str:
    """The picture in words: the first words, the proven units by the size of their effect, the answers."""
    comma = text(language, "circuit.comma")
    proven = sorted((node for node in story.nodes if node.proven), key=lambda node: -abs(node.effect or 0.0))
    units = comma.join(node.name for node in proven[:MOST_SPOKEN])
    if len(proven) > MOST_SPOKEN:
        units = text(language, "story.more", names=units, count=len(proven) - MOST_SPOKEN)
    return text(
        language,
        "story.spoken" if proven else "story.spoken_none",
        words=comma.join(word.text for word in story.words[:3]) or "–",
        units=units or _nothing(story, language),
        answers=comma.join(f"{SIGN[said.direction]} {said.word}" for said in story.answers[:5]) or "–",
    )


def _nothing(story: Story, language: str) -> str:
    """What is said where nothing is proven."""
    tested = any(node.verdict != "unchecked" for node in story.nodes)
    return text(language, "story.none" if tested or not story.nodes else "story.untested")


def _headings(places: Layout, story: Story, language: str, colours: Colours) -> str:
    words = [box for box in places.boxes if box.kind in ("word", "trigger")]
    answers = [box for box in places.boxes if box.kind in SIGN]
    tags = [_text(one.x, 22, one.label, colours.faint, HEADING, one.anchor) for one in places.headings]
    for count, boxes in ((places.more_words, words), (places.more_answers, answers)):
        if count:
            x = sum(box.x for box in boxes) / len(boxes)
            tags.append(_text(x, places.height - 10, f"+{count}", colours.faint, HEADING))
    if not any(node.proven for node in story.nodes):
        middle = places.width / 2
        tags.append(_text(middle, places.height - 10, _nothing(story, language), colours.faint, FONT - 1))
    return "".join(tags)


def _text(
    x: float, y: float, label: str, colour: str, size: float, anchor: str = "middle", bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size:.1f}" '
        f'text-anchor="{anchor}"{weight}>{escape(label)}</text>'
    )


def _widest(places: Layout) -> Mapping[str, float]:
    """The largest weight of each kind of line."""
    widest: dict[str, float] = {}
    for route in places.routes:
        widest[route.line.kind] = max(widest.get(route.line.kind, 0.0), abs(route.line.weight))
    return widest


def _line(route: Route, colours: Colours, widest: Mapping[str, float]) -> str:
    line, points = route.line, route.points
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in pairwise(points):
        if y == to_y:
            path += f"H{to_x:.1f}"
        elif x == to_x:  # around within one column
            path += f"C{x + 40:.1f} {y:.1f} {x + 40:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        else:
            middle = (x + to_x) / 2
            path += f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    width = 1.2 + 5.3 * abs(line.weight) / (widest[line.kind] or 1.0)
    colour = colours.line
    if line.kind == "pushes":
        colour = colours.up if line.weight > 0 else colours.down
    look = "" if line.proven else ' stroke-dasharray="2 5"'
    width = width if line.proven else 1.4
    share = line.weight if line.said is None else line.said
    value = signed(line.weight) if line.kind == "pushes" else percent(share)
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:.1f}" stroke-opacity=".75"{look} '
        f'data-source="{escape(line.source)}" data-target="{escape(line.target)}" data-line="{line.kind}">'
        f"<title>{escape(f'{line.source} → {line.target} · {value}')}</title></path>"
    )


def _chip(box: Box, look: _Look) -> str:
    colours = look.colours
    answer = box.kind in SIGN
    fill = {"up": UP, "down": DOWN, "trigger": colours.chip}.get(box.kind, colours.ground)
    ink, rim = ("#ffffff", fill) if answer else (colours.ink, UP if box.kind == "trigger" else colours.line)
    label = f"{SIGN[box.kind]} {box.label}" if answer else box.label
    shape = (
        f'<rect x="{box.left:.1f}" y="{box.top:.1f}" width="{box.right - box.left:.1f}" height="32" '
        f'rx="{6 if answer else 16}" fill="{fill}" stroke="{rim}"/>'
    )
    words = _text(box.x, box.y + 5, label, ink, FONT, bold=answer)
    told = text(look.language, f"story.{box.kind}", word=box.name)
    return _group(
        box.name, "answer" if answer else "word", box.step, "" if look.still else told, shape + words
    )


def sign(verdict: str, ground: str) -> str:
    """How a circle or a square of this verdict is painted: full, a thick rim, or a thin dotted one."""
    colour = VERDICT[verdict]
    if verdict == "confirmed":
        return f'fill="{colour}" stroke="{colour}" stroke-width="2"'
    dotted = "" if verdict == "partly" else ' stroke-dasharray="3 4"'
    return f'fill="{ground}" stroke="{colour}" stroke-width="{2 if dotted else 4}"{dotted}'


def _unit(box: Box, node: Node, look: _Look) -> str:
    r, colours = box.radius, look.colours
    ink = "#111827" if node.verdict == "confirmed" else colours.ink
    paint = sign(node.verdict, colours.ground)
    if node.unit == "mlp":
        corner = f'x="{box.x - r:.1f}" y="{box.y - r:.1f}"'
        shape = f'<rect {corner} width="{2 * r:.1f}" height="{2 * r:.1f}" rx="4" {paint}/>'
    else:
        shape = f'<circle cx="{box.x:.1f}" cy="{box.y:.1f}" r="{r:.1f}" {paint}/>'
    effect = percent(node.effect)
    size = min(FONT, 1.9 * r / (0.62 * max(3, len(effect))))
    shape += _text(box.x, box.y + size / 3, effect, ink, size, bold=True)
    if box.label:
        shape += _text(box.x, box.y - r - 8, box.label, colours.ink, FONT - 1, bold=True)
    shape += _text(box.x, box.y + r + 14, node.name, colours.faint, SMALL)
    verdict = text(look.language, f"story.{node.verdict}")
    if node.works_against:
        verdict += f" · {text(look.language, 'story.against')}"
        shape += f'<path d="M{box.x - r * 0.5:.1f} {box.y - r * 0.62:.1f}h{r:.1f}" stroke="{ink}" stroke-width="3"/>'
    told = "" if look.still else f"{node.name} {node.title}, {effect}, {verdict}"
    return _group(node.name, "unit", box.step, told, shape)


def _group(name: str, kind: str, step: int, told: str, inner: str) -> str:
    """A part with its name; reached by the keyboard where it is `told` in words."""
    reached = f' tabindex="0" role="button" aria-label="{escape(told)}"' if told else ""
    return f'<g data-name="{escape(name)}" data-kind="{kind}" data-step="{step}"{reached}>{inner}</g>'
