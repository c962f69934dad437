"""The picture from words to answers on a page: it lights paths, opens heads, and fills a projector."""

from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path

import streamlit as st

from core.report.sentences import verdict, when
from core.runs.facts import Facts
from core.story import Story, StoryText, draw
from core.story.building import merged
from core.story.svg import DARK, LIGHT, Colours, spoken
from core.text import listed
from pages.parts.data.results import Result
from pages.parts.picture import telling
from pages.parts.session import state
from pages.parts.session.state import language, t

BEGINNING = 60  # Characters of a text in the list of texts
_HERE = Path(__file__).parent
_PICTURE = st.components.v2.component(
    "words_to_answers",
    html='<div class="story"></div>',
    css=(_HERE / "picture.css").read_text(encoding="utf-8"),
    js=(_HERE / "picture.js").read_text(encoding="utf-8"),
)


def show(
    result: Result,
    key: str,
    opened: Callable[[str], None] | None = None,
    unproven: bool = False,
    mlps: bool = True,
    example: int | None = None,
) -> bool:
    """The picture of the open run, and whether a head or MLP block was just clicked; `opened` is called with its name.

    With `example` it is that of one text, which stands below with the words that are read.
    """
    story = telling.of(result, language(), example)
    facts = telling.facts_of(result)
    colours = DARK if st.context.theme.type == "dark" else LIGHT

    def react() -> None:
        name = (st.session_state.get(key) or {}).get("opened")
        if name and opened:
            opened(str(name))

    clicked = _PICTURE(
        key=key,
        data={
            "svg": draw(story, language(), colours, unproven, mlps),
            "text": _text(story, facts, example),
            "title": verdict.headline(facts, result.examples, language()),
            "sentence": when.when(facts, telling.mechanisms_of(result), language()),
            "without": verdict.helps(facts, language()),
            "off": _switched_off(facts),
            "present": t("present.start"),
            "keys": t("present.keys"),
            "leave": t("present.leave"),
            "ink": colours.ink,
            "ground": colours.ground,
        },
        on_opened_change=react,
    )
    return bool(clicked.opened)


def still(result: Result) -> None:
    """The same picture without anything to click; paper is white, so that a dark theme prints a light one."""
    story = telling.of(result, language())
    words = escape(spoken(story, language()))

    def image(colours: Colours, where: str = "") -> str:
        source = b64encode(draw(story, language(), colours).encode()).decode()
        return f'<img class="told-way{where}" src="data:image/svg+xml;base64,{source}" alt="{words}">'

    dark = st.context.theme.type == "dark"
    st.html(image(DARK, " screen-only") if dark else image(LIGHT))
    if dark:
        st.html(image(LIGHT, " print-only"))


def selected(result: Result, key: str) -> int | None:
    """Draw the list of texts; the number of the selected one, None for all, and where the run tells of none."""
    story = telling.of(result, language())
    if not story.texts:
        return None
    names: dict[int, str] = {0: t("present.all_texts")}
    for text in story.texts:
        said = "".join(text.pieces).strip()
        names[text.example] = f"{text.example} · {said[:BEGINNING]}{'…' if len(said) > BEGINNING else ''}"
    number = st.selectbox(
        t("present.text"),
        list(names),
        format_func=names.__getitem__,
        key=f"{key}_text_{state.run_id()}",
        label_visibility="collapsed",
        persist_state="session",
    )
    return number or None


def _text(story: Story, facts: Facts, example: int | None) -> str:
    """The text with each piece told what word it belongs to, what was said, and what without the heads."""
    text = next((text for text in story.texts if text.example == example), None)
    if text is None:
        return ""
    words = {word.text for word in story.words}
    pieces = []
    for at, piece in enumerate(text.pieces):
        word = merged(text.pieces, at)
        named = f' data-word="{escape(word)}"' if word in words else ""
        look = ' class="trigger"' if at in text.differing else ""
        pieces.append(f"<span{named}{look}>{escape(piece)}</span>")
    return f'<p dir="auto">{"".join(pieces)} {_answers(text, facts)}</p>'


def _switched_off(facts: Facts) -> list[str]:
    """The heads that the trial switched off; none where nothing was tried."""
    tried = verdict.remedy(facts)
    return list(tried.heads) if tried else []


def _answers(text: StoryText, facts: Facts) -> str:
    """`Legal → Billing without L1H2`, as far as it was tried."""
    before = f"<b>{escape(text.before)}</b>"
    trial = facts.circuit.before_after if facts.circuit else None
    if trial is None or not text.after:
        return before
    without = t("result.without", heads=listed(language(), list(trial.heads)))
    arrow = f'<span aria-label="{escape(t("result.becomes"))}">→</span>'
    return f"{before} {arrow} <b>{escape(text.after)}</b> <small>{escape(without)}</small>"
