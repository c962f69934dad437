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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from core.errors import ConfigError


def _words(text: str) -> list[str]:
    return text.split()


NAMES = _words(
    "Alice Anna Ben Carl Clara David Emma Eric Eva Frank Fred George Grace Helen Henry Ida Jack James "
    "Jane John Julia Karl Kate Laura Leo Lucy Maria Mark Mary Max Nina Nora Oscar Otto Paul Peter Rose "
    "Ruth Sam Sara Simon Thomas Tom Vera"
)
PLACES = _words(
    "store park school office station garden harbour library market museum theatre kitchen hospital bakery"
)
OBJECTS = _words("drink book ring letter basket ticket flower lamp cup coat map coin key ball")
SPANS = _words("war siege reign strike drought voyage trial truce famine exile feud plague")
FUNCTIONS = _words("port scan merge train parse build fetch render split join")
WORDS = _words(
    "load size files last value path shape index label state field token model cache limit order mode "
    "root node tree frame color point group level scale speed depth width angle range table column "
    "queue stack block chunk batch layer image"
)
PLANTED_WORDS = _words(
    "apple bread chair cloud dance earth field fruit glass grass horse house knife lemon metal money mouse "
    "night ocean paper piano plant river sheep shirt smoke snake stone table water"
)
PLANTED = "planted-induction"
CENTURIES = [f"{century}" for century in range(13, 19)]
YEARS = [f"{year:02d}" for year in range(100)]
_TEMPLATES = (
    "When {a} and {b} went to the {place}, {s} gave a {thing} to",
    "After {a} and {b} met at the {place}, {s} passed the {thing} to",
    "While {a} and {b} worked in the {place}, {s} handed the {thing} to",
    "Once {a} and {b} arrived at the {place}, {s} offered a {thing} to",
    "Since {a} and {b} lived near the {place}, {s} brought the {thing} to",
    "Before {a} and {b} left for the {place}, {s} showed a {thing} to",
)
_SPAN_TEMPLATE = "The {span} lasted from the year {century} {year} to the year {century}"
_FIRST_YEAR, _LAST_YEAR = 5, 94
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
    first, second, third = random.sample(NAMES, 3)
    template = random.choice(_TEMPLATES)
    subject, other = random.sample([first, second], 2)
    slots = {"a": first, "b": second, "place": random.choice(PLACES), "thing": random.choice(OBJECTS)}
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
    year = random.randint(_FIRST_YEAR, _LAST_YEAR)
    slots = {"span": random.choice(SPANS), "century": random.choice(CENTURIES)}
    good, bad = tuple(YEARS[year + 1 :]), tuple(YEARS[2 : year + 1])
    return TaskPair(
        task="greater-than",
        anomalous=_SPAN_TEMPLATE.format(year=YEARS[year], **slots),
        normal=_SPAN_TEMPLATE.format(year=YEARS[1], **slots),
        expected=random.choice(good),
        actual=random.choice(bad),
        good=good,
        bad=bad,
        fitting=tuple(YEARS[2:]),
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
    bad = tuple(name for name in signature if name != answer)
    return TaskPair(
        task="docstring",
        anomalous=docstring_text(function, signature, documented, notes),
        normal=docstring_text(function, fresh, documented, notes),
        expected=answer,
        actual=signature[-1],
        good=(answer,),
        bad=bad,
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


def _planted(random: Random) -> TaskPair:
    return _induction(random, PLANTED, PLANTED_WORDS)


_GENERATORS: dict[str, Callable[[Random], TaskPair]] = {
    "indirect-object": _indirect_object,
    "greater-than": _greater_than,
    "docstring": _docstring,
    "induction": _induction,
    PLANTED: _planted,
}
TASKS = tuple(task for task in _GENERATORS if task != PLANTED)


def pairs(task: str, count: int, seed: int) -> list[TaskPair]:
    """`count` different pairs of the task. Raises ConfigError for an unknown task."""
    if task not in _GENERATORS:
        raise ConfigError("unknown_scenario", name=task, known=", ".join(_GENERATORS))
    random = Random(f"{task} {seed}")
    found: dict[tuple[str, str], TaskPair] = {}
    while len(found) < count:
        pair = _GENERATORS[task](random)
        found.setdefault((pair.anomalous, pair.normal), pair)
    return list(found.values())


def vocabulary() -> list[str]:
    """Every word of the four tasks, in a fixed order, after the two special tokens."""
    fixed = _words(
        "When After While Once Since Before and went to the gave a met at passed worked in handed arrived "
        "offered lived near brought left for showed The lasted from year def param self ( , ): : ."
    )
    parts = (fixed, NAMES, PLACES, OBJECTS, SPANS, YEARS, FUNCTIONS, WORDS)
    return ["<unk>", "<pad>", *dict.fromkeys(word for part in parts for word in part)]
