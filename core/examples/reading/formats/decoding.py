"""The bytes of a text file as characters.

1. An encoding that is given is used strictly. 2. A byte order mark tells UTF-8, UTF-16 or UTF-32. 3. UTF-16 without a
mark shows by its zero bytes, ISO-2022-JP by its escapes, UTF-8 by being valid. 4. A file that is UTF-8 but for a few
bytes is refused with their line: read in another encoding, its other characters would change. 5. What is left is
guessed: Japanese by its kana, anything else by `charset-normalizer` among the encodings that spreadsheets write. A
guess is named in a note and can be overridden.
"""

import codecs
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from core.errors import ExamplesError
from core.examples.reading.notes import readable
from core.schema import Note

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_OTHER_FILES = {
    b"PK\x03\x04": "ZIP (.xlsx, .docx, .zip)",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"%PDF-": "PDF",
    b"\x1f\x8b": "gzip",
    b"\xd0\xcf\x11\xe0": "Microsoft Office (.xls, .doc)",
    b"PAR1": "Parquet",
    b"SQLite format 3": "SQLite",
    b"7z\xbc\xaf": "7z",
}

_JAPANESE = ("euc_jp", "cp932")
_LATIN = ("cp1252", "cp1250", "cp1254", "mac_roman")
"""Encodings of Latin letters, the more usual first: where two fit equally well, the first of them is taken."""
_ASIAN = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_SPREADSHEETS = [*_LATIN, "cp1251", "cp1253", *_ASIAN]

NAMES = {
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "iso2022_jp": "ISO-2022-JP",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "mac_roman": "Mac Roman",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp949": "EUC-KR",
}
"""What people call an encoding, by Python's name."""

_SAMPLE = 50_000
"""By how many characters at the beginning a text is judged."""

_KANA = re.compile("[\u3041-\u30ff]")
_KANJI = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff01-\uff5e]{2,}")
_BAD_BYTE = re.compile("[\udc80-\udcff]")
_BREAKS = re.compile("\r\n|\r|\n")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


@dataclass(frozen=True)
class Decoded:
    """The characters of a file, Python's name of the encoding, and a note where it was guessed."""

    text: str
    encoding: str
    notes: tuple[Note, ...] = ()


def decode(content: bytes, encoding: str | None = None) -> Decoded:
    """The characters of `content`. Raises ExamplesError where it is empty, no text, or has bytes that do not fit."""
    if not content.strip(b"\x00\xef\xbb\xbf\xff\xfe \t\r\n"):
        raise ExamplesError("empty_file")
    for beginning, kind in _OTHER_FILES.items():
        if content.startswith(beginning):
            raise ExamplesError("not_a_text_file", kind=kind)
    if encoding:
        return _decoded_as(content, encoding)
    for mark, name in _MARKS:
        if content.startswith(mark):
            return Decoded(_strictly(content[len(mark) :], name), name)
    if wide := _utf16(content):
        return _guess(content, wide)
    if b"\x1b$" in content and _reads(content, "iso2022_jp"):
        return _guess(content, "iso2022_jp")
    escaped = content.decode("utf-8", "surrogateescape")
    bad = len(_BAD_BYTE.findall(escaped))
    if not bad:
        return Decoded(escaped, "utf-8")
    return _not_utf8(content, escaped, bad)


def line_of(text: str, position: int) -> int:
    """The number of the line, counted from 1, in which a character of a text stands."""
    return len(_BREAKS.findall(text[:position])) + 1


def lines_of(text: str, positions: Iterable[int]) -> list[int]:
    """The numbers of the lines in which characters of a text stand."""
    ends = [match.end() for match in _BREAKS.finditer(text)]
    return [bisect_right(ends, position) + 1 for position in positions]


def _decoded_as(content: bytes, encoding: str) -> Decoded:
    try:
        name = codecs.lookup(encoding.strip()).name
    except (LookupError, ValueError):
        raise ExamplesError("unknown_encoding", encoding=readable(encoding)) from None
    for mark, marked in _MARKS:
        if content.startswith(mark) and name in (marked, marked.rpartition("-")[0], "utf-8-sig"):
            return Decoded(_strictly(content[len(mark) :], marked), marked)
    return Decoded(_strictly(content, name), name)


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(encoding, "replace")
        line, found = line_of(before, len(before)), f"0x{content[error.start]:02X}"
        raise ExamplesError("bad_byte", line=line, found=found, encoding=encoding) from None
    except (LookupError, ValueError, AttributeError):  # a codec that makes no text of bytes, such as base64
        raise ExamplesError("unknown_encoding", encoding=encoding) from None


def _utf16(content: bytes) -> str:
    """`utf-16-le` or `utf-16-be` where the zero bytes all stand on one side of their pairs and the text reads well."""
    high, low = content[::2].count(0), content[1::2].count(0)
    if len(content) % 2 or max(high, low) < 4 or min(high, low) > 0:
        return ""
    name = "utf-16-be" if high else "utf-16-le"
    try:
        text = content.decode(name)
    except UnicodeDecodeError:
        return ""
    beginning = text[:_SAMPLE]
    odd = sum(unicodedata.category(c) in ("Cn", "Co", "Cc") for c in beginning if c not in "\t\r\n")
    narrow = sum(character < "\x80" for character in beginning)
    return name if odd == 0 and narrow * 50 >= len(beginning) else ""


def _not_utf8(content: bytes, escaped: str, bad: int) -> Decoded:
    """Guess, or refuse where the file looks like UTF-8 with damaged bytes or one byte is too little to tell by."""
    valid = sum(character > "\x7f" for character in escaped) - bad
    # two bytes of an Asian text can look like a letter of UTF-8 by chance, but not a third of them
    mostly_bad = valid * 3 <= bad
    encoding = _japanese(content) if mostly_bad else ""
    if not encoding and mostly_bad and bad > 1:
        encoding = _western(content)
    if not encoding or (valid and (bad < 6 or encoding not in _ASIAN)):
        _refuse(content, escaped)
    return _guess(content, encoding)


def _refuse(content: bytes, escaped: str) -> None:
    found = _BAD_BYTE.search(escaped)
    assert found is not None
    lines = {line_of(escaped, each.start()) for each in list(_BAD_BYTE.finditer(escaped))[:20]}
    around = escaped[max(0, found.start() - 20) : found.start() + 20]
    shown = _BREAKS.sub(" ", _BAD_BYTE.sub("\ufffd", around)).strip()
    guess = _western(content) or "cp1252"
    raise ExamplesError(
        "not_utf8",
        line=min(lines),
        byte=f"0x{ord(found[0]) - 0xDC00:02X}",
        text=shown,
        guess=NAMES[guess],
        encoding=guess,
    )


def _japanese(content: bytes) -> str:
    """The Japanese encoding in which a fifth of the wide characters are kana, or Shift-JIS of kanji alone."""
    shares: dict[str, float] = {}
    for name in _JAPANESE:
        if not _reads(content, name):
            continue
        text = content.decode(name)
        wide = len(text) - len(text.encode("ascii", "ignore"))
        shares[name] = len(_KANA.findall(text)) / max(1, wide)
        # a letter with an accent and the next one can look like a kanji; in Japanese, kanji stand beside each other
        if name == "cp932" and sum(map(len, _KANJI.findall(text))) > 0.8 * wide:
            shares[name] = 1.0
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] >= 0.2 else ""


def _western(content: bytes) -> str:
    """The most likely encoding by the characters and languages that it would give, else nothing."""
    from charset_normalizer import from_bytes  # here: most files are UTF-8 and never need it

    matches = list(from_bytes(content, cp_isolation=_SPREADSHEETS, preemptive_behaviour=False))
    if not matches:
        return ""
    best = min(match.chaos for match in matches)
    fitting = {
        name
        for match in matches
        if match.chaos <= best + 0.01
        for name in (match.encoding, *match.could_be_from_charset)
    }
    if matches[0].encoding not in _LATIN:
        return str(matches[0].encoding)
    return next(name for name in _LATIN if name in fitting)


def _reads(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _guess(content: bytes, encoding: str) -> Decoded:
    """The text in a guessed encoding, with a note that shows some of its characters."""
    text = content.decode(encoding)
    if len(_CONTROL.findall(text)) * 50 > len(text):
        raise ExamplesError("not_a_text_file", kind="?")
    wide = re.search("[^\x00-\x7f]", text)
    around = text[max(0, wide.start() - 15) :][:30] if wide else text[:30]
    sample = " ".join(around.split())
    note = Note(key="encoding_guessed", values={"encoding": NAMES[encoding], "sample": sample})
    return Decoded(text, encoding, (note,))
