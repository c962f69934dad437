"""Generators of paired texts for four small tasks whose circuits are known from the literature.

Every pair has an anomalous text, which calls the behaviour up, and a normal text of the same number of
tokens, which differs from it only in the words named below:

- `indirect-object`: two names, one of them comes again; the other name must follow (Wang 2022). The normal
  text has a third name in place of the repeated one, so both first names fit equally well.
- `greater-than`: a span of years in one century; the closing year must be greater (Hanna 2023). The normal
  text opens with the year 01, after which every later year fits.
- `docstring`: parameters documented in the order of the signature; the next parameter must follow
  (Heimersheim & Janiak 2023). The normal text has fresh names in the signature, so nothing can be copied.
- `induction`: random words, the last of which occurred before; its old successor must follow (Olsson 2022).
  In the normal text another word stands at the first occurrence. `planted-induction` is the same with other
  words.

Pure Python and seeded: the same task, count and seed give the same pairs.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from core.errors import ConfigError


def word_lists(module: str) -> dict[str, list[str]]:
    """The lists of the TOML file beside a module's file, by name; a text there is a list of words."""
    content = tomllib.loads(Path(module).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: value.split() if isinstance(value, str) else value for name, value in content.items()}


_LISTS = word_lists(__file__)
NAMES, PLACES, OBJECTS, SPANS, FUNCTIONS, WORDS, PLANTED_WORDS = (
    _LISTS[name] for name in ("names", "places", "objects", "spans", "functions", "words", "planted_words")
)
PLANTED = "planted-induction"
CENTURIES = [f"{century}" for century in range(13, 19)]
YEARS = [f"{year:02d}" for year in range(100)]
_SPAN_TEMPLATE = "The {span} lasted from the year {century} {year} to the year {century}"
_NORMAL_YEAR, _FIRST_YEAR, _LAST_YEAR = 1, 5, 94
_PARAMETERS, _DOCUMENTED = 4, 2
_SEQUENCE = 12


@dataclass(frozen=True)
class TaskPair:
    """One anomalous and one normal text with the words that measure the behaviour at their last position.

    `expected` is a right next word of the anomalous text, `actual` a word that the normal text would allow
    just as well: logit(expected) - logit(actual) is high on the anomalous text only. `good` and `bad` are the
    whole sets of such words, for the mean logit difference. `fitting` are the words that fit the normal text,
    all equally well.
    """

    task: str
    anomalous: str
    normal: str
    expected: str
    actual: str
    good: tuple[str, ...]
    bad: tuple[str, ...]
    fitting: tuple[str, ...]


def _indirect_object(random: Random) -> TaskPair:
    names, template = random.sample(NAMES, 3), random.choice(_LISTS["templates"])
    subject, _ = random.sample(names[:2], 2)
    return repeated_name(template, names, subject, random.choice(PLACES), random.choice(OBJECTS))


def repeated_name(template: str, names: Sequence[str], subject: str, place: str, thing: str) -> TaskPair:
    """A pair of indirect-object: two of the three names stand first, and `subject` comes again."""
    first, second, third = names
    other = second if subject == first else first
    slots = {"a": first, "b": second, "place": place, "thing": thing}
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
    return closing_year(random, _SPAN_TEMPLATE, SPANS, CENTURIES)


def closing_year(random: Random, template: str, spans: Sequence[str], centuries: Sequence[str]) -> TaskPair:
    """A pair of greater-than in the words given."""
    year = random.randint(_FIRST_YEAR, _LAST_YEAR)
    slots = {"span": random.choice(spans), "century": random.choice(centuries)}
    good, fitting = tuple(YEARS[year + 1 :]), tuple(YEARS[_NORMAL_YEAR + 1 :])
    bad = tuple(YEARS[_NORMAL_YEAR + 1 : year + 1])
    return TaskPair(
        task="greater-than",
        anomalous=template.format(year=YEARS[year], **slots),
        normal=template.format(year=YEARS[_NORMAL_YEAR], **slots),
        expected=random.choice(good),
        actual=random.choice(bad),
        good=good,
        bad=bad,
        fitting=fitting,
    )


def docstring_text(function: str, signature: list[str], documented: list[str], notes: list[str]) -> str:
    """A signature and the documentation of its first parameters, ending where the next parameter is due."""
    lines = " ".join(f"param {name}: {note}" for name, note in zip(documented, notes, strict=True))
    return f"def {function}(self, {', '.join(signature)}): {lines} param"


def _docstring(random: Random) -> TaskPair:
    words = random.sample(WORDS, 2 * _PARAMETERS + _DOCUMENTED)
    signature, fresh = words[:_PARAMETERS], words[_PARAMETERS : 2 * _PARAMETERS]
    notes = words[2 * _PARAMETERS :]
    function, documented = random.choice(FUNCTIONS), signature[:_DOCUMENTED]
    answer = signature[_DOCUMENTED]
    return TaskPair(
        task="docstring",
        anomalous=docstring_text(function, signature, documented, notes),
        normal=docstring_text(function, fresh, documented, notes),
        expected=answer,
        actual=signature[-1],
        good=(answer,),
        bad=tuple(name for name in signature if name != answer),
        fitting=tuple(WORDS),
    )


def _induction(random: Random, task: str = "induction", known: Sequence[str] = WORDS) -> TaskPair:
    words = random.sample(known, _SEQUENCE)
    spare, sequence = words[0], words[1:]
    place = random.randrange(len(sequence) - 2)
    repeated, answer = sequence[place], sequence[place + 1]
    broken = [*sequence[:place], spare, *sequence[place + 1 :]]
    bad = tuple(word for word in sequence if word not in (repeated, answer))
    return TaskPair(
        task=task,
        anomalous=" ".join([*sequence, repeated]),
        normal=" ".join([*broken, repeated]),
        expected=answer,
        actual=random.choice(bad),
        good=(answer,),
        bad=bad,
        fitting=tuple(known),
    )


_GENERATORS: dict[str, Callable[[Random], TaskPair]] = {
    "indirect-object": _indirect_object,
    "greater-than": _greater_than,
    "docstring": _docstring,
    "induction": _induction,
    PLANTED: partial(_induction, task=PLANTED, known=PLANTED_WORDS),
}
TASKS = tuple(task for task in _GENERATORS if task != PLANTED)


def pairs(task: str, count: int, seed: int) -> list[TaskPair]:
    """`count` different pairs of the task. Raises ConfigError for an unknown task."""
    return different_pairs(_GENERATORS, task, count, f"{task} {seed}")


def different_pairs(
    generators: Mapping[str, Callable[[Random], TaskPair]], task: str, count: int, seed: str
) -> list[TaskPair]:
    """`count` different pairs by the task's generator; raises ConfigError for a task that has none."""
    if task not in generators:
        raise ConfigError("unknown_scenario", name=task, known=", ".join(generators))
    random = Random(seed)
    drawn: dict[tuple[str, str], TaskPair] = {}
    while len(drawn) < count:
        pair = generators[task](random)
        drawn.setdefault((pair.anomalous, pair.normal), pair)
    return list(drawn.values())


def vocabulary() -> list[str]:
    """Every word of the four tasks, in a fixed order, after the two special tokens."""
    parts = (_LISTS["fixed"], NAMES, PLACES, OBJECTS, SPANS, YEARS, FUNCTIONS, WORDS)
    return ["<unk>", "<pad>", *dict.fromkeys(word for part in parts for word in part)]
