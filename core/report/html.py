"""report.html: one self-contained page in one language; page one on one sheet, the rest as its appendix.

`templates/report.html.jinja` holds the order; here its texts are gathered. It needs no network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd
from markupsafe import Markup

from core.report import markup
from core.report.appendix import Behind, topics
from core.report.page_one import PageOne, bar_widths, page_one
from core.runs.cost_sheet import Entries
from core.runs.facts import Facts
from core.runs.head_notes import HeadLabel
from core.runs.review import Review
from core.schema import MechanismsRecord
from core.story import draw, story_of
from core.text import text

STYLE = markup.source("page_one.css")
"""The look of page one, for pages."""
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'


@dataclass(frozen=True)
class Additions:
    """What is added to a result: names, notes and groups of heads, comments and sign-off, the sheet, what
    heads and MLP blocks do, and the user's name of the run.
    """

    labels: Mapping[str, HeadLabel] = field(default_factory=dict)
    review: Review = field(default_factory=Review)
    entries: Entries = field(default_factory=Entries)
    mechanisms: MechanismsRecord | None = None
    name: str = ""


NOTHING = Additions()


def report(facts: Facts, examples: pd.DataFrame, added: Additions = NOTHING, language: str = "en") -> str:
    """The page in one language."""
    page = page_one(facts, examples, language)
    signed = added.review.sign_off is not None
    behind = Behind(examples, added.labels, added.entries, added.mechanisms, signed)
    context = {
        "language": language,
        "say": partial(text, language),
        "title": page.fault,
        "about": " · ".join(filter(None, (added.name, facts.model, facts.manifest.created[:10]))),
        "upper": upper(page, language, heading=True),
        "picture": picture(facts, examples, added.mechanisms, language),
        "lower": lower(page, language),
        "review": added.review,
        "topics": topics(facts, behind, language),
    }
    return str(markup.page("report.html.jinja", **context))


def picture(
    facts: Facts, examples: pd.DataFrame, mechanisms: MechanismsRecord | None, language: str
) -> Markup:
    """The way from words to answers as SVG; empty where no head stands out."""
    if not facts.listed:
        return Markup()
    drawn = draw(story_of(facts, examples, mechanisms, language), language, still=True)
    return Markup(drawn.replace(_NAMESPACE, "", 1))  # drawn by us; its texts are escaped where it is drawn


def upper(page: PageOne, language: str, heading: bool = False) -> Markup:
    """Page one above its picture; `heading` puts the fault above it."""
    return markup.page_one("upper", page=page, heading=heading, **_shared(page, language))


def lower(page: PageOne, language: str) -> Markup:
    """Page one below its picture."""
    return markup.page_one("lower", page=page, **_shared(page, language))


def _shared(page: PageOne, language: str) -> dict[str, Any]:
    widths = bar_widths(page.remedy) if page.remedy else {}
    return {"say": partial(text, language), "widths": widths}
