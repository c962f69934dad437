"""Page one of the report: the fault, one marked pair, at fault before and after, trust, recommendation, price.

The page of the dashboard and report.html show the same. What is recommended are the heads that were switched off
together, no others: that each of several heads is confirmed alone says nothing of them together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from core.examples.example_set import shortened
from core.examples.exchanged_words import exchanged
from core.report.exchanges import quoted, said
from core.report.sentences import blast, verdict
from core.report.sentences.verdict import Remedy, Trust
from core.runs.facts import Facts
from core.text import joined, listed, text
from core.text.folding import one_line

AROUND = 70
"""Characters of a part without marks that are kept at each of its ends."""
LONGEST_ANSWER = 80
"""Characters of what the model says."""
MOST_MARKED = 0.35
"""Share of a text up to which the words that its partner has otherwise are marked."""


@dataclass(frozen=True)
class Said:
    """A text with its side, the words that differ marked, and what the model says."""

    side: str
    title: str
    shown: Markup
    answer: str
    verdict: str


@dataclass(frozen=True)
class PageOne:
    """What stands on page one, in one language; empty sentences are left out."""

    fault: str
    headline: str
    pair: tuple[Said, ...]
    remedy: Remedy | None
    bar: str
    trust: Trust
    recommendation: str
    price: str


def page_one(facts: Facts, examples: pd.DataFrame, language: str) -> PageOne:
    """Page one of a run; `examples` are those of examples.csv."""
    tried = verdict.remedy(facts)
    judged = tried if tried and tried.ending != "unjudged" else None
    return PageOne(
        fault=fault(facts, examples, language),
        headline=verdict.headline(facts, examples, language),
        pair=_pair(facts, examples, language),
        remedy=judged,
        bar=_bar(judged, language),
        trust=verdict.trust(facts, language),
        recommendation=recommendation(facts, language),
        price=_price(facts, tried, language),
    )


def fault(facts: Facts, examples: pd.DataFrame, language: str) -> str:
    """The fault in one sentence: the user's own, else one that the answers give, else one of what the model says."""
    if own := facts.manifest.settings.fault.strip():
        return own
    wrong = verdict.wrong_answer(examples)
    if not wrong:
        return _differs(facts, examples, language)
    anomalous = examples[(examples["label"] == "anomalous") & (examples["verdict"] == "fault")]
    expected = {str(word).strip() for word in anomalous["expected"]} - {""}
    answers = {"wrong": quoted(wrong, language)}
    if len(expected) == 1:
        return text(language, "page_one.fault_answers", right=quoted(expected.pop(), language), **answers)
    return text(language, "page_one.fault_answer", **answers)


def _differs(facts: Facts, examples: pd.DataFrame, language: str) -> str:
    """What the model says next on most anomalous texts and fewer normal ones; else that the sides differ."""
    examples = examples.head(sum(facts.sides().values()))  # made partners stand behind the user's own texts
    said_next = examples.get("next_word", pd.Series("", examples.index)).fillna("").astype(str).str.strip()
    spoken = examples.assign(next_word=said_next)
    sides = {side: rows["next_word"] for side, rows in spoken.groupby("label")}
    bad, good = (sides.get(side, pd.Series(dtype=str)) for side in ("anomalous", "normal"))
    usual = next(iter(bad[bad.str.contains(r"\w")].value_counts().index), "")
    count, others = int((bad == usual).sum()), int((good == usual).sum())
    if not usual or 2 * count < len(bad) or count * len(good) <= others * len(bad):
        return text(language, "page_one.fault_differs", **facts.sides())
    return text(
        language,
        "page_one.fault_says",
        said=quoted(usual, language),
        count=count,
        anomalous=len(bad),
        others=others,
        normal=len(good),
    )


def recommendation(facts: Facts, language: str) -> str:
    """What to do: about the heads that were switched off together; what is missing where none were."""
    tried = verdict.remedy(facts)
    if tried is None:
        missing = {"tested": "check_first", "untested": "test_first"}.get(facts.state, "other_texts")
        return text(language, f"page_one.{missing}")
    if tried.ending == "unjudged":
        return text(language, "page_one.look_at", heads=listed(language, tried.heads))
    key = "ends_one" if (tried.ending, len(tried.heads)) == ("ends", 1) else tried.ending
    return text(language, f"page_one.{key}", heads=listed(language, tried.heads))


def _bar(tried: Remedy | None, language: str) -> str:
    if tried is None:
        return ""
    counts = {"before": tried.fault_before, "after": tried.fault_after, "total": tried.anomalous}
    return text(language, "page_one.bar", heads=listed(language, tried.heads), **counts)


def _price(facts: Facts, tried: Remedy | None, language: str) -> str:
    elsewhere = blast.price(facts.circuit.blast_radius, language) if facts.circuit else ""
    return joined(language, *filter(None, (_of_normal(tried, language), elsewhere)))


def _of_normal(tried: Remedy | None, language: str) -> str:
    if tried is None:
        return text(language, "page_one.price_unknown")
    if tried.ending == "unjudged":
        changed = tried.normal - tried.right_after
        return text(language, "page_one.price_changed", changed=changed, normal=tried.normal)
    counts = {"before": tried.right_before, "after": tried.right_after, "normal": tried.normal}
    return text(language, "page_one.price", **counts)


def _pair(facts: Facts, examples: pd.DataFrame, language: str) -> tuple[Said, ...]:
    """The first anomalous text at fault that has a partner, else the first of each side."""
    rows = examples.to_dict("records")
    partners = {
        a: b
        for first, second in facts.manifest.alignment.pairs
        for a, b in ((first, second), (second, first))
    }
    anomalous = [place for place, row in enumerate(rows) if row["label"] == "anomalous"]
    faults = [place for place in anomalous if rows[place].get("verdict") == "fault"]
    paired = [place for place in (*faults, *anomalous) if partners.get(place, len(rows)) < len(rows)]
    normal = [place for place, row in enumerate(rows) if row["label"] == "normal"]
    if not anomalous or not normal:
        return ()
    bad = (paired or faults or anomalous)[0]
    good = partners[bad] if paired else normal[0]
    shown = _marked(str(rows[bad]["text"]), str(rows[good]["text"]), bool(paired))
    return tuple(
        Said(
            side,
            text(language, f"report.{side}"),
            marked,
            _answer(said(rows[place]), language),
            str(rows[place].get("verdict") or "other"),
        )
        for side, place, marked in zip(("anomalous", "normal"), (bad, good), shown, strict=True)
    )


def _answer(words: str, language: str) -> str:
    return text(language, "partners.word", word=shortened(one_line(words).strip(), LONGEST_ANSWER))


def _marked(old: str, new: str, paired: bool) -> tuple[Markup, Markup]:
    """Both texts, each with the words marked that the other has otherwise; unmarked where too much differs."""
    parts = exchanged(old, new) if paired else []
    differing = sum(len(part.text) for part in parts if part.kind != "same")
    if not parts or differing > MOST_MARKED * (len(old) + len(new)):
        return escape(_cut(old)), escape(_cut(new))
    both = [Markup(), Markup()]
    for part in parts:
        for place, kind in enumerate(("old", "new")):
            if part.kind == kind:
                both[place] += Markup("<mark>{}</mark>").format(part.text)
            elif part.kind == "same":
                both[place] += escape(_cut(part.text))
    return both[0], both[1]


def _cut(words: str) -> str:
    """A long part without its middle."""
    return (
        words if len(words) <= 2 * AROUND + 10 else f"{words[:AROUND].rstrip()} … {words[-AROUND:].lstrip()}"
    )


def bar_widths(tried: Remedy) -> Mapping[str, Any]:
    """Widths of the two bars, in percent of all anomalous texts."""
    total = max(1, tried.anomalous)
    return {
        "before": round(100 * tried.fault_before / total),
        "after": round(100 * tried.fault_after / total),
    }
