"""Words of a text for comparing texts, in scripts with and without spaces between words."""

import re
import unicodedata

_WORD = re.compile(
    # scripts without spaces are taken character by character; a mark joins the letter before it
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
    r"|(?:(?![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])\w)+"
    r"|[^\w\s]"
)


def words_of(text: str) -> list[str]:
    """Words, numbers and single punctuation marks in order, upper and lower case alike; Japanese by characters."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def word_places(text: str) -> list[tuple[int, int]]:
    """Start and end of the words and marks of a text as it is written."""
    return [match.span() for match in _WORD.finditer(text)]


def beginning(text: str, count: int) -> str:
    """The first words of a text as they are written."""
    ends = [match.end() for match in _WORD.finditer(text)]
    return text[: ends[count - 1]].strip() if count <= len(ends) else text.strip()


def is_mark(word: str) -> bool:
    """Whether a word is a punctuation mark or a symbol."""
    return not any(character.isalnum() or character == "_" for character in word)
