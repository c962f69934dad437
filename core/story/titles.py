"""Short names of heads and MLP blocks in the reader's language, and what the standard roles are called and mean.

A head is named by what it does: `yesterday → Legal` where it reads a word and pushes an answer by itself, else by its
standard role, else by the word that it reads. At most LONGEST characters wide, where letters of full width count twice.
"""

from collections.abc import Sequence

from core.schema import Answer, Mechanism, MechanismsRecord, SeenWord
from core.text import text
from core.text.folding import columns

LONGEST = 24
LEAST_SHARE, LEAST_SEEN = 0.3, 0.4
"""Share of attention of a word where it stands, and of all such words over the anomalous texts, that name a head."""
MOST_WORDS = 3
FEW_ANSWERS = 2
"""Wrong answers up to which one of them names a head; more say that each text has its own."""
LEAST_PUSH = 0.5
"""The same of the push of an answer: as a share of the largest push of any unit."""
TELLING = ("induction", "copying", "negative", "previous_token", "duplicate_token")
"""Roles that name a head whatever the words are; the others say where it rests."""


def title(record: MechanismsRecord, name: str, language: str) -> str:
    """What this unit does in few words; its layer for an MLP block, empty where nothing is known of it."""
    unit = record.units.get(name)
    if unit is None:
        return ""
    if unit.unit == "mlp":
        return text(language, "mechanism.mlp", layer=unit.layer)
    words, answer = _seen(unit), _pushed(record, name, language)
    if unit.role in TELLING and len(_ups(record)) > FEW_ANSWERS:
        return text(language, f"role.{unit.role}")
    if words and answer:
        return _fitting(language, "pushes", words, answer)
    if unit.role in TELLING:
        return text(language, f"role.{unit.role}")
    if words:
        return _fitting(language, "reads", words)
    if answer:
        return _fitting(language, "answers", [""], answer)
    return text(language, f"role.{unit.role}") if unit.role else ""


def role_name(role: str, language: str) -> str:
    """What a standard role is called; `no known role` for an empty one."""
    return text(language, f"role.{role or 'none'}")


def role_meaning(role: str, language: str) -> str:
    """One line on what a head of this role does."""
    return text(language, f"role.{role or 'none'}_meaning")


def word_name(seen: SeenWord, language: str) -> str:
    """A word as it is named in a sentence; what stands at the beginning of texts is named so."""
    start = text(language, "mechanism.start")
    if seen.kind == "first":
        return text(language, "mechanism.at_start", word=seen.word, start=start)
    return start if seen.kind == "special" else seen.word


def _seen(unit: Mechanism) -> list[str]:
    """The words that the head looks at where they stand, if together they take enough over all texts."""
    here = unit.place.split(", ")  # a head that looks at its own place reads no other word
    words = [
        word
        for word in unit.looks_at
        if word.kind == "word" and word.share >= LEAST_SHARE and word.word not in here
    ]
    return [word.word for word in words] if sum(word.overall for word in words) >= LEAST_SEEN else []


def _ups(record: MechanismsRecord) -> list[Answer]:
    """The answers that the fault makes likelier."""
    return [answer for answer in record.answers if answer.direction == "up"]


def _pushed(record: MechanismsRecord, name: str, language: str) -> str:
    """The answer that the unit makes likelier by itself; where each text has another one, the wrong answer as such."""
    largest = max((abs(push) for answer in record.answers for push in answer.pushes.values()), default=0.0)
    ups = [answer for answer in _ups(record) if name in answer.pushes]
    if not ups or not largest:
        return ""
    best = max(ups, key=lambda answer: answer.pushes[name])
    mean = sum(answer.pushes[name] for answer in ups) / len(ups)
    strength = best.pushes[name] if len(ups) <= FEW_ANSWERS else mean
    if strength < LEAST_PUSH * largest:
        return ""
    return best.word if len(ups) <= FEW_ANSWERS else text(language, "mechanism.wrong")


def _fitting(language: str, key: str, words: Sequence[str], answer: str = "") -> str:
    """The text with as many of the words as fit; a single one that is too long is shortened, and so is the answer."""
    comma = text(language, "circuit.comma")
    for count in range(min(MOST_WORDS, len(words)), 0, -1):
        shown = text(language, f"mechanism.{key}", word=comma.join(words[:count]), answer=answer)
        if columns(shown) <= LONGEST:
            return shown
    parts = {"word": words[0], "answer": answer}
    while columns(shown := text(language, f"mechanism.{key}", **parts)) > LONGEST:
        longest = max(parts, key=lambda part: columns(parts[part]))
        parts[longest] = f"{parts[longest].rstrip('…')[:-1]}…"
    return shown
