"""One text before and after: the words of the verdict marked, else those that its partner has otherwise."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from core.examples.exchanged_words import Part, exchanged
from core.report.sentences.verdict import remedy
from core.report.sentences.when import occurrence
from core.text import listed
from pages.parts.evidence.before_after import spoken
from pages.parts.result.telling import Telling
from pages.parts.session.state import language, t

AROUND = 110
"""Characters that are kept at each end of a part of the text without marks."""
MOST_MARKED = 0.35
"""Share of the text's characters up to which words that the partner has otherwise are marked."""


def html(telling: Telling) -> str:
    """The text on which the remedy shows best; empty where nothing was tried, or no text was judged."""
    row = shown_row(telling)
    tried = remedy(telling.facts)
    if row is None or tried is None:
        return ""
    before, after = (_answer(row, when) for when in ("before", "after"))
    without = t("result.without", heads=listed(language(), tried.heads))
    said = str(row["text"])
    words = telling.cue.words if telling.cue else ()
    text = _marked(named_parts(said, words) if words else parts(said, partner_of(telling, said)))
    return (
        f'<div class="told-pair"><span dir="auto">{text}</span> '
        f'<span class="answers">{before} <span aria-label="{escape(t("result.becomes"))}">→</span> {after}</span> '
        f"<small>{escape(without)}</small></div>"
    )


def shown_row(telling: Telling) -> Mapping[str, Any] | None:
    """An anomalous text at fault that is right afterwards, the first there is; else one at fault; else none."""
    trial = telling.facts.circuit and telling.facts.circuit.before_after
    rows: list[Mapping[str, Any]] = (
        [row for row in trial.rows if row["label"] == "anomalous"] if trial else []
    )
    faults = [row for row in rows if row["before"]["verdict"] == "fault"]
    mended = [row for row in faults if row["after"]["verdict"] == "right"]
    return next(iter(mended or faults or rows), None)


def partner_of(telling: Telling, text: str) -> str:
    """The text of its partner; empty where it has none."""
    texts = [str(one) for one in telling.result.examples["text"]]
    if text not in texts:
        return ""
    number = texts.index(text)
    pairs = dict(reversed(telling.facts.manifest.alignment.pairs))
    return texts[pairs[number]] if pairs.get(number, len(texts)) < len(texts) else ""


def named_parts(text: str, words: Sequence[str]) -> list[Part]:
    """The text in parts, `old` where one of the words stands."""
    spans = sorted({found.span() for word in words for found in occurrence(word).finditer(text)})
    cut, end = [], 0
    for first, last in spans:
        if first >= end:
            cut += [Part("same", text[end:first]), Part("old", text[first:last])]
            end = last
    return [part for part in (*cut, Part("same", text[end:])) if part.text]


def parts(text: str, partner: str) -> list[Part]:
    """The text in parts, `old` where its partner has other words; all of one kind where too much differs."""
    cut = [part for part in exchanged(text, partner) if part.kind != "new"] if partner else []
    differing = sum(len(part.text) for part in cut if part.kind == "old")
    return cut if cut and differing <= MOST_MARKED * len(text) else [Part("same", text)]


def _marked(cut: list[Part]) -> str:
    return "".join(
        f"<mark>{escape(part.text)}</mark>" if part.kind == "old" else escape(_shortened(part.text))
        for part in cut
    )


def _shortened(text: str) -> str:
    return text if len(text) <= 2 * AROUND + 10 else f"{text[:AROUND].rstrip()} … {text[-AROUND:].lstrip()}"


def _answer(row: Mapping[str, Any], when: str) -> str:
    _, answer, _ = spoken(row, row[when])
    kind = {"fault": "fault", "right": "right"}.get(row[when]["verdict"], "other")
    return f'<b class="{kind}">{escape(answer or t("whatif.nothing"))}</b>'
