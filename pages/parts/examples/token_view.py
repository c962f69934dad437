"""The token view: one row an example, aligned columns, and what the model says next, as HTML."""

from collections.abc import Callable, Collection, Sequence
from html import escape

from core.text import percent
from pages.parts.examples.previewed_texts import PreviewedText, PreviewedTexts

Words = Callable[..., str]
MEAN = -1  # Position of a mean over all tokens; MEAN - n is one over those from token n on
MOST_COLUMNS = 60  # Tokens of the longest text above which the texts are not set in columns
SIGNS = {"anomalous": "▲", "normal": "●"}
MADE_SIGNS = {"anomalous": "△", "normal": "○"}
REST_OF_CHARACTER = "…"  # How a token inside a split character is given
LEAST_FOLDED = 10  # Tokens that all texts begin with, from which on they are folded into one sign
LONGEST_ANSWER = 36  # Characters of what the model says


def table(preview: PreviewedTexts, word: Words, most: int | None = None, flags: Collection[int] = ()) -> str:
    """HTML of the examples of a preview, paired ones next to each other; at most `most` rows, `flags` marked.

    Texts of one length stand in columns, and so do matched tokens, each with those before it that match none; unless
    texts are so long that running text is easier to read.
    """
    examples, alignment = preview.examples, preview.alignment
    order = _order(preview)[:most]
    folded = folded_beginning(examples)
    longest = max((len(example["pieces"]) for example in examples), default=1) - folded
    aligned = alignment.mode == "aligned" and longest <= MOST_COLUMNS
    if in_matched_columns(preview):
        columns = len(alignment.slots) + bool(folded)
    else:
        columns = longest + bool(folded) if aligned else 1
    rows = "".join(_row(preview, i, folded, aligned, word, i in flags) for i in order)
    says = "examples.says" if preview.whole_answers else "examples.says_next"
    head = (
        f'<tr><th class="mark"></th><th class="next">{escape(word(says))}</th>'
        f'<th colspan="{columns}">{escape(word("examples.tokens"))}</th></tr>'
    )
    region = (
        f'role="region" tabindex="0" aria-label="{escape(word("examples.preview"))}"'  # it scrolls by itself
    )
    return f'<div class="tokens" {region}><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def in_matched_columns(preview: PreviewedTexts) -> bool:
    """Whether a column of the table is a place where the tokens of the texts were matched."""
    return preview.alignment.mode == "matched" and len(preview.alignment.slots) <= MOST_COLUMNS


def folded_beginning(examples: Sequence[PreviewedText]) -> int:
    """How many tokens all texts begin with alike, none of them their own, where these are many; else 0.

    A system message or a frame stands before every text and would push the texts out of sight.
    """
    alike = 0
    for column in zip(*(zip(e["pieces"], e.get("kinds", ()), strict=False) for e in examples), strict=False):
        if len(set(column)) > 1 or column[0][1] == "text":
            break
        alike += 1
    return alike if alike >= LEAST_FOLDED else 0


def legend(preview: PreviewedTexts, word: Words) -> str:
    """What the marks of the table mean; without pairs no token can differ from a partner."""
    present = {kind for example in preview.examples for kind in example.get("kinds", ())}
    kinds = [
        *(["differs"] if preview.alignment.pairs else []),
        "compared",
        *(kind for kind in ("special", "template") if kind in present),
    ]
    signs = "".join(
        f'<span><span class="tok {kind}">{escape(word("examples.legend_word"))}</span> '
        f"{escape(word(f'examples.legend_{kind}'))}</span>"
        for kind in kinds
    )
    made = dict.fromkeys(row["label"] for row in preview.examples if row.get("source"))
    signs += "".join(
        f"<span>{MADE_SIGNS[label]} {escape(word('examples.made_partner'))}</span>" for label in made
    )
    return f'<div class="token-legend">{signs}</div>'


def _order(preview: PreviewedTexts) -> list[int]:
    """Partners beside their texts; a text's further made partners are not shown."""
    pairs = preview.alignment.pairs
    paired = [index for pair in pairs for index in pair]
    rest = [index for index in range(len(preview.given)) if index not in paired]
    return paired + sorted(
        rest, key=lambda index: preview.examples[index]["label"] != "anomalous" or bool(pairs)
    )


def _row(
    preview: PreviewedTexts, index: int, folded: int, aligned: bool, word: Words, flagged: bool = False
) -> str:
    example, alignment = preview.examples[index], preview.alignment
    compared = {place for place in alignment.positions[index] if place is not None}
    left_out = index in alignment.left_out and "made" not in alignment.sources
    tokens = zip(example["pieces"], example["differs"], _kinds(example), strict=True)
    averaged = {p for first in compared if first <= MEAN for p in range(MEAN - first, len(example["pieces"]))}
    cells = [
        _piece(piece, _classes(kind, differs, position in compared | averaged), aligned, word)
        for position, (piece, differs, kind) in enumerate(tokens)
    ]
    matched = in_matched_columns(preview) and bool(alignment.positions[index])
    beginning = _fold(example["pieces"][:folded], aligned or matched, word) if folded else ""
    if matched:
        body = beginning + _in_columns(cells, folded, alignment.positions[index], word)
    elif aligned:
        body = beginning + "".join(cells[folded:])
    else:
        across = f' colspan="{len(alignment.slots)}"' if in_matched_columns(preview) else ""
        body = f'<td class="running" dir="auto"{across}>{beginning}{"".join(cells[folded:])}</td>'
    kind = f"{example['label']}{' left-out' if left_out else ''}"
    sign = MADE_SIGNS if example.get("source") else SIGNS
    mark = sign[example["label"]]
    label = escape(word("examples.made_partner" if example.get("source") else f"label.{example['label']}"))
    flag = f'<b class="flag" title="{escape(word("text_check.flag"))}">⚑</b>' if flagged else ""
    says = _continuation(example) if preview.whole_answers else _next(example)
    return (
        f'<tr class="{kind}"><td class="mark" title="{label}" aria-label="{label}">{mark}{flag}</td>'
        f'<td class="next">{says}{_sign(example, word)}</td>{body}</tr>'
    )


def _in_columns(cells: Sequence[str], folded: int, places: Sequence[int | None], word: Words) -> str:
    """A table cell for each matched place; tokens that match none stand before the next that does."""
    html, shown = "", folded
    for place in places:
        if place is None:
            html += f'<td class="matched absent" title="{escape(word("examples.absent"))}">–</td>'
            continue
        html += f'<td class="matched" dir="auto">{"".join(cells[shown : place + 1])}</td>'
        shown = place + 1
    return html


def _kinds(example: PreviewedText) -> Sequence[str]:
    return example.get("kinds") or ["text"] * len(example["pieces"])


def _classes(kind: str, differs: bool, compared: bool) -> str:
    marks = {"differs": differs, "compared": compared, kind: kind != "text"}
    return " ".join(["tok", *(name for name, marked in marks.items() if marked)])


def _fold(pieces: Sequence[str], aligned: bool, word: Words) -> str:
    """What all texts begin with, as one sign that tells it."""
    tag = "td" if aligned else "span"
    said, title = escape(word("examples.folded", count=len(pieces))), escape("".join(pieces))
    return f'<{tag} class="tok template fold" title="{title}">{said}</{tag}> '


def _piece(piece: str, classes: str, aligned: bool, word: Words) -> str:
    tag = "td" if aligned else "span"
    before = " " if not aligned and piece[:1].isspace() else ""
    title = ""
    if piece == REST_OF_CHARACTER:
        classes += " rest"
        title = f' title="{escape(word("examples.rest_of_character"))}"'
    direction = ' dir="auto"' if aligned else ""
    return f'{before}<{tag} class="{classes}"{direction}{title}>{escape(visible(piece))}</{tag}>'


def visible(piece: str) -> str:
    """A token's text with signs for line breaks, tabs, and blanks that stand behind its letters or alone.

    Some tokenizers write a token that is a blank alone as nothing.
    """
    if piece.strip():
        letters = piece.strip(" ")
        shown = letters + "␣" * (len(piece.lstrip(" ")) - len(letters))
    else:
        shown = piece.replace(" ", "␣")
    return shown.replace("\r", "").replace("\n", "⏎").replace("\t", "⇥") or piece or "␣"


def _next(example: PreviewedText) -> str:
    likely = example["next"][0]
    first, share = escape(visible(likely["piece"])), percent(likely["probability"])
    return f'<span dir="auto" title="{escape(_likely(example))}">{first} <i>{share}</i></span>'


def _continuation(example: PreviewedText) -> str:
    """What the model says, its beginning where it is long; an ellipsis tells that it would have gone on."""
    words = " ".join(example.get("continuation", "").split())
    shown = words if len(words) <= LONGEST_ANSWER else f"{words[: LONGEST_ANSWER - 1]}…"
    if words == shown and words and example.get("end") == "cut":
        shown += " …"
    return f'<span dir="auto" title="{escape(f"{words} ({_likely(example)})")}">{escape(shown) or "–"}</span>'


def _likely(example: PreviewedText) -> str:
    words = ((visible(item["piece"]), percent(item["probability"])) for item in example["next"])
    return ", ".join(f"{piece} {share}" for piece, share in words)


def _sign(example: PreviewedText, word: Words) -> str:
    fits = example["behaves"]
    if fits is None:
        return ""
    meaning = escape(word("examples.as_labelled" if fits else "examples.not_as_labelled"))
    return f'<b class="{"good" if fits else "warn"}" title="{meaning}">{"✓" if fits else "⚠"}</b>'
