"""Pictures of a run as files, SVG and PNG, in the reader's language: for slides and print, always on a light ground.

vl-convert is loaded only when a picture is asked for. It prints empty boxes where the machine has no Japanese font,
without a word; so a picture with such letters is left out there, and a text says why.
"""

import functools
import re
from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import pandas as pd

from core.story import draw
from core.story.svg import FONTS
from pages.parts import i18n
from pages.parts.charts import shared
from pages.parts.charts.colours import LIGHT
from pages.parts.circuit import graph, legend
from pages.parts.circuit.marks import Look
from pages.parts.data.results import MOST_EDGES, MOST_HEADS, Result
from pages.parts.evidence import effects
from pages.parts.picture import telling

KINDS = ("circuit", "grid", "heat-map", "effects")
FORMATS = ("svg", "png")
LEFT_OUT = "pictures-left-out.txt"
SCALE = 2.0  # Pixels of a PNG a pixel of the SVG
_JAPANESE = re.compile("[぀-ヿ㐀-鿿豈-﫿]")
_SIGNS = ("請", "語")
_XLINK = ' xmlns:xlink="http://www.w3.org/1999/xlink"'


class NoRendererError(Exception):
    """vl-convert is not installed."""


class MissingFontError(Exception):
    """A PNG would show boxes instead of Japanese letters."""


def drawn(result: Result) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Heads and edges of the grid; no edge that interventions refuted."""
    heads = result.selected.head(MOST_HEADS)
    among = result.edges_among(list(heads["name"]))
    return heads, among[among["selected"] & (among["verdict"] != "not_confirmed")].head(MOST_EDGES)


def kinds(result: Result) -> list[str]:
    """The pictures that this run has."""
    of_circuit = ["circuit", "grid"] if len(result.selected) else []
    return [*of_circuit, "heat-map", *(["effects"] if result.checked else [])]


def alternative(heads: pd.DataFrame, edges: pd.DataFrame, language: str) -> str:
    """The circuit's picture in words."""
    counts = {"heads": len(heads), "edges": len(edges), "strongest": heads.iloc[0]["name"]}
    return i18n.text(language, "alt.circuit", **counts)


def as_svg(result: Result, kind: str, language: str) -> str:
    """One picture as SVG; raises NoRendererError without vl-convert."""
    if kind == "circuit":
        return draw(telling.of(result, language), language, still=True)
    renderer = _renderer()
    spec = _chart(result, kind, language).to_dict()
    spec["config"] = {**spec.get("config", {}), "font": FONTS, "background": LIGHT.background}
    drawing = str(renderer.vegalite_to_svg(spec)).replace(_XLINK, "", 1)
    if kind == "grid":
        words = alternative(*drawn(result), language)
        drawing = drawing.replace("<svg ", f'<svg role="img" aria-label="{escape(words)}" ', 1)
    return drawing


def as_png(picture: str) -> bytes:
    """An SVG as PNG; raises NoRendererError without vl-convert."""
    return bytes(_renderer().svg_to_png(picture, scale=SCALE))


def shows_japanese() -> bool:
    """Whether this machine has a Japanese font: two letters differ. Raises NoRendererError without vl-convert."""
    return _differ(*_SIGNS)


def needs_japanese(picture: str) -> bool:
    """Whether an SVG holds Japanese letters."""
    return bool(_JAPANESE.search(picture))


def hindrance() -> str:
    """Why pictures cannot all be made here: `renderer`, `font`, or nothing."""
    try:
        return "" if shows_japanese() else "font"
    except NoRendererError:
        return "renderer"


def hindered(result: Result, kind: str, language: str, ending: str, hindrance: str) -> bool:
    """Whether this picture cannot be made, given what hinders."""
    if hindrance == "font":
        return ending == "png" and needs_japanese(as_svg(result, kind, language))
    return hindrance == "renderer"


def files(result: Result, language: str) -> dict[str, bytes]:
    """Every picture in a language as SVG and PNG, by file name; what cannot be made is said in a text."""
    contents: dict[str, bytes] = {}
    missing = {hindrance()} - {""}
    for kind in kinds(result):
        if "renderer" in missing and kind != "circuit":
            continue
        drawing = as_svg(result, kind, language)
        contents[file_name(kind, language, "svg")] = drawing.encode()
        if not missing or (missing == {"font"} and not needs_japanese(drawing)):
            contents[file_name(kind, language, "png")] = as_png(drawing)
    if missing:
        reasons = (i18n.text(language, f"report.no_{reason}") for reason in missing)
        contents[LEFT_OUT] = "\n\n".join(reasons).encode()
    return contents


def picture(result: Result, kind: str, language: str, ending: str) -> bytes:
    """One picture as a file; raises NoRendererError or MissingFontError where it cannot be made."""
    drawing = as_svg(result, kind, language)
    if ending == "svg":
        return drawing.encode()
    if needs_japanese(drawing) and not shows_japanese():
        raise MissingFontError
    return as_png(drawing)


def file_name(kind: str, language: str, ending: str) -> str:
    """`circuit-ja.svg`."""
    return f"{kind}-{language}.{ending}"


def _chart(result: Result, kind: str, language: str) -> Any:
    """The chart of the screen in a width of its own."""
    word: Callable[[str], str] = partial(i18n.text, language)
    if kind == "heat-map":
        return shared.heat(result.heads, LIGHT, word).properties(width=max(260, 34 * result.n_heads))
    if kind == "effects":
        return effects.bars(effects.tested(result.selected), LIGHT, word).properties(width=560)
    heads, edges = drawn(result)
    look = Look(LIGHT, word, still=True)
    width = max(480, 46 * result.n_heads)
    chart = graph.grid(result.heads, heads, edges, look)
    return legend.with_legend(chart.properties(width=width), heads, look, width)


@functools.cache
def _differ(first: str, second: str) -> bool:
    """Whether two letters are drawn differently: without a font for them both are the same box."""
    return _letter(first) != _letter(second)


def _letter(sign: str) -> bytes:
    return as_png(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60" font-family="{FONTS}">'
        f'<text x="6" y="44" font-size="40">{sign}</text></svg>'
    )


def _renderer() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise NoRendererError from None
    return vl_convert
