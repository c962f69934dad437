"""Fresh pairs of texts for the tasks whose circuits are published for GPT-2 small.

The tasks are those of `core.scenarios.build.tasks`, in words that are one token each for GPT-2's tokenizer, so
that both texts of a pair have the same tokens but for one:

- `indirect-object`: two names, one of them comes again; the other must follow. The normal text has a third name in its
  place. Each name of the two comes first, and comes again, equally often. All templates have the same number of tokens.
- `greater-than`: a span of years in one century; the closing year must be greater. The normal text opens with the year
  01. A year is two tokens, the century and the rest, so the next word has no space in front.

Pure Python and seeded, as there.
"""

from collections.abc import Callable
from random import Random

from core.errors import ConfigError
from core.scenarios.build.tasks import YEARS, TaskPair


def _words(text: str) -> list[str]:
    return text.split()


NAMES = _words(
    "Alice Anna Ben Carl Clara David Emma Eric Eva Frank Fred George Grace Helen Henry Jack James Jane John "
    "Julia Karl Kate Laura Leo Lucy Maria Mark Mary Max Nina Nora Oscar Otto Paul Peter Rose Ruth Sam Sara "
    "Simon Stella Thomas Tom Vera Victor Walter"
)
PLACES = _words(
    "park library market museum theatre kitchen bakery harbour airport hotel church bank cinema farm castle beach "
    "lake pharmacy campus factory clinic gallery stadium temple"
)
OBJECTS = _words(
    "book letter ticket flower lamp coat map coin key ball gift card photo pen bottle hat candle sandwich camera "
    "watch cup knife phone guitar bag rope jacket towel mirror"
)
TEMPLATES = (
    "While {a} and {b} waited near the {place}, {s} lent a {thing} to",
    "Because {a} and {b} lived by the {place}, {s} brought the {thing} to",
    "After {a} and {b} left the old {place}, {s} handed the {thing} to",
    "Once {a} and {b} got to the {place}, {s} passed a {thing} to",
    "Since {a} and {b} worked in the {place}, {s} sent a {thing} to",
    "As {a} and {b} walked past the {place}, {s} threw the {thing} to",
    "Before {a} and {b} closed up the {place}, {s} offered a {thing} to",
    "Until {a} and {b} opened the new {place}, {s} showed the {thing} to",
)
SPANS = _words(
    "war siege reign strike drought voyage trial truce famine exile feud plague rebellion crisis marriage festival "
    "boycott occupation partnership tour debate blockade migration alliance mission silence dictatorship project "
    "search retreat pursuit revolt uprising ban survey treaty lease monopoly"
)
CENTURIES = ("16", "17")
"""GPT-2's tokenizer cuts every year of these from 01 on into century and rest, and not so every year of others."""

SPAN_TEMPLATE = "The {span} lasted from the year {century}{year} to the year {century}"
NORMAL_YEAR, FIRST_YEAR, LAST_YEAR = 1, 5, 94


def pairs(task: str, count: int, seed: int) -> list[TaskPair]:
    """`count` different pairs of the task. Raises ConfigError for an unknown one."""
    if task not in GENERATORS:
        raise ConfigError("unknown_scenario", name=task, known=", ".join(GENERATORS))
    random = Random(f"gpt2 {task} {seed}")
    drawn: dict[tuple[str, str], TaskPair] = {}
    while len(drawn) < count:
        pair = GENERATORS[task](random)
        drawn.setdefault((pair.anomalous, pair.normal), pair)
    return list(drawn.values())


def _indirect_object(random: Random) -> TaskPair:
    first, second, third = random.sample(NAMES, 3)
    subject, other = random.sample([first, second], 2)
    slots = {"a": first, "b": second, "place": random.choice(PLACES), "thing": random.choice(OBJECTS)}
    template = random.choice(TEMPLATES)
    return TaskPair(
        task="indirect-object",
        anomalous=template.format(s=subject, **slots),
        normal=template.format(s=third, **slots),
        expected=other,
        actual=subject,
        good=(other,),
        bad=(subject,),
        fitting=(first, second),
    )


def _greater_than(random: Random) -> TaskPair:
    year = random.randint(FIRST_YEAR, LAST_YEAR)
    slots = {"span": random.choice(SPANS), "century": random.choice(CENTURIES)}
    good, bad = tuple(YEARS[year + 1 :]), tuple(YEARS[NORMAL_YEAR + 1 : year + 1])
    return TaskPair(
        task="greater-than",
        anomalous=SPAN_TEMPLATE.format(year=YEARS[year], **slots),
        normal=SPAN_TEMPLATE.format(year=YEARS[NORMAL_YEAR], **slots),
        expected=random.choice(good),
        actual=random.choice(bad),
        good=good,
        bad=bad,
        fitting=tuple(YEARS[NORMAL_YEAR + 1 :]),
    )


GENERATORS: dict[str, Callable[[Random], TaskPair]] = {
    "indirect-object": _indirect_object,
    "greater-than": _greater_than,
}
