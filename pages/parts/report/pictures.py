"""Pictures of a run as files, SVG and PNG, in each language: for slides and print, always on a light ground.

vl-convert is loaded only when a picture is asked for. It prints empty boxes where the machine has no Japanese font,
without a word; so a picture with such letters is left out there, and a text says why.
"""

import functools
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import altair as alt
import pandas as pd

from core.report.export import Pictures
from pages.parts.charts import colours
from pages.parts.charts import shared as charts
from pages.parts.circuit import graph, svg
from pages.parts.circuit.graph import Look
from pages.parts.data.results import MOST_EDGES, MOST_HEADS, Result
from pages.parts.evidence import effects
from pages.parts.i18n import catalogue as texts

KINDS = ("circuit", "grid", "heat-map", "effects")
FORMATS = {"svg": "image/svg+xml", "png": "image/png"}
LEFT_OUT = "pictures-left-out.txt"
SCALE = 2.0
"""Pixels of a PNG a pixel of the SVG."""
FONTS = (
    "Noto Sans,Noto Sans CJK JP,Noto Sans JP,IPAexGothic,Hiragino Sans,Yu Gothic,Meiryo,MS Gothic,sans-serif"
)
"""Latin first, then the Japanese faces of Linux, macOS and Windows, before any Chinese one can step in."""
_JAPANESE = re.compile("[぀-ヿ㐀-鿿豈-﫿]")
_SIGNS = ("請", "語")


class NoRendererError(Exception):
    """vl-convert is not installed."""


def drawn(result: Result) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Heads and edges of the circuit's pictures."""
    heads = result.selected.head(MOST_HEADS)
    among = result.edges_among(list(heads["name"]))
    return heads, among[among["selected"]].head(MOST_EDGES)


def kinds(result: Result) -> list[str]:
    """The pictures that this run has."""
    found = ["heat-map"]
    if len(result.selected):
        found = ["circuit", "grid", *found]
    return [*found, "effects"] if result.checked else found


def circuit(result: Result, language: str) -> str:
    """The circuit as SVG, drawn without vl-convert; empty where there is none."""
    heads, edges = drawn(result)
    if heads.empty:
        return ""
    return svg.flow(heads, edges, alternative(heads, edges, language), partial(texts.text, language))


def alternative(heads: pd.DataFrame, edges: pd.DataFrame, language: str) -> str:
    """The circuit's picture in words."""
    counts = {"heads": len(heads), "edges": len(edges), "strongest": heads.iloc[0]["name"]}
    return texts.text(language, "alt.circuit", **counts)


def of_circuit(result: Result) -> dict[str, str]:
    """The circuit as SVG in every language, for the report; none where there is no circuit."""
    if result.selected.empty:
        return {}
    return {language: circuit(result, language) for language in texts.LANGUAGES}


def as_svg(result: Result, kind: str, language: str) -> str:
    """One picture as SVG; raises NoRendererError where it needs vl-convert and there is none."""
    if kind == "circuit":
        return circuit(result, language)
    spec = _chart(result, kind, partial(texts.text, language)).to_dict()
    spec["config"] = {**spec.get("config", {}), "font": FONTS, "background": colours.LIGHT.background}
    return str(_renderer().vegalite_to_svg(spec))


def as_png(picture: str) -> bytes:
    """An SVG as PNG; raises NoRendererError without vl-convert."""
    return bytes(_renderer().svg_to_png(_with_fonts(picture), scale=SCALE))


def shows_japanese() -> bool:
    """Whether this machine has a font with Japanese letters: two of them must not look the same.

    Raises NoRendererError without vl-convert.
    """
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
    if hindrance == "renderer":
        return (kind, ending) != ("circuit", "svg")
    return hindrance == "font" and ending == "png" and needs_japanese(as_svg(result, kind, language))


def files(result: Result) -> Pictures:
    """Every picture in every language as SVG and PNG, by file name; what cannot be made is said in a text."""
    made: dict[str, bytes] = {}
    missing: set[str] = set()
    for kind in kinds(result):
        for language in texts.LANGUAGES:
            for ending in FORMATS:
                try:
                    made[file_name(kind, language, ending)] = picture(result, kind, language, ending)
                except NoRendererError:
                    missing.add("renderer")
                except MissingFontError:
                    missing.add("font")
    if missing:
        made[LEFT_OUT] = "\n\n".join(
            texts.text(language, f"report.no_{reason}")
            for language in texts.LANGUAGES
            for reason in sorted(missing)
        ).encode()
    return Pictures(of_circuit(result), made)


class MissingFontError(Exception):
    """A PNG would show boxes instead of Japanese letters."""


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


def _chart(result: Result, kind: str, word: Callable[[str], str]) -> Any:
    """The chart of the screen in a width of its own."""
    if kind == "heat-map":
        return charts.heat(result.heads, colours.LIGHT, word).properties(width=max(260, 34 * result.n_heads))
    if kind == "effects":
        rows = effects.tested(result.selected)
        return _wide(effects.bars(rows, colours.LIGHT, word), 560)
    heads, edges = drawn(result)
    return _wide(
        graph.grid(result.heads, heads, edges, Look(colours.LIGHT, word)), max(480, 46 * result.n_heads)
    )


def _wide(chart: alt.LayerChart, width: int) -> alt.LayerChart:
    return chart.properties(width=width)


@functools.cache
def _differ(first: str, second: str) -> bool:
    """Whether two letters are drawn differently: without a font for them both are the same box."""
    return _letter(first) != _letter(second)


def _letter(sign: str) -> bytes:
    return as_png(
        '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60">'
        f'<text x="6" y="44" font-size="40">{sign}</text></svg>'
    )


def _with_fonts(picture: str) -> str:
    """The picture with our fonts where it names none."""
    if "font-family=" in picture.split(">", 1)[0]:
        return picture
    return picture.replace("<svg ", f'<svg font-family="{FONTS}" ', 1)


def _renderer() -> Any:
    try:
        import vl_convert
    except ImportError:
        raise NoRendererError from None
    return vl_convert
