"""The mechanism card of a head or MLP block: what it does, in few lines with their numbers, as text and as HTML.

Pages and the report show the same card. Every number is one of the run's files, rounded by `core.text` alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from core.schema import Mechanism, MechanismsRecord, SeenWord
from core.story.titles import role_meaning, role_name, title, word_name
from core.text import listed, number, percent, signed, text

PROVEN = ("confirmed", "partly")
MOST_SEEN, MOST_WRITTEN, MOST_ANSWERS = 4, 2, 4
STYLE = (Path(__file__).parent / "card.css").read_text(encoding="utf-8")
NEURONPEDIA = {"gpt2": "gpt2-small", "openai-community/gpt2": "gpt2-small"}
"""Models that Neuronpedia has attention dictionaries of, one a layer (Kissane 2024), by their name on the hub."""


@dataclass(frozen=True)
class Line:
    """One line of a card: what it tells, its text, further words in smaller letters, and why it is so (`help`)."""

    label: str
    shown: str
    small: str = ""
    about: str = ""


@dataclass(frozen=True)
class Card:
    """A card in the reader's language. `seen` are the words it looks at with their shares, for bars."""

    name: str
    title: str
    verdict: str
    state: str
    seen: tuple[tuple[str, float], ...]
    seen_label: str
    seen_from: str
    lines: tuple[Line, ...]
    link: tuple[str, str] = ("", "")


def card(
    record: MechanismsRecord,
    name: str,
    row: Mapping[str, Any],
    language: str,
    own_name: str = "",
    fed_by: Sequence[str] = (),
    model: str = "",
) -> Card | None:
    """The card of a unit by its row of the tables of heads or MLP blocks; None where the run tells nothing of it.

    `fed_by` are the heads of its proven edges. `model` is the model's name on the hub.
    """
    unit = record.units.get(name)
    if unit is None:
        return None
    verdict = str(row.get("verdict") or "unchecked")
    answers = {answer.word for answer in record.answers}
    lines = [
        _written(unit, answers, language),
        _without(unit, language),
        _effect(record, name, row, language),
    ]
    if unit.unit == "head":
        lines.append(_role(unit, language))
    if fed_by:
        lines.append(Line(text(language, "mechanism.fed_by"), listed(language, list(fed_by))))
    return Card(
        name,
        own_name or title(record, name, language),
        text(language, f"mechanism.verdict_{verdict}"),
        verdict,
        tuple((word_name(word, language), word.share) for word in _most_seen(unit)),
        text(language, "mechanism.looks_at"),
        _from(unit, language),
        tuple(line for line in lines if line.shown),
        _link(unit, model, language),
    )


def proven_cards(
    record: MechanismsRecord,
    units: pd.DataFrame,
    edges: pd.DataFrame,
    language: str,
    own_names: Mapping[str, str] = MappingProxyType({}),
    model: str = "",
) -> list[Card]:
    """The cards of the confirmed and partly confirmed units, the largest effect first.

    `units` are rows of heads and MLP blocks with `name` and `verdict`, `edges` rows with `source`, `target`, `verdict`
    (`core.runs.facts`).
    """
    proven = units[units["verdict"].isin(PROVEN)]
    cards = [
        card(
            record,
            row["name"],
            row,
            language,
            own_names.get(row["name"], ""),
            proven_sources(edges, row["name"]),
            model,
        )
        for row in _largest_first(proven).to_dict("records")
    ]
    return [told for told in cards if told is not None]


def proven_sources(edges: pd.DataFrame, name: str) -> list[str]:
    """The heads whose edges into this one were shown to matter, the strongest first."""
    own = edges[(edges["target"] == name) & edges["verdict"].isin(PROVEN)]
    return list(_largest_first(own)["source"])


def _largest_first(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows by the size of their effect. By value, not by index: heads and MLP blocks each number theirs from 0."""
    return rows.sort_values("effect", key=abs, ascending=False, kind="stable")


def card_html(told: Card) -> str:
    """The card as HTML, without its style (STYLE)."""
    link = ""
    if told.link[0]:
        address, words = map(escape, told.link)
        link = f'<a class="mech-link" href="{address}" target="_blank" rel="noopener">{words}</a>'
    name = f"<b>{escape(told.name)}</b>"
    heading = (
        f"{name}<span>{escape(told.title)}</span>"
        if told.title.replace(" ", "") not in ("", told.name)
        else name
    )
    seen = "".join(
        f'<div class="mech-seen"><span>{escape(word)}</span>'
        f'<i><i style="width:{max(2, round(100 * share))}%"></i></i><em>{percent(share)}</em></div>'
        for word, share in told.seen
    )
    looks = (
        f"<dt>{escape(told.seen_label)} <small>{escape(told.seen_from)}</small></dt><dd>{seen}</dd>"
        if seen
        else ""
    )
    lines = "".join(
        f"<dt{_hint(line.about)}>{escape(line.label)}</dt><dd>{escape(line.shown)}"
        f"{f'<small>{escape(line.small)}</small>' if line.small else ''}</dd>"
        for line in told.lines
    )
    return (
        f'<div class="mech"><p class="mech-name">{heading}'
        f'<u class="mech-{escape(told.state)}">{escape(told.verdict)}</u></p><dl>{looks}{lines}</dl>{link}</div>'
    )


def _hint(about: str) -> str:
    return f' title="{escape(about)}"' if about else ""


def _most_seen(unit: Mechanism) -> list[SeenWord]:
    return list(unit.looks_at[:MOST_SEEN])


def _from(unit: Mechanism, language: str) -> str:
    if unit.at_end or not unit.place:
        return text(language, "mechanism.from_end")
    return text(language, "mechanism.from_place", place=unit.place)


def _written(unit: Mechanism, answers: set[str], language: str) -> Line:
    """How the answers of the behaviour change: by word where they are few, else the texts' own ones as means.

    Where no answer is among what changes, the words that change most.
    """
    label, every = text(language, "mechanism.likelier"), (*unit.likelier, *unit.unlikelier)
    words = [word for word in every if word.word in answers]
    shown = " · ".join(f"{word.word} {signed(word.change)}" for word in words[:MOST_ANSWERS])
    if not shown and unit.given is not None and unit.wanted is not None:
        changes = {"given": signed(unit.given), "wanted": signed(unit.wanted)}
        shown = text(language, "mechanism.own_answers", **changes)
    if not shown:
        most = [*unit.likelier[:MOST_WRITTEN], *unit.unlikelier[:MOST_WRITTEN]]
        shown = " · ".join(f"{word.word} {signed(word.change)}" for word in most)
    small = text(language, "mechanism.through_later") if shown and unit.through == "later" else ""
    return Line(label, shown or text(language, "mechanism.nothing"), small)


def _without(unit: Mechanism, language: str) -> Line:
    label, sides = text(language, "mechanism.without"), unit.without
    anomalous, normal = sides.get("anomalous"), sides.get("normal")
    if anomalous is None or normal is None:
        return Line(label, "")
    if not anomalous.judged:
        return Line(
            label,
            text(
                language,
                "mechanism.changed",
                changed=anomalous.texts - anomalous.same,
                texts=anomalous.texts,
                normal_changed=normal.texts - normal.same,
                normal=normal.texts,
            ),
        )
    counts = {f"fault_{when}": getattr(anomalous, f"fault_{when}") for when in ("before", "after")}
    counts |= {f"right_{when}": getattr(normal, f"right_{when}") for when in ("before", "after")}
    return Line(label, text(language, "mechanism.counts", **counts))


def _effect(record: MechanismsRecord, name: str, row: Mapping[str, Any], language: str) -> Line:
    label, effect = text(language, "mechanism.effect"), row.get("effect")
    if effect is None or pd.isna(effect):
        return Line(label, text(language, "mechanism.unknown"))
    shown = percent(effect)
    if not pd.isna(row.get("effect_low", float("nan"))):
        ends = {end: percent(row[f"effect_{end}"]) for end in ("low", "high")}
        shown = text(language, "mechanism.effect_interval", effect=shown, **ends)
    own = [path.effects[name] for path in record.texts if path.label == "anomalous" and name in path.effects]
    alike = sum(value * effect > 0 for value in own)
    small = text(language, "mechanism.on_texts", count=alike, total=len(own)) if own else ""
    return Line(label, f"{shown}{text(language, 'mechanism.joined')}{small}" if small else shown)


def _role(unit: Mechanism, language: str) -> Line:
    shown, meaning = role_name(unit.role, language), role_meaning(unit.role, language)
    scores = {
        one.measured_on: one.score for one in unit.roles if one.role == unit.role and one.score is not None
    }
    parts = [text(language, f"role.on_{place}", score=number(score)) for place, score in scores.items()]
    small = " · ".join([meaning, *parts]) if unit.role else ""
    return Line(text(language, "mechanism.role"), shown, small, meaning)


def _link(unit: Mechanism, model: str, language: str) -> tuple[str, str]:
    """Where Neuronpedia shows what this layer's attention writes; it has pages of layers, none of single heads."""
    known = NEURONPEDIA.get(model)
    if known is None or unit.unit == "mlp":
        return "", ""
    return f"https://www.neuronpedia.org/{known}/{unit.layer}-att-kk", text(language, "mechanism.neuronpedia")
