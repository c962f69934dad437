"""Every page at 1280×720, in English and light, in Japanese and dark, opened once: what axe-core finds, how much is
said before the reader scrolls, how high the page is with its folds closed, and which machines are asked.

A word is a run of letters and digits; of Japanese, two characters count as one. What stands in the page's main part and
inside the window counts, whatever its size, without explanations that open on pointing and without the names inside
pictures.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from pages.parts.session.url_state import PARTS
from pages.parts.shell import PAGES
from tests.browser.conftest import LOCALES
from tests.browser.reader import PATIENCE, Reader
from tests.browser.test_accessibility import serious

pytestmark = pytest.mark.browser
WORDS = {"result": 120, "circuit": 110, "evidence": 150, "report": 250}
"""Words at first view at most."""
HIGHEST = 2500
"""Pixels of a page at most."""

ANSWERED = {"examples": ".tokens tbody tr", "evidence": ".before-after tbody tr"}
"""What is drawn once the worker has answered, on pages that ask it."""
TABS = tuple(f"evidence-{part}" for part in PARTS[1:])
"""What stands behind the other tabs of the evidence, each as a page of its own."""

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


class Seen(NamedTuple):
    """What was found on a page."""

    words: int
    """Words at first view."""
    height: int
    """Pixels, folds closed."""
    faults: list[str]
    """Serious findings of axe-core."""
    hosts: set[str | None]
    """Hosts of all requests and sockets."""


@pytest.fixture(scope="module")
def seen(address: str, browser: Any, sample_runs: dict[str, str]) -> Iterator[dict[tuple[str, str], Seen]]:
    """All pages with a finished sample open, by page and language."""
    by_page = {}
    for language, locale in LOCALES.items():
        scheme = "dark" if language == "ja" else "light"
        context = browser.new_context(
            locale=locale, viewport={"width": 1280, "height": 720}, color_scheme=scheme
        )
        asked: list[str] = []
        context.on("request", lambda request, asked=asked: asked.append(request.url))
        reader = Reader(context.new_page(), language, address)
        reader.page.on("websocket", lambda socket, asked=asked: asked.append(socket.url))
        for page in (*PAGES, *TABS):
            name, _, part = page.partition("-")
            reader.opens(name, run=sample_runs[language], **({"part": part} if part else {}))
            if page in ANSWERED:
                reader.page.locator(ANSWERED[page]).first.wait_for(timeout=PATIENCE)
            reader.is_settled()
            count = sum(map(words, reader.page.evaluate(_IN_VIEW)))
            height = int(reader.page.evaluate(_HEIGHT))
            hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
            by_page[page, language] = Seen(count, height, serious(reader), hosts)
            asked.clear()
        assert reader.complaints == []
        context.close()
    yield by_page


@pytest.mark.parametrize("language", list(LOCALES))
@pytest.mark.parametrize("page", (*PAGES, *TABS))
def test_axe_finds_nothing_serious(seen: dict[tuple[str, str], Seen], page: str, language: str) -> None:
    assert seen[page, language].faults == []


@pytest.mark.parametrize("language", list(LOCALES))
@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_asked_of_another_machine(
    seen: dict[tuple[str, str], Seen], page: str, language: str
) -> None:
    assert seen[page, language].hosts == {"127.0.0.1"}


@pytest.mark.parametrize("language", list(LOCALES))
@pytest.mark.parametrize("page", list(WORDS))
def test_first_view_says_no_more_than_one_takes_in(
    seen: dict[tuple[str, str], Seen], page: str, language: str
) -> None:
    count = seen[page, language].words
    assert count <= WORDS[page], f"{count} words"


@pytest.mark.parametrize("language", list(LOCALES))
@pytest.mark.parametrize("page", (*PAGES, *TABS))
def test_page_is_not_too_high(seen: dict[tuple[str, str], Seen], page: str, language: str) -> None:
    height = seen[page, language].height
    assert height <= HIGHEST, f"{height} pixels"
