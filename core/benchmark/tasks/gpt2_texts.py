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

from core.scenarios.build.tasks import TaskPair, closing_year, different_pairs, repeated_name, word_lists

_LISTS = word_lists(__file__)
NAMES, PLACES, OBJECTS, SPANS, TEMPLATES = (
    _LISTS[name] for name in ("names", "places", "objects", "spans", "templates")
)
CENTURIES = ("16", "17")
"""GPT-2's tokenizer cuts every year of these from 01 on into century and rest, and not so every year of others."""

SPAN_TEMPLATE = "The {span} lasted from the year {century}{year} to the year {century}"


def pairs(task: str, count: int, seed: int) -> list[TaskPair]:
    """`count` different pairs of the task. Raises ConfigError for an unknown one."""
    return different_pairs(GENERATORS, task, count, f"gpt2 {task} {seed}")


def _indirect_object(random: Random) -> TaskPair:
    names = random.sample(NAMES, 3)
    subject, _ = random.sample(names[:2], 2)
    place, thing = random.choice(PLACES), random.choice(OBJECTS)
    return repeated_name(random.choice(TEMPLATES), names, subject, place, thing)


def _greater_than(random: Random) -> TaskPair:
    return closing_year(random, SPAN_TEMPLATE, SPANS, CENTURIES)


GENERATORS: dict[str, Callable[[Random], TaskPair]] = {
    "indirect-object": _indirect_object,
    "greater-than": _greater_than,
}
