"""The verdict: what goes wrong, which heads do it, what helps and at what price, and how sure that is.

1. The headline counts the confirmed heads that work towards the fault. It says that they make the model answer so only
   where changing all of them together was measured to take at least half of the gap away, on at least half of the
   texts, and nothing speaks against them; otherwise it says that they push the texts there, and what share they carry.
2. What helps is what was tried: heads switched off, the texts at fault and the texts still right, before and after.
3. Trust is the level of the run with the one reason that decided it.

Nothing here rests on the check of the circuit but what helps: headline and trust stand when an analysis ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from core.runs.facts import Facts
from core.schema import Note
from core.text import listed, number, percent, text

HALF = 0.5
_NOTHING = ("no_candidates", "no_difference", "untested", "none_confirmed")
"""Reasons of runs that show no cause."""
_WITHOUT = {"none": "no_candidates", "no_difference": "no_difference", "untested": "untested"}
"""The reason by state where a run measured no trust."""
_AGAINST = (
    "joint_little",
    "joint_random",
    "joint_other_heads",
    "joint_not_heads",
    "same_answer",
    "untested_strong",
)
"""Reasons that speak against the statement that the confirmed heads carry the behaviour."""
_MISSED = (
    "too_few",
    "few",
    "held_out_low",
    "unsteady",
    "varied",
    "made_partners",
    "held_out_unknown",
    "joint_unknown",
)
"""Reasons that keep the trust from being high, the one that says most first."""

Level = Literal["high", "medium", "low", "none", "unknown"]
Ending = Literal["ends", "reduces", "fails", "unjudged"]


@dataclass(frozen=True)
class Trust:
    """How far to trust a run: its level (`unknown` for older runs), the reason that decided it, what to do about it.

    `advice` is empty where the trust is high.
    """

    level: Level
    word: str
    reason: str
    advice: str = ""


@dataclass(frozen=True)
class Remedy:
    """Heads that were switched off, and how many texts were at fault and still right, before and after.

    Where the answers of the texts are not known, `before` and `after` count texts whose next words stay the same.
    """

    heads: tuple[str, ...]
    ending: Ending
    fault_before: int
    fault_after: int
    anomalous: int
    right_before: int
    right_after: int
    normal: int

    @property
    def harms(self) -> bool:
        """Whether normal texts are worse off than before."""
        return self.right_after < self.right_before


def headline(facts: Facts, examples: pd.DataFrame, language: str) -> str:
    """The finding in one short sentence; `examples` are those of examples.csv, for the wrong answer."""
    if facts.state != "tested":
        return _untested(facts, language)
    confirmed = facts.tested[facts.tested["verdict"] == "confirmed"]
    towards, against = confirmed[confirmed["effect"] > 0], confirmed[confirmed["effect"] < 0]
    if confirmed.empty:
        return text(language, "verdict.unconfirmed")
    if towards.empty:
        return _counted("against", len(against), language)
    answer = wrong_answer(examples)
    strength = "makes" if carries(facts) else "pushes"
    kind = "answer" if answer else "wrong" if _at_fault(examples) else "differs"
    joint = facts.manifest.evidence_about.joint
    share = joint.removed if joint and strength == "pushes" and joint.removed is not None else None
    if share is not None and share < HALF:
        strength = "part"
    word = text(language, "partners.word", word=answer)
    return _counted(f"{strength}_{kind}", len(towards), language, answer=word, share=percent(share))


def carries(facts: Facts) -> bool:
    """Whether the confirmed heads together were measured to carry at least half of the fault, on half of the texts."""
    joint = facts.manifest.evidence_about.joint
    if joint is None or joint.removed is None:
        return False
    doubted = any(reason.key in _AGAINST for reason in _reasons(facts))
    return joint.removed >= HALF and joint.gone >= HALF * joint.texts and not doubted


def wrong_answer(examples: pd.DataFrame) -> str:
    """What the model wrongly says on the anomalous texts; empty where that differs, or is not known."""
    answers = {str(answer).strip() for answer in _at_fault(examples)}
    return answers.pop() if len(answers) == 1 else ""


def remedy(facts: Facts) -> Remedy | None:
    """What was switched off, and what that did; None where nothing was tried."""
    trial = facts.circuit and facts.circuit.before_after
    if not trial or not trial.heads:
        return None
    bad, good = trial.counts["anomalous"], trial.counts["normal"]
    if not (bad.judged and good.judged and bad.fault_before):  # no text at fault, nothing to mend
        return Remedy(
            trial.heads, "unjudged", bad.texts, bad.same, bad.texts, good.texts, good.same, good.texts
        )
    ending: Ending = (
        "ends" if not bad.fault_after else "reduces" if bad.fault_after < bad.fault_before else "fails"
    )
    faults = bad.fault_before, bad.fault_after, bad.judged
    return Remedy(trial.heads, ending, *faults, good.right_before, good.right_after, good.judged)


def helps(facts: Facts, language: str) -> str:
    """What helps and at what price, in one sentence; empty where nothing was tried."""
    tried = remedy(facts)
    if tried is None:
        return ""
    if tried.ending == "unjudged":
        changed, harmed = tried.anomalous - tried.fault_after, tried.normal - tried.right_after
        counts = {"changed": changed, "anomalous": tried.anomalous, "harmed": harmed, "normal": tried.normal}
        return text(language, "verdict.helps_unjudged", heads=listed(language, tried.heads), **counts)
    counts = {"before": tried.fault_before, "after": tried.fault_after, "anomalous": tried.anomalous}
    counts |= {"right": tried.right_after, "right_before": tried.right_before, "normal": tried.normal}
    price = text(language, f"verdict.price{'_harm' if tried.harms else ''}", **counts)
    return text(
        language, f"verdict.helps_{tried.ending}", heads=listed(language, tried.heads), price=price, **counts
    )


def advises(facts: Facts, language: str) -> str:
    """What helps without the counts, and what it costs if it does, for a page that shows the counts beside it."""
    tried = remedy(facts)
    if tried is None or tried.ending == "unjudged":
        return helps(facts, language)
    short = text(language, f"verdict.{tried.ending}", heads=listed(language, tried.heads))
    return short + text(language, "verdict.harms" if tried.harms else "verdict.harmless")


def trust(facts: Facts, language: str) -> Trust:
    """How far to trust the run, with the reason that decided it."""
    judged = facts.manifest.stability and facts.manifest.stability.confidence
    if not judged or not judged.reasons:
        key = _WITHOUT.get(facts.state, "unknown")
        advice = text(language, f"verdict.do_{_remedied_by(key)}") if facts.state in _WITHOUT else ""
        return Trust(
            "unknown", text(language, "verdict.trust_unknown"), text(language, f"verdict.why_{key}"), advice
        )
    reason = _deciding(judged.reasons)
    values = {key: _shown(key, value) for key, value in reason.values.items()}
    why = text(language, f"verdict.why_{reason.key}", **values)
    advice = "" if judged.level == "high" else text(language, f"verdict.do_{_remedied_by(reason.key)}")
    return Trust(judged.level, text(language, f"verdict.trust_{judged.level}"), why, advice)


def _untested(facts: Facts, language: str) -> str:
    """The headline of a run in which nothing was tested, or nothing stands out."""
    if facts.state == "untested":
        return _counted("untested", len(facts.candidates), language)
    if facts.state == "none":
        return text(language, "verdict.none")
    chance = any(note.key == "evidence_chance" for note in facts.manifest.notes)
    return text(language, "verdict.chance" if chance else "verdict.no_difference")


def _counted(key: str, count: int, language: str, **values: object) -> str:
    """A headline that begins with a number of heads, in words where the language writes small ones so."""
    words = text(language, "verdict.numbers").split("|")
    shown = words[count] if count < len(words) else str(count)
    form = "one" if count == 1 else "other"
    heads = text(language, f"verdict.heads_{form}", count=shown)
    return text(language, f"verdict.{key}_{form}", heads=heads, **values)


def _at_fault(examples: pd.DataFrame) -> list[str]:
    """The wrong answers of the anomalous texts on which the model gives one; empty where that is less than half."""
    anomalous = examples[examples["label"] == "anomalous"]
    if "verdict" not in anomalous or "actual" not in anomalous:
        return []
    wrong = anomalous[anomalous["verdict"] == "fault"]
    answers = [answer for answer in wrong["actual"].astype(str) if answer.strip()]
    return answers if len(answers) >= HALF * len(anomalous) else []


def _reasons(facts: Facts) -> Sequence[Note]:
    judged = facts.manifest.stability and facts.manifest.stability.confidence
    return judged.reasons if judged else ()


def _deciding(reasons: Sequence[Note]) -> Note:
    """The reason that kept the trust from being higher; for a high one, that it holds on texts left out."""
    by_key = {reason.key: reason for reason in reasons}
    wanted = (*_NOTHING, *_AGAINST, *_MISSED, "held_out")
    return next((by_key[key] for key in wanted if key in by_key), reasons[0])


def _remedied_by(reason: str) -> str:
    """What can be done about a reason: other texts, more of them, own partners, or a look at other parts."""
    groups = {
        "more": ("too_few", "few", "none_confirmed", "held_out_low", "unsteady", "held_out_unknown"),
        "texts": ("no_candidates", "no_difference", "same_answer", "varied"),
        "partners": ("made_partners",),
        "evidence": ("untested", "untested_strong"),
    }
    return next((name for name, keys in groups.items() if reason in keys), "parts")


def _shown(name: str, value: str | int | float | None) -> str:
    """A value of a reason: shares and overlaps as percentages."""
    if isinstance(value, str):
        return value
    return percent(value) if name.endswith("share") or name in ("jaccard", "bar") else number(value)
