"""A measured benchmark in words: headline, losses, names of methods and goals."""

from dataclasses import replace

import pytest

from core.benchmark.names import GROUPS, OURS, SCREENED
from core.benchmark.standings import Comparison, Standing
from pages.parts.benchmark import table, words
from pages.parts.i18n import LANGUAGES, entries, has
from pages.parts.session import state
from tests.support.made_benchmark import GOALS, ROWS

HEAD = Standing(OURS, 0.9, 0.8, "a · gpt2", 0)
ALONE = Comparison(8, 18, HEAD, None, None, None, None, ())


@pytest.fixture(autouse=True)
def in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (words, state):
        monkeypatch.setattr(module, "language", lambda: "en")


def test_every_method_goal_and_column_has_its_words() -> None:
    keys = [
        f"method.{name}.{part}" for names in GROUPS.values() for name in names for part in ("name", "text")
    ]
    keys += [f"bench.goal_{goal['key']}" for goal in GOALS]
    keys += [f"bench.column_{name}" for name in table.COLUMNS]
    assert [(language, key) for language in LANGUAGES for key in keys if not has(language, key)] == []


def test_few_losses_are_named_and_many_are_counted() -> None:
    cases = tuple((" · ".join(case), "probe") for case in ROWS[: words.MOST_NAMED + 2])
    sentence = words.losses(replace(ALONE, above=cases))
    assert "6 of 18" in sentence and sentence.count("linear probe") == words.MOST_NAMED
    assert "2 more" in sentence
    assert words.losses(ALONE) == entries("en")["bench.never_above"].format(cases=18)


def test_headline_names_who_does_better() -> None:
    look, change = Standing("probe", 0.9004, 0.5, "a · gpt2", 0), Standing("eap", 0.91, 0.5, "a · gpt2", 0)
    sentence = words.headline(replace(ALONE, look=look, change=change))
    assert "EAP with 0.910" in sentence and "linear probe" not in sentence, ".9004 is shown as ours is"
    best = entries("en")["bench.lead_best"]
    assert best not in sentence
    assert words.headline(replace(ALONE, look=look)).endswith(best)
    assert best not in words.headline(ALONE), "nothing to compare with"
    screened = Standing(SCREENED, 0.95, 0.9, "a · gpt2", 0)
    assert "Headlight reaches 0.950." in words.headline(replace(ALONE, screened=screened))
