"""The glossary: each term of the method in one line, shown where the term stands.

A term's texts are `term.<key>.name`, `.words` (how it stands in sentences, split by |) and `.text`.
"""

import re
from collections.abc import Iterable
from html import escape

import streamlit as st

from pages.parts import i18n
from pages.parts.session.state import language, t

# in the order of the catalogue, which is the same in every language
TERMS = tuple(key.split(".")[1] for key in i18n.entries("en") if re.fullmatch(r"term\.\w+\.name", key))
COLUMNS = {
    "name": "head",
    "source": "edge",
    "target": "edge",
    "interval": "member",
    "effect_interval": "interval",
}
"""The term that a table's heading stands for, where it is not the term of its own name."""
PAGES = {
    "examples": ("token", "position", "pair"),
    "analysis": ("head", "autoencoder", "code", "preset", "seed", "candidate", "evidence"),
    "result": ("head", "switch_off", "verdict", "circuit"),
    "circuit": ("head", "edge", "circuit", "score", "attention_flow", "code", "candidate", "verdict"),
    "evidence": ("candidate", "switch_off", "put_in", "effect", "interval", "p_value", "q_value", "verdict"),
    "report": ("head", "edge", "score", "candidate", "effect", "verdict", "pass"),
}
"""The terms that a page needs, folded at its end."""


def help_of(term: str) -> str:
    """The one line on a term, for a tooltip."""
    return t(f"term.{term}.text")


def help_of_column(column: str) -> str | None:
    """The one line for a table's heading, if it is a term."""
    term = COLUMNS.get(column, column)
    return help_of(term) if term in TERMS else None


def marked(sentence: str, lang: str) -> str:
    """The sentence as HTML; the first time a term stands in it, its explanation opens there.

    Longer words go first, so that "head score" is not taken for "head". No mark is set within another.
    """
    words = {word: term for term in TERMS for word in i18n.text(lang, f"term.{term}.words").split("|")}
    ordered = sorted(words, key=len, reverse=True)
    edge = r"\b" if lang == "en" else ""
    pattern = re.compile(f"{edge}({'|'.join(map(re.escape, ordered))}){edge}", re.IGNORECASE)
    parts, end, seen = [], 0, set[str]()
    by_word = {word.lower(): term for word, term in words.items()}
    for match in pattern.finditer(sentence):
        term = by_word[match.group().lower()]
        if term in seen:
            continue
        seen.add(term)
        parts += [escape(sentence[end : match.start()]), _mark(match.group(), term, lang)]
        end = match.end()
    return "".join([*parts, escape(sentence[end:])])


def _mark(word: str, term: str, lang: str) -> str:
    explanation = escape(i18n.text(lang, f"term.{term}.text"))
    return f'<span class="term" tabindex="0">{escape(word)}<span class="tip" role="tooltip">{explanation}</span></span>'


def listed(terms: Iterable[str] = TERMS) -> str:
    """Terms with their explanations, as HTML."""
    rows = "".join(
        f"<dt>{escape(t(f'term.{term}.name'))}</dt><dd>{escape(help_of(term))}</dd>" for term in terms
    )
    return f'<dl class="terms">{rows}</dl>'


def fold(page: str) -> None:
    """The words of a page, folded."""
    if page in PAGES:
        with st.expander(t("shell.words"), icon=":material/dictionary:", key=f"words_{page}"):
            st.html(listed(PAGES[page]))


def sentence(text: str) -> str:
    """`marked` in the session's language."""
    return marked(text, language())
