"""The token view: one row an example, aligned columns, and what the model says next, as HTML."""

from collections.abc import Callable, Sequence
from html import escape

from pages.parts.examples.previewed_texts import PreviewedText, PreviewedTexts
from pages.parts.i18n import number

Words = Callable[..., str]
MEAN = -1
MOST_COLUMNS = 60  # Tokens of the longest text above which the texts are not set in columns
REST_OF_CHARACTER = "…"  # How a token inside a split character is given


def table(preview: PreviewedTexts, word: Words, most: int | None = None) -> str:
    """HTML of the examples of a preview, paired ones next to each other; at most `most` rows.

    Texts of one length stand in columns, unless they are so long that running text is easier to read.
    """
    examples, alignment = preview.examples, preview.alignment
    order = _order(examples, alignment.pairs)[:most]
    compared = [set(alignment.positions[index]) for index in range(len(examples))]
    longest = max((len(example["pieces"]) for example in examples), default=1)
    aligned = alignment.mode == "aligned" and longest <= MOST_COLUMNS
    rows = [_row(examples[i], compared[i], aligned, i in alignment.left_out, word) for i in order]
    head = (
        f'<tr><th class="mark"></th><th class="next">{escape(word("examples.says_next"))}</th>'
        f'<th colspan="{longest if aligned else 1}">{escape(word("examples.tokens"))}</th></tr>'
    )
    return f'<div class="tokens"><table><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table></div>'


def legend(preview: PreviewedTexts, word: Words) -> str:
    """What the marks of the table mean; without pairs no token can differ from a partner."""
    kinds = ("differs", "compared") if preview.alignment.pairs else ("compared",)
    signs = "".join(
        f'<span><span class="tok {kind}">{escape(word("examples.legend_word"))}</span> '
        f"{escape(word(f'examples.legend_{kind}'))}</span>"
        for kind in kinds
    )
    return f'<div class="token-legend">{signs}</div>'


def _order(examples: Sequence[PreviewedText], pairs: Sequence[Sequence[int]]) -> list[int]:
    if not pairs:
        return sorted(range(len(examples)), key=lambda index: examples[index]["label"] != "anomalous")
    paired = [index for pair in pairs for index in pair]
    return paired + [index for index in range(len(examples)) if index not in paired]


def _row(example: PreviewedText, compared: set[int], aligned: bool, left_out: bool, word: Words) -> str:
    cells = [
        _piece(piece, differs, position in compared or MEAN in compared, aligned, word)
        for position, (piece, differs) in enumerate(zip(example["pieces"], example["differs"], strict=True))
    ]
    body = "".join(cells) if aligned else f'<td class="running" dir="auto">{"".join(cells)}</td>'
    kind = f"{example['label']}{' left-out' if left_out else ''}"
    mark = "▲" if example["label"] == "anomalous" else "●"
    label = escape(word(f"label.{example['label']}"))
    return (
        f'<tr class="{kind}"><td class="mark" title="{label}" aria-label="{label}">{mark}</td>'
        f'<td class="next">{_next(example, word)}</td>{body}</tr>'
    )


def _piece(piece: str, differs: bool, compared: bool, aligned: bool, word: Words) -> str:
    tag = "td" if aligned else "span"
    before = " " if not aligned and piece[:1].isspace() else ""
    classes = "tok" + (" differs" if differs else "") + (" compared" if compared else "")
    title = ""
    if piece == REST_OF_CHARACTER:
        classes += " rest"
        title = f' title="{escape(word("examples.rest_of_character"))}"'
    shown = escape(piece.strip() or piece.replace("\n", "⏎").replace(" ", "␣"))
    direction = ' dir="auto"' if aligned else ""
    return f'{before}<{tag} class="{classes}"{direction}{title}>{shown}</{tag}>'


def _next(example: PreviewedText, word: Words) -> str:
    likely = example["next"]
    others = ", ".join(f"{item['piece'].strip()} {number(100 * item['probability'])} %" for item in likely)
    first, percent = escape(likely[0]["piece"].strip()), f"{100 * likely[0]['probability']:.0f} %"
    sign = ""
    if example["behaves"] is not None:
        fits = example["behaves"]
        meaning = escape(word("examples.as_labelled" if fits else "examples.not_as_labelled"))
        sign = f'<b class="{"good" if fits else "warn"}" title="{meaning}">{"✓" if fits else "⚠"}</b>'
    return f'<span dir="auto" title="{escape(others)}">{first} <i>{percent}</i></span>{sign}'
