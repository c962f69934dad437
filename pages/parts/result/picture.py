"""The picture of the result."""

from pages.parts.charts import colours, legends
from pages.parts.circuit import graph
from pages.parts.circuit.marks import Look
from pages.parts.report import pictures
from pages.parts.result.telling import Telling
from pages.parts.session.state import language, t
from pages.parts.shell import widgets


def show(telling: Telling) -> None:
    """The circuit; nothing where no head stands out."""
    if not telling.facts.listed:
        return
    heads, edges = pictures.drawn(telling.result)
    if heads.empty:
        return
    words = pictures.alternative(heads, edges, language())
    widgets.chart(graph.flow(heads, edges, Look(colours.palette(), t)), "result_chart", words)
    legends.of(heads)
