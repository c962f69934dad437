"""Behaviours of SmolLM2-135M-Instruct, a chat model, on plain text.

- `indirect-object`: two names, one of them comes again; the other follows (Wang 2022). In the normal text a third name
  stands in its place, so that both fit.
- `repeated-words`: a line of random words comes for the fourth time; its next word follows (Olsson 2022). In the normal
  text the lines in front have other words, none of them twice.
- `other-argument`: a function of two arguments returns the first and another; the second follows. In the normal text a
  third word stands in the place of the first.

Pure Python and seeded.
"""

from random import Random

from core.benchmark.tasks.real.drawing import Generator
from core.scenarios.build.tasks import TaskPair, repeated_name, word_lists

LISTS = word_lists(__file__)
WOMEN, MEN, PLACES, OBJECTS, WORDS = (LISTS[name] for name in ("women", "men", "places", "objects", "words"))
_LENGTHS, _TIMES = (3, 4), 3
"""Words of a line, and how often it comes before it is begun once more."""


def _indirect_object(random: Random) -> TaskPair:
    names = random.sample([*WOMEN, *MEN], 3)
    place, thing = random.choice(PLACES), random.choice(OBJECTS)
    return repeated_name(random.choice(LISTS["templates"]), names, random.choice(names[:2]), place, thing)


def _repeated_words(random: Random) -> TaskPair:
    length = random.choice(_LENGTHS)
    words = random.sample(WORDS, length * (_TIMES + 1))
    line, others = words[:length], words[length:]
    begun = random.randint(2, length - 1)
    last = " ".join(line[:begun])
    same = [" ".join(line)] * _TIMES
    new = [" ".join(others[first : first + length]) for first in range(0, len(others), length)]
    answer, wrong = line[begun], random.choice(others)
    texts = "\n".join([*same, last]), "\n".join([*new, last])
    return TaskPair("repeated-words", *texts, answer, wrong, (answer,), (wrong,), (wrong,))


def _other_argument(random: Random) -> TaskPair:
    first, second, third = random.sample(LISTS["letters"], 3)
    head = f"def {random.choice(LISTS['functions'])}({first}, {second}):\n    return "
    texts = f"{head}{first} +", f"{head}{third} +"
    return TaskPair("other-argument", *texts, second, first, (second,), (first,), (first, second))


GENERATORS: dict[str, Generator] = {
    "indirect-object": _indirect_object,
    "repeated-words": _repeated_words,
    "other-argument": _other_argument,
}
