"""How much a page says before the reader scrolls, and how high it is with its folds closed, at 1280×720.

A word is a run of letters and digits; of Japanese, two characters count as one. What stands in the page's main part and
inside the window counts, whatever its size, without explanations that open on pointing and without the names inside
pictures.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import LOCALES
from tests.browser.reader import Reader

pytestmark = pytest.mark.browser
WORDS = {"result": 120, "circuit": 110, "evidence": 150, "report": 250}
"""Words at first view at most."""
HIGHEST = 2500
"""Pixels of a page at most."""
PAGES = ("start", "model", "examples", "analysis", *WORDS, "sensitivity", "runs", "guide", "benchmark")
TOO_MANY = {("result", "ja"), ("circuit", "ja"), ("evidence", "ja")}
"""Pages, with the language, that still say more; the case fails as soon as one does not."""
TOO_HIGH = {(page, language) for page in ("examples", "evidence", "benchmark") for language in LOCALES}
"""The same of pages that are still higher."""

_JAPANESE = re.compile("[\u3041-\u30ff\u3400-\u9fff\uff66-\uff9f]")
_WORD = re.compile(r"[^\W_]+(?:[.,'’][^\W_]+)*")
_IN_VIEW = """() => {
  const main = document.querySelector('[data-testid=stMain]'), frame = main.getBoundingClientRect();
  const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT), parts = [];
  const low = Math.min(frame.bottom, window.innerHeight), high = Math.max(frame.top, 0);
  while (walk.nextNode()) {
    const node = walk.currentNode, holder = node.parentElement;
    if (!node.textContent.trim() || holder.closest('.tip, .unseen, style, script, [role=tooltip]')) continue;
    if (!holder.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const inside = [...range.getClientRects()].some(
      r => r.width > 0 && r.height > 1 && r.top < low && r.bottom > high && r.left < frame.right);
    if (inside) parts.push(node.textContent);
  }
  return parts;
}"""
_HEIGHT = "() => document.querySelector('[data-testid=stMain]').scrollHeight"


def words(text: str) -> int:
    """Words of a text: runs of letters and digits, and half the Japanese characters."""
    japanese = len(_JAPANESE.findall(text))
    return len(_WORD.findall(_JAPANESE.sub(" ", text))) + math.ceil(japanese / 2)


@pytest.mark.parametrize(
    ("text", "count"),
    [("8 → 0 of 8 texts", 5), ("L1H2 makes “Legal” likelier.", 4), ("不具合は 73\u00a0% です", 4), ("", 0)],
)
def test_words_are_counted_by_a_stated_rule(text: str, count: int) -> None:
    assert words(text) == count


@pytest.fixture(scope="module")
def first_views(address: str, browser: Any) -> Iterator[dict[tuple[str, str], tuple[int, int]]]:
    """Words at first view and height of every page, by page and language, of one finished sample a language."""
    measured = {}
    for language, locale in LOCALES.items():
        context = browser.new_context(locale=locale, viewport={"width": 1280, "height": 720})
        reader = Reader(context.new_page(), language, address)
        run = reader.opens_the_sample()
        for page in PAGES:
            reader.opens(page, run=run)
            reader.is_settled()
            shown = reader.page.evaluate(_IN_VIEW)
            measured[page, language] = (sum(map(words, shown)), int(reader.page.evaluate(_HEIGHT)))
        assert reader.complaints == []
        context.close()
    yield measured


@pytest.mark.parametrize("language", list(LOCALES))
@pytest.mark.parametrize("page", list(WORDS))
def test_first_view_says_no_more_than_one_takes_in(
    first_views: dict[tuple[str, str], tuple[int, int]], page: str, language: str
) -> None:
    count, _ = first_views[page, language]
    assert (count > WORDS[page]) is ((page, language) in TOO_MANY), f"{count} words"


@pytest.mark.parametrize("language", list(LOCALES))
@pytest.mark.parametrize("page", PAGES)
def test_page_is_not_too_high(
    first_views: dict[tuple[str, str], tuple[int, int]], page: str, language: str
) -> None:
    _, height = first_views[page, language]
    assert (height > HIGHEST) is ((page, language) in TOO_HIGH), f"{height} pixels"
