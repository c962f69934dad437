"""report.html: one self-contained page in both languages, in the order in which a manager reads.

`templates/main.html.jinja` holds the order; here its texts are gathered. It needs no network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import pandas as pd
from markupsafe import Markup

from core.report import exchanges, markup, tables
from core.report.sentences import advice, circuit, heads, notes, overview, partners
from core.report.sentences.groups import groups
from core.report.tables import Table
from core.runs import cost_sheet as roi
from core.runs.facts import Facts
from core.runs.head_notes import HeadLabel
from core.runs.review import Review
from core.text import LANGUAGES, catalogue, text

_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'


@dataclass(frozen=True)
class Additions:
    """What people added to a result: names, notes and groups of heads, comments and sign-off, the sheet, and the
    picture as SVG by language.
    """

    labels: Mapping[str, HeadLabel] = field(default_factory=dict)
    review: Review = field(default_factory=Review)
    entries: roi.Entries = field(default_factory=roi.Entries)
    pictures: Mapping[str, str] = field(default_factory=dict)


NOTHING = Additions()


def report(facts: Facts, examples: pd.DataFrame, added: Additions = NOTHING) -> str:
    """The page; a switch without a network changes the language, and only the chosen one is printed."""
    parts = [_main(facts, examples, added, language) for language in LANGUAGES]
    return str(markup.page("report.html.jinja", title=text("en", "report.title"), parts=parts))


def _main(facts: Facts, examples: pd.DataFrame, added: Additions, language: str) -> Markup:
    manifest, entries = facts.manifest, added.entries
    meeting = [*advice.meeting(facts, language), roi.meeting_sentence(entries, language)]
    picture = added.pictures.get(language, "").replace(_NAMESPACE, "", 1)
    return markup.page(
        "main.html.jinja",
        language=language,
        say=partial(text, language),
        about=f"{manifest.scenario or facts.model} · {manifest.created[:10]}",
        asked=overview.asked(facts, language),
        findings=overview.three_sentences(facts, language),
        partners=partners.sentences(facts.partners, language),
        selection_note=heads.selection_note(manifest, language),
        picture=Markup(picture),  # drawn by us; its texts are escaped where it is drawn
        most_important=tables.most_important(facts, language) if facts.listed else None,
        order_note=heads.order_note(facts, language),
        whole=circuit.whole(facts, language),
        groups=groups(facts, language),
        unknown=notes.unknown(facts, language),
        cost=[overview.cost(facts, language), overview.exhaustive(facts, language)],
        next_steps=advice.next_steps(facts, language, added.review.sign_off is not None),
        roi_tables=[] if entries.empty else tables.return_on_investment(entries, language),
        roi_conclusion=roi.conclusion(entries, language),
        roi_measured=roi.measured(facts, language),
        meeting=[line for line in meeting if line],
        review=added.review,
        settings=_settings(facts, language),
        notes=notes.notes(manifest, language),
        chance=heads.chance(facts.heads, language) if facts.listed else "",
        tables=_tables(facts, examples, added, language),
        terms=[line for key, line in catalogue(language)["term"].items() if key != "title"],
    )


def _settings(facts: Facts, language: str) -> dict[str, str]:
    """Model, texts, date and settings, each under its title."""
    settings, architecture = facts.manifest.settings, facts.manifest.model.architecture
    values = {
        "model": f"{facts.model} ({architecture})" if architecture else facts.model,
        "examples": text(language, "report.examples_value", **facts.sides()),
        "created": facts.manifest.created or "–",
    }
    if settings.preset:
        preset, seed = settings.preset, settings.seed
        values["settings"] = text(language, "report.settings_value", preset=preset, seed=seed)
    return {text(language, f"report.{key}"): value for key, value in values.items()}


def _tables(
    facts: Facts, examples: pd.DataFrame, added: Additions, language: str
) -> list[tuple[str, Table, str]]:
    """The tables of the details: heading, table, note below."""
    shown = [("heads_table", tables.heads(facts, language), heads.score_note(facts.manifest, language))]
    if len(facts.mlps):
        shown.append(("mlps_table", tables.mlps(facts, language), ""))
    if len(facts.edges):
        shown.append(("edges_table", tables.edges(facts, language), ""))
    if added.labels:
        shown.append(("labels", tables.labels(added.labels, language), ""))
    made = [one.example for one in facts.partners.made] if facts.partners else []
    if marked := exchanges.firsts(exchanges.marked_partners(facts.partners, examples)):
        shown.append(("partners_table", exchanges.table(marked, language), ""))
    texts = tables.examples(examples, language, made), tables.examples_note(examples, language)
    shown.append(("examples_table", *texts))
    return [(text(language, f"report.{key}"), table, note) for key, table, note in shown]
