"""What the model says with and without heads, text by text, as HTML."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Literal

from core.examples.answer_match import ends_word
from core.text import percent, signed
from core.text.folding import beginning
from pages.parts.shell import long_text

Words = Callable[..., str]
Outcome = Literal["mended", "harmed", "changed", "same"]
OUTCOMES: dict[Outcome, tuple[str, str]] = {
    "harmed": ("harm", "✗"),
    "mended": ("good", "✓"),
    "changed": ("warn", "↷"),
    "same": ("", ""),
}
"""Class and sign of what became of a text, in the order in which texts are shown: the harm first, it is the price."""
SIGNS = {"right": ("good", "✓"), "fault": ("warn", "⚠"), "other": ("warn", "?")}
TEXT = 30
"""Columns of a text in its row; the whole opens on a click."""
GOES_ON = 16
"""Characters of what follows a short answer; the rest stands in its explanation."""
MARKS = {"anomalous": "▲", "normal": "●", "typed": "✎"}


def outcome(row: Mapping[str, Any]) -> Outcome:
    """What became of a text with the heads off: `mended` is right now and was not, `harmed` was right and is not, or
    shows the fault now and did not; `changed` says something else without either, as where no answer is given.
    """
    before, after = row["before"]["verdict"], row["after"]["verdict"]
    if after == "right" and before in ("fault", "other"):
        return "mended"
    if (before == "right" and after in ("fault", "other")) or (after == "fault" and before == "other"):
        return "harmed"
    return "changed" if row["changed"] or before != after else "same"


def ordered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Typed texts first, they are what was just asked; then those that changed, by outcome; then by side."""
    labels, outcomes = ("typed", "anomalous", "normal"), list(OUTCOMES)
    return sorted(
        rows,
        key=lambda row: (row["label"] != "typed", outcomes.index(outcome(row)), labels.index(row["label"])),
    )


def table(rows: Sequence[Mapping[str, Any]], word: Words) -> str:
    """One row a text in this order: its words, what the model says before and after, what became of it, and how far the
    expected answer is ahead. Texts that stay as they are, beside typed ones, are folded below.
    """
    shown = [row for row in rows if row["label"] == "typed" or outcome(row) != "same"]
    rest = [row for row in rows if row["label"] != "typed" and outcome(row) == "same"]
    ahead = any(_ahead(row) for row in rows)
    parts = [_table(shown, ahead, word)] if shown else [f"<p>{escape(word('whatif.none_changed'))}</p>"]
    if rest:
        title = escape(word("whatif.same_rows", count=len(rest)))
        parts.append(f"<details><summary>{title}</summary>{_table(rest, ahead, word)}</details>")
    return f'<div class="before-after-all">{"".join(parts)}</div>'


def _table(rows: Sequence[Mapping[str, Any]], ahead: bool, word: Words) -> str:
    keys = ("text", "before", "after", "outcome", *(["ahead"] if ahead else []))
    titles = [f' title="{escape(word("whatif.ahead_help"))}"' if key == "ahead" else "" for key in keys]
    head = "".join(
        f"<th{title}>{escape(word(f'whatif.{key}'))}</th>" for key, title in zip(keys, titles, strict=True)
    )
    texts = _texts(rows)
    body = "".join(_row(row, text, ahead, word) for row, text in zip(rows, texts, strict=True))
    return (
        f'<div class="before-after" role="region" tabindex="0" aria-label="{escape(word("whatif.table"))}">'
        f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def spoken(row: Mapping[str, Any], statement: Mapping[str, Any]) -> tuple[str, str, str]:
    """What the model says in three parts: what stands in front of the answer, the answer, and what follows.

    The answer is the one that the verdict names; where there is none, the first word stands in its place.
    """
    said = str(statement["continuation"]).strip()
    answer = {"right": row["expected"], "fault": row["actual"]}.get(statement["verdict"], "").strip()
    place = said.find(answer) if answer else -1
    if place < 0:
        first = str(statement["next"][0]["piece"]).strip()
        place, end = 0, max(1, len(first)) if said.startswith(first) else 1
        while end < len(said) and not ends_word(said, end):
            end += 1
    else:
        end = place + len(answer)
    return said[:place], said[place:end], said[end:]


def _texts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """HTML of the texts; those that were typed in share no template with the others, which would hinder the fold."""
    cells: dict[int, str] = {}
    for of_typed in (True, False):
        places = [place for place, row in enumerate(rows) if (row["label"] == "typed") == of_typed]
        cells |= zip(
            places, long_text.cells([str(rows[place]["text"]) for place in places], TEXT), strict=True
        )
    return [cells[place] for place in range(len(rows))]


def _row(row: Mapping[str, Any], text: str, ahead: bool, word: Words) -> str:
    label = escape(word(f"whatif.label_{row['label']}"))
    unread = row.get("unread", "")  # older checks do not tell
    warning = (
        f'<div class="unread"><b class="warn">⚠</b> {escape(word("whatif.unread", characters=unread))}</div>'
        if unread
        else ""
    )
    became = outcome(row)
    kind, sign = OUTCOMES[became]
    marked = f'<b class="{kind}" aria-hidden="true">{sign}</b> ' if sign else ""
    ending = f"{marked}{escape(word(f'whatif.outcome_{became}'))}"
    difference = f'<td class="ahead">{_ahead(row)}</td>' if ahead else ""
    return (
        f'<tr class="{escape(row["label"])}"><td class="mark" title="{label}"><span aria-hidden="true">'
        f'{MARKS[row["label"]]}</span><span class="unseen">{label}</span></td>'
        f'<td class="text" dir="auto">{text}{warning}</td>'
        f"<td>{_answer(row, 'before', word)}</td><td>{_answer(row, 'after', word)}</td>"
        f'<td class="outcome {became}">{ending}</td>{difference}</tr>'
    )


def _answer(row: Mapping[str, Any], when: str, word: Words) -> str:
    statement = row[when]
    kind, sign = SIGNS.get(statement["verdict"], ("", ""))
    meaning = escape(word(f"whatif.{statement['verdict']}")) if statement["verdict"] else ""
    mark = f'<b class="{kind}" title="{meaning}" aria-label="{meaning}">{sign}</b>' if sign else ""
    before, answer, behind = spoken(row, statement)
    if answer and statement.get("end") == "cut":
        behind = f"{behind.rstrip()} …"  # the model would go on
    first = statement["next"][0]
    share = f" <i>{percent(first['probability'])}</i>" if first["piece"].strip() == answer else ""
    ended = statement.get("end") == "ended"
    end = escape(word("whatif.ended", token=statement.get("end_token", ""))) if ended else ""
    stop = f' <span class="end" title="{end}" aria-label="{end}">∎</span>' if ended else ""
    if not answer:
        return f"<i>{escape(word('whatif.nothing'))}</i>{stop} {mark}"
    if share and not before:
        repeats = not behind.replace(answer, "").strip(" \n…")
        goes_on = "…" if repeats else escape(beginning(behind, GOES_ON))
        rest = (
            f'<div class="goes-on" dir="auto" title="{escape(behind.strip())}">{goes_on}{stop}</div>'
            if behind.strip()
            else stop
        )
        return f"<strong>{escape(answer)}</strong>{share} {mark}{rest}"
    lead, rest = (
        f'<span class="goes-on">{escape(part)}</span>' if part.strip() else "" for part in (before, behind)
    )
    return f'{mark} <span dir="auto">{lead}<strong>{escape(answer)}</strong>{rest}{stop}</span>'


def _ahead(row: Mapping[str, Any]) -> str:
    """How far the expected answer is ahead of the actual one before and after; empty where a text names no two."""
    values = [row[when].get("difference") for when in ("before", "after")]
    return "" if None in values else " → ".join(map(signed, values))
