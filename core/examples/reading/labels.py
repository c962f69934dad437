"""Which side a label names, as people write it; what is unclear is asked."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Table

from core.errors import ExamplesError
from core.examples.example_set import LABELS, Label
from core.examples.reading.notes import quoted
from core.schema import Note

_WORDS: dict[Label, str] = {
    "anomalous": """anomalous anomaly abnormal faulty fault bad ng fail failed failure failing wrong incorrect broken
        error buggy not_ok defective 異常 異常例 異常あり 不良 不良品 不合格 不正解 不正 誤り 誤 誤答 失敗 エラー
        × ✕ ✗ ✘ ❌""",
    "normal": """normal ok okay good pass passed passing right correct fine success succeeded successful healthy
        正常 正常例 異常なし 良 良品 良好 合格 正解 正 正答 成功 ○ ◯ 〇 ✓ ✔ ✅""",
}
_SIDES: dict[str, Label] = {word: side for side, words in _WORDS.items() for word in words.split()}

_YES = {"1", "true", "yes", "y", "t", "はい"}
_NO = {"0", "false", "no", "n", "f", "いいえ"}
_PLAIN = {"1", "0", "true", "false"}
"""Words that are read without being asked for where the heading does not say what they affirm: 1 is the anomaly."""

_AFFIRMED: dict[Label, str] = {
    "anomalous": """anomalous anomaly is_anomalous is_anomaly abnormal is_abnormal error is_error has_error fail failed
        failure is_failure bad is_bad ng fault faulty wrong incorrect is_wrong 異常 異常か 不良 誤り エラー 失敗""",
    "normal": """normal is_normal ok is_ok good is_good correct is_correct passed pass is_pass success succeeded
        is_success right is_right 正誤 正常 正解 合格 成功""",
}
_AFFIRMS: dict[str, Label] = {word: side for side, words in _AFFIRMED.items() for word in words.split()}
"""Headings over 1/0, true/false or yes/no, and the side that they affirm."""


def word_of(cell: object) -> str:
    """A label's word without capitals, outer white space and full-width forms; whole numbers without decimals."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    word = unicodedata.normalize("NFKC", "" if cell is None else str(cell)).strip().casefold()
    word = word.removesuffix(".0") if word in ("1.0", "0.0") else word
    return "_".join(word.split()) if word in ("not ok",) else word


def side_of(cell: object) -> Label | None:
    """The side that a word names by itself, or None."""
    return _SIDES.get(word_of(cell))


def side_named(heading: str) -> Label | None:
    """The side that a heading names: over a column of texts, or of 1 and 0."""
    from core.examples.reading.headings import normalised

    name = normalised(heading)
    return _SIDES.get(name) or _AFFIRMS.get(name)


def affirms(cells: Iterable[object]) -> bool:
    """Whether cells are all 1/0, true/false or yes/no (empty ones aside)."""
    words = {word_of(cell) for cell in cells} - {""}
    return bool(words) and words <= _YES | _NO


def tell_sides(cells: Iterable[object]) -> bool:
    """Whether cells hold nothing but words that name a side, and both sides are named."""
    sides = [side_of(cell) for cell in cells]
    return None not in sides and set(sides) == set(LABELS)


def sides_of(
    cells: list[object], heading: str, chosen: Table[str, Label]
) -> tuple[dict[str, Label], list[Note]]:
    """The side of every word of a column of labels, with a note where it was not plain.

    A word that stays unknown beside both sides is left out. Raises `labels_unclear` where the words do not tell,
    `no_such_label_word` for a chosen word that no cell holds.
    """
    from core.examples.reading.headings import normalised

    counts = Counter(word_of(cell) for cell in cells)
    words = [word for word in counts if word]
    told: dict[str, Label] = {word: side for word in words if (side := _SIDES.get(word))}
    notes: list[Note] = []
    affirmed = _AFFIRMS.get(normalised(heading).rpartition(".")[2])
    weak = [word for word in words if word in _YES | _NO]
    if weak and (affirmed or all(word in _PLAIN for word in weak)):
        yes = affirmed or LABELS[0]
        no = LABELS[1 - LABELS.index(yes)]
        told |= {word: yes if word in _YES else no for word in weak}
        shown = quoted(word for word in weak if word in _YES) or "–"
        notes.append(Note(key=f"label_affirms_{yes}", values={"column": heading, "words": shown}))
    told |= {word_of(word): side for word, side in chosen.items()}
    if strange := [word for word in chosen if word_of(word) not in counts]:
        known = quoted(_spelled(cells)[word] for word in words)
        raise ExamplesError("no_such_label_word", column=heading, found=quoted(strange), known=known)
    unknown = [word for word in words if word not in told]
    if unknown and {told[word] for word in words if word in told} != set(LABELS):
        spelled = _spelled(cells)
        raise ExamplesError(
            "labels_unclear",
            column=heading,
            words=", ".join(f"“{spelled[word]}” ({counts[word]})" for word in words[:8]),
            counts={spelled[word]: counts[word] for word in words},
        )
    return told, notes


def _spelled(cells: Iterable[object]) -> dict[str, str]:
    """How each word is written where it first stands."""
    spelled: dict[str, str] = {}
    for cell in cells:
        spelled.setdefault(word_of(cell), str(cell).strip())
    return spelled
