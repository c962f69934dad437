"""The picture of the result: from the words of the verdict over the proven heads to the answers, else the circuit."""

from base64 import b64encode
from html import escape

import streamlit as st

from core.report.sentences.circuit import named
from core.runs.facts import Facts
from core.schema import MechanismsRecord
from core.story.titles import title
from pages.parts.charts import colours
from pages.parts.picture import shown
from pages.parts.result import drawing
from pages.parts.result.drawing import Answer, Head, Way
from pages.parts.result.telling import Telling
from pages.parts.session.state import language, t

PROVEN = ("confirmed", "partly")
MOST_HEADS, MOST_ANSWERS = 8, 3
_OF_HEAD = ("name", "layer", "effect", "verdict", "own_name")


def show(telling: Telling) -> None:
    """The way from the words to the answers; without mechanisms, as in older runs, the circuit."""
    if not telling.facts.listed:
        return
    if telling.cue is None or telling.mechanisms is None:
        _circuit(telling)
        return
    way = way_of(telling.facts, telling.mechanisms, telling.cue.words)
    words = t(
        "alt.way",
        words=t("finding.comma").join(way.words),
        heads=named([head.name for head in way.heads], language()),
    )
    source = b64encode(drawing.svg(way, colours.palette()).encode()).decode()
    st.html(f'<img class="told-way" src="data:image/svg+xml;base64,{source}" alt="{escape(words)}">')


def way_of(facts: Facts, mechanisms: MechanismsRecord, words: tuple[str, ...]) -> Way:
    """What is drawn: of the heads and edges those alone that interventions bear out, the strongest first."""
    proven = facts.tested[facts.tested["verdict"].isin(PROVEN)].head(MOST_HEADS)
    heads = [
        Head(name, int(layer), float(effect), verdict, own or title(mechanisms, name, language()))
        for name, layer, effect, verdict, own in proven[list(_OF_HEAD)].itertuples(index=False)
    ]
    names = {head.name for head in heads}
    answers = [Answer(one.word.strip(), one.direction) for one in mechanisms.answers][:MOST_ANSWERS]
    spoken = {word.casefold(): word for word in words}
    reads = {
        (spoken[seen.word.strip().casefold()], name): seen.share
        for name in names & set(mechanisms.units)
        for seen in mechanisms.units[name].looks_at
        if seen.word.strip().casefold() in spoken
    }
    edges = facts.edges[facts.edges["verdict"].isin(PROVEN)]
    feeds = {
        (one, other): float(effect)
        for one, other, effect in zip(edges["source"], edges["target"], edges["effect"], strict=True)
        if {one, other} <= names
    }
    pushes = {
        (name, one.word.strip()): change
        for one in mechanisms.answers[:MOST_ANSWERS]
        for name, change in one.pushes.items()
        if name in names
    }
    return Way(words, heads, answers, reads, feeds, pushes)


def _circuit(telling: Telling) -> None:
    if len(telling.result.selected):
        shown.still(telling.result)
