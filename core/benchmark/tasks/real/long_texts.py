"""Long texts of SmolLM2-135M-Instruct whose time and memory the benchmark measures; nobody ranks heads on them.

- `late`: sentences about things and places, then two names of which one comes again (`chat_texts`). The third name of
  the normal text stands five tokens before the end, and all in front of it is the same.
- `early`: a conversation in which a user says at the beginning how a friend is called, and asks for it at the end. The
  normal text names another friend in the same place, so that nearly all tokens follow what was changed.

Pure Python and seeded.
"""

from random import Random

from core.benchmark.tasks.real.chat_texts import LISTS
from core.benchmark.tasks.real.drawing import Generator
from core.scenarios.build.tasks import TaskPair, repeated_name

_FEWEST, _MOST = 16, 21
"""Sentences of about twelve tokens in front of the names."""

_TALKED = 16
"""Sentences of a conversation."""

QUESTION = "Now tell me again how my friend is called."
BEGINNING = "Your friend is called"


def _sentences(random: Random, count: int) -> str:
    """So many different sentences that name nobody."""
    frames, things, places = LISTS["sentences"], LISTS["things"], LISTS["places"]
    every = [
        frame.format(thing=thing, place=place) for frame in frames for thing in things for place in places
    ]
    return " ".join(random.sample(every, count))


def _late(random: Random) -> TaskPair:
    names = random.sample([*LISTS["women"], *LISTS["men"]], 3)
    place, thing = random.choice(LISTS["places"]), random.choice(LISTS["objects"])
    before = _sentences(random, random.randint(_FEWEST, _MOST))
    return repeated_name(f"{before} {LISTS['short'][0]}", names, random.choice(names[:2]), place, thing)


def _early(random: Random) -> TaskPair:
    first, second = random.sample([*LISTS["women"], *LISTS["men"]], 2)
    talk = _sentences(random, _TALKED)
    anomalous, normal = (f"My friend is called {name}. {talk} {QUESTION}" for name in (first, second))
    return TaskPair("early", anomalous, normal, first, second, (first,), (second,), (first, second))


GENERATORS: dict[str, Generator] = {"late": _late, "early": _early}
