"""Behaviours of stories260K, a model of 260,032 parameters that writes children's stories.

- `pronoun-by-name`: a sentence about a girl, by name; the next one begins with “She”. The normal text has a boy's name.
- `pronoun-of-two`: two do something together (“and”); the next sentence begins with “They”. In the normal text one
  does it “with” the other.
- `name-begun`: someone's name, and later its first letter; the rest of the name follows. In the normal text someone of
  another initial was named, so that the letter may begin any name.
- `animal-named-again`: an animal was seen; after “The” it follows. The normal text has another animal. Both sides do
  the same with other words, so that only the words given tell the sides apart.

Pure Python and seeded. Whether both texts of a pair have as many tokens is looked at where they are drawn
(`core.benchmark.tasks.real.drawing`).
"""

from random import Random

from core.benchmark.tasks.real.drawing import Generator
from core.scenarios.build.tasks import TaskPair, word_lists

_LISTS = word_lists(__file__)
GIRLS, BOYS, ANIMALS, PLACES, STATES = (
    _LISTS[name] for name in ("girls", "boys", "animals", "places", "states")
)
NAMES = [*GIRLS, *BOYS]


def _filled(random: Random, template: str, **slots: str) -> str:
    """The template with these words, the others drawn; fields that it lacks are left out."""
    drawn = {"place": random.choice(PLACES), "state": random.choice(STATES), "animal": random.choice(ANIMALS)}
    return template.format(**{**drawn, **slots})


def _both(
    random: Random, template: str, anomalous: dict[str, str], normal: dict[str, str]
) -> tuple[str, str]:
    """The two texts of a pair: the same words drawn, and those that are given of each."""
    seed = random.random()
    return _filled(Random(seed), template, **anomalous), _filled(Random(seed), template, **normal)


def _pronoun_by_name(random: Random) -> TaskPair:
    template = random.choice(_LISTS["sentences"])
    texts = _both(random, template, {"name": random.choice(GIRLS)}, {"name": random.choice(BOYS)})
    return TaskPair("pronoun-by-name", *texts, "She", "He", ("She",), ("He",), ("He",))


def _pronoun_of_two(random: Random) -> TaskPair:
    template, side = random.choice(_LISTS["together"]), random.choice((GIRLS, BOYS))
    name = random.choice(side)
    other = random.choice([one for one in NAMES if one != name])
    alone = "She" if side is GIRLS else "He"
    named = {"name": name, "other": other}
    texts = _both(random, template, {**named, "joined": "and"}, {**named, "joined": "with"})
    return TaskPair("pronoun-of-two", *texts, "They", alone, ("They",), (alone,), (alone,))


def _name_begun(random: Random) -> TaskPair:
    template, name = random.choice(_LISTS["introductions"]), random.choice(NAMES)
    alike = [one for one in NAMES if one[0] == name[0] and one[1] != name[1]]
    if not alike:
        return _name_begun(random)
    same_kind = GIRLS if name in GIRLS else BOYS
    normal = random.choice([one for one in same_kind if one[0] != name[0]])
    kind = "girl" if name in GIRLS else "boy"
    texts = _both(random, template, {"name": name, "kind": kind}, {"name": normal, "kind": kind})
    begun = texts[0] + name[0], texts[1] + name[0]
    rest, other = name[1:], random.choice(alike)[1:]
    return TaskPair("name-begun", *begun, rest, other, (rest,), (other,), (other,))


def _animal_named_again(random: Random) -> TaskPair:
    template, animal = random.choice(_LISTS["sightings"]), random.choice(ANIMALS)
    other = random.choice([one for one in ANIMALS if one[0] != animal[0]])
    name = random.choice(NAMES)
    texts = _both(random, template, {"animal": animal, "name": name}, {"animal": other, "name": name})
    return TaskPair("animal-named-again", *texts, animal, other, (animal,), (other,), (other,))


GENERATORS: dict[str, Generator] = {
    "pronoun-by-name": _pronoun_by_name,
    "pronoun-of-two": _pronoun_of_two,
    "name-begun": _name_begun,
    "animal-named-again": _animal_named_again,
}
BY_WORDS_ALONE = ("animal-named-again",)
"""Behaviours whose sides only the words given tell apart."""
