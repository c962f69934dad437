"""Right or at fault: whether what a model says is the expected or the actual answer.

1. What differs in writing alone does not count: white space and quotation marks around an answer, the composition of
   characters (Unicode NFC), how line breaks and emoji are encoded.
2. `begins`: the continuation begins with the answer. `contains`: the answer stands somewhere in it. `equals`: the
   continuation is the answer, up to the end of as many lines as the answer has.
3. An answer ends where a word or a number ends: "Legal" is not "Legally", "4" is neither "45" nor "4.5". Scripts that
   write no spaces (Japanese, Chinese, Thai, …) know no such end.
"""

import re
import unicodedata
from typing import Literal

Match = Literal["begins", "contains", "equals"]
MATCHES: tuple[Match, ...] = ("begins", "contains", "equals")
Verdict = Literal["right", "fault", "other", ""]

QUOTES = "\"'`´“”„‟‘’‚‛«»‹›「」『』〝〞〟＂＇"
"""Quotation marks around an answer that do not count."""

_UNSPACED = (
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "HALFWIDTH KATAKANA",
    "BOPOMOFO",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
)
"""How Unicode's names of letters begin in scripts that write no spaces between words."""

_JOINERS = "\N{ZERO WIDTH JOINER}" + "".join(map(chr, range(0x1F3FB, 0x1F400)))
"""What changes the emoji in front of it into another one: the joiner, and the tones of skin."""

_PRESENTATION = str.maketrans("", "", "\N{VARIATION SELECTOR-15}\N{VARIATION SELECTOR-16}")


def verdict(continuation: str, expected: str, actual: str, match: Match = "begins") -> Verdict:
    """`right` where a continuation is the expected answer, `fault` where it is the actual one, else `other`.

    Where both answers fit, the longer one counts for `begins` and the one that stands earlier for `contains`. Without
    an actual answer all that is not the expected one is at fault; without any answer there is no verdict ("").
    """
    if not plain(expected) and not plain(actual):
        return ""
    right, fault = (_fit(continuation, answer, match) for answer in (expected, actual))
    if right is not None and (fault is None or right >= fault):
        return "right"
    return "fault" if fault is not None or not plain(actual) else "other"


def fits(continuation: str, answer: str, match: Match = "begins") -> bool:
    """Whether a continuation is this answer."""
    return _fit(continuation, answer, match) is not None


def plain(text: str) -> str:
    """A text without what does not count when answers are compared, line breaks as one character."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _without_marks(composed.translate(_PRESENTATION))


def ends_word(text: str, place: int) -> bool:
    """Whether a word or a number of the text ends in front of this place, or goes on behind it."""
    if not 0 < place < len(text):
        return True
    last, following = text[place - 1], text[place]
    if following in _JOINERS or unicodedata.category(following).startswith("M"):
        return False
    if last.isdigit() and following in ".," and text[place + 1 : place + 2].isdigit():
        return False
    return not (_of_word(last) and _of_word(following))


def spaced_script(character: str) -> bool:
    """Whether a character is of a script that sets words apart by spaces."""
    return not unicodedata.name(character, "").startswith(_UNSPACED)


def _fit(continuation: str, answer: str, match: Match) -> tuple[int, int] | None:
    """How well an answer fits, to be compared with another one: (-place, length); None where it does not."""
    said, wanted = plain(continuation), plain(answer)
    if not wanted:
        return None
    if match == "equals":
        lines = wanted.count("\n") + 1
        same = plain("\n".join(said.split("\n")[:lines])) == wanted
        return (0, len(wanted)) if same else None
    if match == "begins":
        return (0, len(wanted)) if said.startswith(wanted) and ends_word(said, len(wanted)) else None
    for place in (hit.start() for hit in re.finditer(f"(?={re.escape(wanted)})", said)):
        if _begins_word(said, place) and ends_word(said, place + len(wanted)):
            return -place, len(wanted)
    return None


def _begins_word(text: str, place: int) -> bool:
    """Whether what stands at this place is no part of a word or number that began before."""
    if text[place - 1 : place] in (".", ",") and place > 1 and text[place].isdigit():
        return not text[place - 2].isdigit()
    return ends_word(text, place)


def _of_word(character: str) -> bool:
    return character == "_" or (character.isalnum() and spaced_script(character))


def _without_marks(text: str) -> str:
    """Without the white space and the quotation marks at both ends."""
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or text[start] in QUOTES):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in QUOTES):
        end -= 1
    return text[start:end]
