"""What one head looks at and writes, as HTML for the narrow panel."""

from collections.abc import Callable, Sequence
from html import escape

from core.inspection.answers import HeadView, Word, Writes
from core.text import percent, signed
from core.text.folding import one_line

Words = Callable[..., str]
SHADE = "#2F6690"
DARKEST = 60
"""Per cent of the shade behind the token that gets most attention: the text stays readable on both grounds."""
MOST_NAMED = 3
LEAST_NAMED = 0.01
"""Tokens that the sentence names, and the attention that they get at least."""
MOST_SHOWN = 5  # Words that are shown unfolded
MOST_LISTED, LEAST_LISTED = 12, 0.0005  # Tokens of the table, and the attention that they get at least
SIGN = {"anomalous": "▲", "normal": "●"}


def readable(piece: str) -> str:
    """A token as it can be seen: without the spaces around it, or with signs where it is nothing else."""
    return piece.strip() or piece.replace("\n", "⏎").replace(" ", "␣")


def strongest(view: HeadView, count: int) -> list[tuple[int, str, float]]:
    """The tokens with most attention: place in the text, token, share."""
    order = sorted(range(len(view["weights"])), key=lambda index: -view["weights"][index])
    places = [(view["first"] + i, view["pieces"][i], view["weights"][i]) for i in order[:count]]
    return [place for place in places if place[2] > 0]


def shades(view: HeadView, key: str) -> str:
    """Style for the buttons of the text's tokens under this key: the darker, the more attention a token gets.

    A token that begins with a space stands apart from the one before, as it does in the text.
    """
    most = max(view["weights"], default=0.0) or 1.0
    button = f'[class*="st-key-{key}"] button:nth-of-type'
    rules = "".join(
        f"{button}({place}){{background:color-mix(in srgb,{SHADE} {shade}%,transparent)}}"
        for place, weight in enumerate(view["weights"], start=1)
        if (shade := round(DARKEST * weight / most))
    )
    apart = [
        f"{button}({place})" for place, piece in enumerate(view["pieces"], start=1) if piece[:1].isspace()
    ]
    spaces = f"{','.join(apart)}{{margin-left:.28em}}" if apart else ""
    return f"<style>{rules}{spaces}</style>"


def looks(view: HeadView, word: Words) -> str:
    """The tokens with most attention in a sentence, and below it as a table."""
    named = word("finding.comma").join(
        f"<b>{escape(readable(piece))}</b> {percent(share)}"
        for _, piece, share in strongest(view, MOST_NAMED)
        if share >= LEAST_NAMED
    )
    rows = "".join(
        f"<tr><td>{place}</td><td>{escape(readable(piece))}</td><td>{percent(share)}</td></tr>"
        for place, piece, share in strongest(view, MOST_LISTED)
        if share >= LEAST_LISTED
    )
    head = "".join(f"<th>{escape(word(f'panel.{name}'))}</th>" for name in ("place", "token", "share"))
    return (
        f'<div class="looks"><p class="named">{named}</p>'
        f"<details><summary>{escape(word('panel.as_table'))}</summary>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></details></div>"
    )


def writes(view: HeadView, label: str, word: Words) -> str:
    """The words that become likelier and less likely, the text beside its partner, anomalous first."""
    assert view["writes"] is not None, "the panel says why there are none"
    sides = [(label, view["pieces"][view["query"] - view["first"]], view["writes"])]
    if view["partner"]:
        other = "normal" if label == "anomalous" else "anomalous"
        sides.append((other, view["partner"]["piece"], view["partner"]))
        sides.sort(key=lambda side: side[0] != "anomalous")
    shown = "".join(
        f"<section>{_heading(label, piece, word)}{_list(words['up'][:MOST_SHOWN])}</section>"
        for label, piece, words in sides
    )
    rest = "".join(
        f"<section>{_heading(label, piece, word)}"
        f"<p>{escape(word('panel.up'))}</p>{_list(words['up'])}"
        f"<p>{escape(word('panel.down'))}</p>{_list(words['down'])}</section>"
        for label, piece, words in sides
    )
    return (
        f'<div class="writes">{_between(sides, word)}<div class="both">{shown}</div>{_more(view, word)}'
        f"<details><summary>{escape(word('panel.all_words'))}</summary>"
        f'<div class="both">{rest}</div></details></div>'
    )


def _heading(label: str, piece: str, word: Words) -> str:
    at = escape(word("panel.at", token=readable(piece)))
    name = escape(word(f"label.{label}"))
    return f'<div class="of"><span class="side {label}">{name}</span><small>{at}</small></div>'


def _list(words: Sequence[Word]) -> str:
    items = "".join(
        f"<li><span {_title(item)}>{escape(readable(item['piece']))}</span>"
        f"<b>{signed(item['change'])}</b></li>"
        for item in words
    )
    return f"<ul>{items}</ul>"


def _more(view: HeadView, word: Words) -> str:
    """The words of which the anomalous text gets more than its partner."""
    if not view["partner"]:
        return ""
    if not view["more"]:
        return f"<p>{escape(word('panel.nothing_more'))}</p>"
    items = " ".join(
        f"<span {_title(item)}>{escape(readable(item['piece']))} <b>{signed(item['change'])}</b></span>"
        for item in view["more"][:MOST_SHOWN]
    )
    return f'<p>{escape(word("panel.more"))}</p><p class="chips">{items}</p>'


def _between(sides: Sequence[tuple[str, str, Writes]], word: Words) -> str:
    """How far the actual word is moved ahead of the expected one, on each side that has both words."""
    known = [(label, words["between"]) for label, _, words in sides if words["between"]]
    if not known:
        return ""
    first = known[0][1]
    actual, expected = readable(first["actual"]), readable(first["expected"])
    numbers = " ".join(
        f'<span class="side {label}" title="{escape(word(f"label.{label}"))}">{signed(moved["change"])}</span>'
        for label, moved in known
        if (moved["actual"], moved["expected"]) == (first["actual"], first["expected"])
    )
    words = escape(word("panel.between", actual=actual, expected=expected))
    if behind := first.get("behind", "").strip():
        words = f"{escape(word('panel.behind', text=one_line(behind)))} {words}"
    return f'<p class="between">{words} {numbers}</p>'


def _title(item: Word) -> str:
    return f'title="{escape(repr(item["piece"]))}: {signed(item["change"])}"'
