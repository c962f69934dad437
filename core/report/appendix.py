"""The appendix of the report by topic: the numbers behind page one, with the anchors that its sentences link to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from markupsafe import Markup

from core.report import exchanges, markup, tables
from core.report.sentences import advice, circuit, heads, mlps, notes, overview, partners
from core.report.sentences.groups import groups
from core.report.sentences.verdict import remedy
from core.runs import cost_sheet as roi
from core.runs.cost_sheet import Entries
from core.runs.facts import Facts
from core.runs.head_notes import HeadLabel
from core.schema import MechanismsRecord
from core.story.card import STYLE, card_html, proven_cards
from core.text import catalogue, text


@dataclass(frozen=True)
class Topic:
    """One topic: its anchor, its title, and its content as HTML whose texts are escaped."""

    anchor: str
    title: str
    content: Markup


@dataclass(frozen=True)
class Behind:
    """What stands behind page one beside the facts; `mechanisms` is None for older runs."""

    examples: pd.DataFrame
    labels: Mapping[str, HeadLabel] = field(default_factory=dict)
    entries: Entries = field(default_factory=Entries)
    mechanisms: MechanismsRecord | None = None
    signed: bool = False


def topics(facts: Facts, behind: Behind, language: str) -> list[Topic]:
    """The appendix, in the order of the sentences of page one."""
    contents = {
        "texts": _texts(facts, behind, language),
        "heads": _heads(facts, behind, language),
        "circuit": _circuit(facts, language),
        "trust": _trust(facts, language),
        "cost": _cost(facts, behind, language),
        "meeting": _meeting(facts, behind, language),
        "method": _method(facts, language),
    }
    titles = {key: text(language, f"page_one.{'trust_open' if key == 'trust' else key}") for key in contents}
    return [Topic(f"numbers-{key}", titles[key], Markup(content)) for key, content in contents.items()]


def _texts(facts: Facts, behind: Behind, language: str) -> str:
    made = [one.example for one in facts.partners.made] if facts.partners else []
    content = markup.paragraphs([overview.asked(facts, language)])
    content += markup.bullets(partners.sentences(facts.partners, language))
    if marked := exchanges.firsts(exchanges.marked_partners(facts.partners, behind.examples)):
        content += _headed("partners_table", exchanges.table(marked, language), language)
    content += _headed("examples_table", tables.examples(behind.examples, language, made), language)
    return content + _quiet(tables.examples_note(behind.examples, language))


def _heads(facts: Facts, behind: Behind, language: str) -> str:
    selection = heads.selection_note(facts.manifest, language)
    content = markup.bullets(overview.three_sentences(facts, language), "ol") + _quiet(selection)
    if facts.listed:
        content += markup.table(tables.most_important(facts, language))
    content += _quiet(heads.order_note(facts, language))
    content += markup.paragraphs(_lines(mlps.mlp_sentence(facts.manifest, language)))
    content += _cards(facts, behind, language)
    content += _headed("heads_table", tables.heads(facts, language), language)
    content += _quiet(heads.score_note(facts.manifest, language))
    if len(facts.mlps):
        content += _headed("mlps_table", tables.mlps(facts, language), language)
    if len(facts.edges):
        content += _headed("edges_table", tables.edges(facts, language), language)
    if behind.labels:
        content += _headed("labels", tables.labels(behind.labels, language), language)
    return content


def _cards(facts: Facts, behind: Behind, language: str) -> str:
    """What each head and MLP block that was shown to matter does."""
    if behind.mechanisms is None:
        return ""
    own = {name: label.name for name, label in behind.labels.items()}
    model = facts.manifest.model.name
    units = pd.concat([facts.heads, facts.mlps])
    told = proven_cards(behind.mechanisms, units, facts.edges, language, own, model)
    if not told:
        return ""
    tried = remedy(facts)
    if tried is not None:  # those of the recommendation first; else the order stays
        told.sort(key=lambda one: one.name not in tried.heads)
    title = markup.heading(text(language, "page_one.cards"))
    return f'{title}<style>{STYLE}</style><div class="cards">{"".join(map(card_html, told))}</div>'


def _circuit(facts: Facts, language: str) -> str:
    lines = circuit.whole(facts, language) or [text(language, "unknown.together")]
    return markup.bullets(lines) + markup.paragraphs(groups(facts, language))


def _trust(facts: Facts, language: str) -> str:
    chance = heads.chance(facts.heads, language) if facts.listed else ""
    lines = _lines(overview.three_sentences(facts, language)[2], chance)
    return (
        markup.paragraphs(lines)
        + markup.heading(text(language, "report.unknown"))
        + markup.bullets(notes.unknown(facts, language))
    )


def _cost(facts: Facts, behind: Behind, language: str) -> str:
    content = markup.paragraphs([overview.cost(facts, language), overview.exhaustive(facts, language)])
    if behind.entries.empty:
        return content
    content += markup.heading(text(language, "cost_sheet.title"))
    content += markup.paragraphs(roi.conclusion(behind.entries, language))
    content += markup.table(*tables.return_on_investment(behind.entries, language))
    return content + _quiet(roi.measured(facts, language))


def _meeting(facts: Facts, behind: Behind, language: str) -> str:
    said = _lines(*advice.meeting(facts, language), roi.meeting_sentence(behind.entries, language))
    return (
        markup.bullets(said)
        + markup.heading(text(language, "report.next"))
        + markup.bullets(advice.next_steps(facts, language, behind.signed))
    )


def _method(facts: Facts, language: str) -> str:
    rows = list(_settings(facts, language).items())
    content = markup.table(tables.Table(["", ""], rows, long=(1,)))
    content += markup.bullets(notes.notes(facts.manifest, language))
    terms = [line for key, line in catalogue(language)["term"].items() if key != "title"]
    return content + markup.heading(text(language, "term.title")) + markup.bullets(terms)


def _settings(facts: Facts, language: str) -> dict[str, str]:
    """Model, texts, date and settings, each under its title."""
    settings, architecture = facts.manifest.settings, facts.manifest.model.architecture
    values = {
        "model": f"{facts.model} ({architecture})" if architecture else facts.model,
        "examples": text(language, "report.examples_value", **facts.sides()),
        "created": facts.manifest.created[:16].replace("T", " ") or "–",
    }
    if settings.preset:
        preset, seed = text(language, f"report.preset_{settings.preset}"), settings.seed
        values["settings"] = text(language, "report.settings_value", preset=preset, seed=seed)
    return {text(language, f"report.{key}"): value for key, value in values.items()}


def _headed(key: str, table: tables.Table, language: str) -> str:
    return markup.heading(text(language, f"report.{key}")) + markup.table(table)


def _quiet(line: str) -> str:
    return markup.small(line) if line else ""


def _lines(*lines: str) -> list[str]:
    return [line for line in lines if line]
