"""Tokens of the expected and the actual answer behind each text, and which makes the difference, as HTML."""

from collections.abc import Callable, Sequence
from html import escape

from core.text import percent, signed
from pages.parts.examples.previewed_texts import Answer, PreviewedText
from pages.parts.examples.token_view import visible

Words = Callable[..., str]
SNIPPET = 44  # Characters of a text


def table(rows: Sequence[tuple[str, PreviewedText]], word: Words) -> str:
    """HTML of the answers of the given texts (each with what names it); those without answers are left out."""
    lines = "".join(
        f'<tr class="{row["label"]}"><td><span class="side {row["label"]}"></span>'
        f'<span dir="auto" title="{escape(text)}">{escape(_short(text))}</span></td>'
        f"<td>{_answer(row, 'expected')}</td><td>{_answer(row, 'actual')}</td><td>{_difference(row)}</td></tr>"
        for text, row in rows
        if row.get("expected") or row.get("actual")
    )
    heads = ("column.text", "column.expected", "column.actual", "answers.difference")
    head = "".join(f"<th>{escape(word(key))}</th>" for key in heads)
    content = f"<thead><tr>{head}</tr></thead><tbody>{lines}</tbody>"
    label = escape(word("answers.tokens"))
    return (
        f'<div class="suggested answer-tokens" tabindex="0" role="region" aria-label="{label}">'
        f"<table>{content}</table></div>"
    )


def any_answers(rows: Sequence[PreviewedText]) -> bool:
    """Whether a text has an answer at all."""
    return any(row.get("expected") or row.get("actual") for row in rows)


def _answer(row: PreviewedText, side: str) -> str:
    """The tokens of one answer; the one at which both answers differ most is marked."""
    answer: Answer | None = row.get(side)  # type: ignore[assignment]
    if not answer:
        return "–"
    pieces = answer.get("pieces") or [{"piece": answer["piece"]}]
    marked = _place_that_carries(row)
    chips = "".join(
        f'<span class="tok{" carries" if place == marked else ""}" dir="auto">'
        f"{escape(visible(piece['piece']))}</span>"
        for place, piece in enumerate(pieces)
    )
    return f"{chips} <i>{percent(answer['probability'])}</i>"


def _place_that_carries(row: PreviewedText) -> int | None:
    """Where both answers differ most; None where each is a single token, which needs no mark."""
    difference = row.get("difference")
    answers = [row.get("expected"), row.get("actual")]
    longer = any(len(answer.get("pieces", ())) > 1 for answer in answers if answer)
    return difference["carried_by"] if difference and longer else None


def _difference(row: PreviewedText) -> str:
    difference = row.get("difference")
    return signed(difference["value"]) if difference else "–"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= SNIPPET else f"{words[: SNIPPET - 1]}…"
