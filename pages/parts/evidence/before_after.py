"""What the model says with and without heads, text by text, as HTML."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from core.text import percent

Words = Callable[..., str]
SIGNS = {"right": ("good", "✓"), "fault": ("warn", "⚠"), "other": ("warn", "?")}
MARKS = {"anomalous": "▲", "normal": "●", "typed": "✎"}
MOST_ROWS = 40


def table(rows: Sequence[Mapping[str, Any]], word: Words) -> str:
    """One row a text: its words, what the model says next before and after, and how it goes on."""
    head = "".join(f"<th>{escape(word(f'whatif.{key}'))}</th>" for key in ("text", "before", "after"))
    body = "".join(_row(row, word) for row in rows[:MOST_ROWS])
    return (
        f'<div class="before-after" role="region" tabindex="0" aria-label="{escape(word("whatif.table"))}">'
        f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Mapping[str, Any], word: Words) -> str:
    label = escape(word(f"whatif.label_{row['label']}"))
    unread = row.get("unread", "")  # older checks do not tell
    warning = (
        f'<div class="unread"><b class="warn">⚠</b> {escape(word("whatif.unread", characters=unread))}</div>'
        if unread
        else ""
    )
    changed = ' class="changed"' if row["changed"] else ""
    return (
        f'<tr class="{escape(row["label"])}"><td class="mark" title="{label}"><span aria-hidden="true">'
        f'{MARKS[row["label"]]}</span><span class="unseen">{label}</span></td>'
        f'<td class="text" dir="auto">{escape(row["text"])}{warning}</td>'
        f"<td>{_answer(row['before'], word)}</td><td{changed}>{_answer(row['after'], word)}</td></tr>"
    )


def _answer(answer: Mapping[str, Any], word: Words) -> str:
    first = answer["next"][0]
    kind, sign = SIGNS.get(answer["verdict"], ("", ""))
    meaning = escape(word(f"whatif.{answer['verdict']}")) if answer["verdict"] else ""
    mark = f' <b class="{kind}" title="{meaning}" aria-label="{meaning}">{sign}</b>' if sign else ""
    shown = escape(first["piece"].strip() or first["piece"])
    rest = escape(answer["continuation"].strip())
    return (
        f"<strong>{shown}</strong> <i>{percent(first['probability'])}</i>{mark}"
        f'<div class="goes-on" dir="auto">{rest}</div>'
    )
