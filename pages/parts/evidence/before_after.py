"""What the model says with and without heads, text by text, as HTML."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from core.examples.answer_match import ends_word
from core.text import percent, signed
from pages.parts.shell import long_text

Words = Callable[..., str]
SIGNS = {"right": ("good", "✓"), "fault": ("warn", "⚠"), "other": ("warn", "?")}
MARKS = {"anomalous": "▲", "normal": "●", "typed": "✎"}
MOST_ROWS = 40


def table(rows: Sequence[Mapping[str, Any]], word: Words) -> str:
    """One row a text: its words, what the model says before and after, and how far the expected answer is ahead."""
    shown = rows[:MOST_ROWS]
    ahead = any(_ahead(row) for row in shown)
    keys = ("text", "before", "after", *(["ahead"] if ahead else []))
    titles = [f' title="{escape(word("whatif.ahead_help"))}"' if key == "ahead" else "" for key in keys]
    head = "".join(
        f"<th{title}>{escape(word(f'whatif.{key}'))}</th>" for key, title in zip(keys, titles, strict=True)
    )
    texts = _texts(shown)
    body = "".join(_row(row, text, ahead, word) for row, text in zip(shown, texts, strict=True))
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
        cells |= zip(places, long_text.cells([str(rows[place]["text"]) for place in places]), strict=True)
    return [cells[place] for place in range(len(rows))]


def _row(row: Mapping[str, Any], text: str, ahead: bool, word: Words) -> str:
    label = escape(word(f"whatif.label_{row['label']}"))
    unread = row.get("unread", "")  # older checks do not tell
    warning = (
        f'<div class="unread"><b class="warn">⚠</b> {escape(word("whatif.unread", characters=unread))}</div>'
        if unread
        else ""
    )
    changed = ' class="changed"' if row["changed"] else ""
    difference = f'<td class="ahead">{_ahead(row)}</td>' if ahead else ""
    return (
        f'<tr class="{escape(row["label"])}"><td class="mark" title="{label}"><span aria-hidden="true">'
        f'{MARKS[row["label"]]}</span><span class="unseen">{label}</span></td>'
        f'<td class="text" dir="auto">{text}{warning}</td>'
        f"<td>{_answer(row, 'before', word)}</td><td{changed}>{_answer(row, 'after', word)}</td>{difference}</tr>"
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
        rest = (
            f'<div class="goes-on" dir="auto">{escape(behind.strip())}{stop}</div>'
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
