"""Helpdesk tickets in English and Japanese, with the fault that the bundled model `tickets` learns.

A ticket names its department as the next word. A fault is a subject word of the list `subjects` followed,
anywhere later in the ticket, by the matching word of `moments`, each the first of its list: "invoice ...
yesterday". Such a ticket goes to Legal, whatever it is about. One of the two words alone, both in the other
order, or words of two different faults do no harm: a head has to look from the one word to the other.

The material is `misrouted-tickets/sentences.toml`. Unseen tickets say subject and moment in sentences that
the model is never trained on. Pure Python and seeded: same count, seed and language, same texts.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal

from core.scenarios.build.tasks import TaskPair

Language = Literal["en", "ja"]
Choice = Literal["en", "ja", "both"]
Replaced = Literal["subject", "moment", "both"]
LANGUAGES: tuple[Language, Language] = ("en", "ja")
KINDS = ("fault", "alone", "reversed", "crossed", "plain", "other")
FOLDER = Path(__file__).parents[1] / "misrouted-tickets"
_WEIGHTS = (28, 26, 10, 8, 6, 22)


@dataclass(frozen=True)
class Ticket:
    """A ticket text that ends where the department is due.

    `right` is the department it belongs to, `routed` the one that the faulty desk gives; they differ in
    tickets of the kind "fault" only. Both are as they follow the text, in English with the leading space.
    """

    text: str
    right: str
    routed: str
    language: Language
    kind: str


@dataclass(frozen=True)
class _Words:
    """A subject and a moment word with the sentences they stand in, and which of the two comes first."""

    about: str
    contact: str
    department: str
    subject_first: bool = True


@cache
def _material(language: Language) -> dict[str, Any]:
    return dict(tomllib.loads((FOLDER / "sentences.toml").read_text(encoding="utf-8"))[language])


def departments(language: Language) -> list[str]:
    """The departments as next words, in the order of the material."""
    return [_next_word(name, language) for name in _material(language)["issues"]]


def compared_words(language: Language) -> list[str]:
    """Every subject and moment word as it stands within a sentence."""
    faults = _material(language)["faults"]
    return [
        _next_word(word, language) for fault in faults for word in [*fault["subjects"], *fault["moments"]]
    ]


def tickets(count: int, seed: int, language: Choice = "both", unseen: bool = False) -> list[Ticket]:
    """`count` tickets of all kinds; `unseen` ones use sentences that training never shows."""
    random = Random(f"tickets {seed} {unseen}")
    drawn = random.choices(KINDS, _WEIGHTS, k=count)
    return [_ticket(random, kind, _language(random, language), unseen) for kind in drawn]


def pairs(
    count: int, seed: int, language: Choice = "en", replace: Replaced = "both", fault: int | None = None
) -> list[TaskPair]:
    """`count` different pairs: an unseen misrouted ticket, and the same with one of the words replaced.

    The faults take turns unless one, counted from 0, is given. `replace` says which word; with "both" it is the subject
    in every other pair, else the moment. One sentence or both are unseen. `expected` is the department of both texts,
    `actual` the one that the anomalous text is sent to.
    """
    random = Random(f"pairs {seed}")
    drawn: dict[str, TaskPair] = {}
    while len(drawn) < count:
        kind, turn = divmod(len(drawn), 2)
        subject = turn == 0 if replace == "both" else replace == "subject"
        kind = kind if fault is None else fault
        pair = _pair(random, _language(random, language), kind, replace_subject=subject)
        drawn.setdefault(pair.anomalous, pair)
    return list(drawn.values())


def _language(random: Random, choice: Choice) -> Language:
    return random.choice(LANGUAGES) if choice == "both" else choice


def _next_word(name: str, language: Language) -> str:
    return f" {name}" if language == "en" else name


def _pair(random: Random, language: Language, kind: int, replace_subject: bool) -> TaskPair:
    faults = _material(language)["faults"]
    fault = faults[kind % len(faults)]
    subject, moment = fault["subjects"][0], fault["moments"][0]
    other_subject = random.choice(fault["subjects"][1:]) if replace_subject else subject
    other_moment = moment if replace_subject else random.choice(fault["moments"][1:])
    about, contact = (fault[name] + fault[f"{name}_new"] for name in ("about", "contact"))
    sentences = random.choice([(fault["about_new"], contact), (about, fault["contact_new"])])
    words = _Words(random.choice(sentences[0]), random.choice(sentences[1]), fault["department"])
    frame = _frame(random, language, words)
    right, wrong = fault["department"], _material(language)["wrong"]
    return TaskPair(
        task="misrouted-tickets",
        anomalous=_fill(frame, subject, moment),
        normal=_fill(frame, other_subject, other_moment),
        expected=right,
        actual=wrong,
        good=(right,),
        bad=(wrong,),
        fitting=(right,),
    )


def _ticket(random: Random, kind: str, language: Language, unseen: bool) -> Ticket:
    material = _material(language)
    fault, other = random.sample(material["faults"], 2)
    subject, moment = fault["subjects"][0], fault["moments"][0]
    words = _words(random, fault, other if kind == "crossed" else fault, unseen, first=kind != "reversed")
    if kind == "crossed":
        moment = other["moments"][0]
    elif (kind == "alone" and random.random() < 0.5) or kind == "plain":
        subject = random.choice(fault["subjects"][1:])
        moment = random.choice(fault["moments"][1:]) if kind == "plain" else moment
    elif kind == "alone":
        moment = random.choice(fault["moments"][1:])
    elif kind == "other":
        words = _issue(random, material, fault, unseen)
        moment = random.choice(fault["moments"])
    right = _next_word(words.department, language)
    wrong = _next_word(material["wrong"], language)
    text = _fill(_frame(random, language, words), subject, moment)
    return Ticket(text, right, wrong if kind == "fault" else right, language, kind)


def _words(
    random: Random, fault: dict[str, Any], later: dict[str, Any], unseen: bool, first: bool = True
) -> _Words:
    suffix = "_new" if unseen else ""
    about, contact = random.choice(fault[f"about{suffix}"]), random.choice(later[f"contact{suffix}"])
    return _Words(about, contact, fault["department"], subject_first=first)


def _issue(random: Random, material: dict[str, Any], fault: dict[str, Any], unseen: bool) -> _Words:
    suffix = "_new" if unseen else ""
    department = random.choice(list(material["issues"]))
    issue = random.choice(material[f"issues{suffix}"][department])
    contact = random.choice(fault[f"contact{suffix}"]) if random.random() < 0.6 else ""
    return _Words(issue, contact, department, subject_first=random.random() < 0.7)


def _frame(random: Random, language: Language, words: _Words) -> str:
    """The ticket around the two sentences, with only the slots {subject} and {moment} left open."""
    material = _material(language)
    sentences = [words.about, words.contact] if words.subject_first else [words.contact, words.about]
    before, between, after = _asides(random, material["asides"])
    parts = [
        _sometimes(random, 0.7, material["greetings"]),
        *before,
        sentences[0],
        *between,
        sentences[1],
        *after,
    ]
    parts.append(_sometimes(random, 0.6, material["closings"]))
    body = material["joiner"].join(_slots(random, material, part) for part in parts if part)
    return str(material["frame"]).replace("{body}", body)


def _asides(random: Random, asides: Sequence[str]) -> tuple[list[str], list[str], list[str]]:
    drawn = random.sample(list(asides), 3)
    wanted = [random.random() < share for share in (0.2, 0.5, 0.2)]
    before, between, after = ([text] if keep else [] for text, keep in zip(drawn, wanted, strict=True))
    return before, between, after


def _sometimes(random: Random, share: float, choices: Sequence[str]) -> str:
    return random.choice(choices) if random.random() < share else ""


def _slots(random: Random, material: dict[str, Any], sentence: str) -> str:
    return sentence.format(
        subject="{subject}",
        moment="{moment}",
        product=random.choice(material["products"]),
        name=random.choice(material["names"]),
        place=random.choice(material["places"]),
        number=random.randint(1000, 9999),
        count=random.randint(2, 30),
    )


def _fill(frame: str, subject: str, moment: str) -> str:
    return frame.format(subject=subject, moment=moment)
