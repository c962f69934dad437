"""The Japanese of both catalogues: one way of writing, and none of the phrases that read as translated."""

import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.support.paths import ROOT

CATALOGUES = (ROOT / "core/text/ja.toml", ROOT / "pages/parts/i18n/locale/ja.toml")
LETTER = "[ぁ-ゖァ-ヺー一-鿿々]"
COUNTER = "(?:件|個|組|回|本|行目|種類|通り|層|日|週間|か月|年)"
FORMER = ("引き直", "取り置", "かかったもの", "だけ動", "正しいままのものは")
"""Phrases that readers stumbled over."""
CODE = (
    "log p(期待) − log p(実際)",
    "save_pretrained(safe_serialization=True)",
    "from_pretrained(フォルダ).save_pretrained(新しいフォルダ)",
    "hf auth login",
    "git lfs pull",
    "sudo apt install fonts-noto-cjk",
    "python -m pip install vl-convert-python",
    "Noto Sans CJK JP",
    "user: …",
    "assistant: …",
    "問い合わせ: {place} 担当:",
)
"""What is typed or named as it is: commands, formulas, turns and frames of texts, a font."""


def texts() -> Iterator[tuple[str, str]]:
    """Every value of both catalogues with its key, code left out."""
    for file in CATALOGUES:
        yield from _values(tomllib.loads(file.read_text(encoding="utf-8")), file.parent.name)


def _values(entries: dict, place: str) -> Iterator[tuple[str, str]]:
    for key, value in entries.items():
        if isinstance(value, dict):
            yield from _values(value, f"{place}.{key}")
        else:
            for code in CODE:
                value = value.replace(code, "")
            yield f"{place}.{key}", value


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("no former phrase", "|".join(FORMER)),
        ("brackets are full-width", "[()]"),
        ("no space around full-width brackets and colons", " （|） |： | ："),
        ("colons are full-width", ": |:(?=[^/0-9a-z-])"),
        ("a space between a number and the word behind it", f"[0-9]{LETTER}|}}{COUNTER}"),
        ("a space between a word and the number behind it", f"{LETTER}[0-9]"),
        ("a space behind 約, none behind a time", r"約[{0-9]|\{time\} [ぁ-ゖ]"),
        ("a space before the percent sign", "[0-9}][%％]"),
        ("digits are half-width", "[０-９]"),
        ("a space on both sides of an arrow between numbers", "[^ ]→ *{(?:after|right)|[0-9件]→"),
        ("no English sentence", r"(?:[A-Za-z][A-Za-z'’.-]*\s+){2,}[A-Za-z]"),
    ],
)
def test_japanese_is_written_one_way(rule: str, pattern: str) -> None:
    assert [(key, text) for key, text in texts() if re.search(pattern, text)] == [], rule
