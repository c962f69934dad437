"""What to do next, and what to say in the meeting."""

from functools import partial

from core.analysis.confidence import ENOUGH
from core.examples.example_set import ADVISED_PER_SIDE
from core.report.sentences import circuit
from core.report.sentences.effects import against, largest_effect
from core.report.sentences.heads import titles
from core.report.sentences.overview import meeting_cost
from core.report.sentences.verdict import remedy
from core.runs.facts import Facts
from core.text import listed, number, text


def next_steps(facts: Facts, language: str, signed: bool = False) -> list[str]:
    """What to do next, the most urgent first."""
    steps = [_next_of_heads(facts, language)]
    low = ADVISED_PER_SIDE[0]
    if min(facts.sides().values()) < low:
        steps.append(text(language, "next.more_texts", low=low))
    if facts.manifest.alignment.mode == "last_mean":
        steps.append(text(language, "next.templates"))
    if facts.state in ("tested", "untested"):
        steps.append(text(language, "next.repeat"))
    return steps if signed else [*steps, text(language, "next.sign_off")]


def _next_of_heads(facts: Facts, language: str) -> str:
    key = {"none": "none", "no_difference": "no_difference", "untested": "check"}.get(facts.state)
    if key:
        return text(language, f"next.{key}")
    if not facts.count("confirmed"):
        if _few_tested(facts):
            about = facts.manifest.evidence_about
            values = {"examples": about.examples, "p": number(about.smallest_p), "enough": ENOUGH}
            return text(language, "next.unconfirmed_few", **values)
        return text(language, "next.unconfirmed")
    key = "remedy" if _worked(facts) else "confirmed"
    return text(language, f"next.{key}", heads=_confirmed(facts, language))


def _few_tested(facts: Facts) -> bool:
    """Whether so few texts were tested that a clear effect can stay unconfirmed."""
    about = facts.manifest.evidence_about
    return about.smallest_p is not None and 0 < about.examples < ENOUGH


def meeting(facts: Facts, language: str) -> list[str]:
    """Sentences to say in the meeting, in the order in which to say them."""
    kind = "_expected" if facts.state == "no_difference" else "_made" if facts.made else ""
    asked = text(language, f"meeting.asked{kind}", model=facts.model, **facts.sides())
    head = text(language, "meeting.head", total=len(facts.heads))
    *findings, proposal = _findings_and_proposal(facts, language)
    return [asked, head, *findings, meeting_cost(facts, language), proposal]


def _findings_and_proposal(facts: Facts, language: str) -> list[str]:
    """What was found, and in the last sentence what we propose."""

    def meeting_text(key: str, **values: object) -> str:
        return text(language, f"meeting.{key}", **values)

    count, confirmed = len(facts.candidates), facts.count("confirmed")
    stand = meeting_text("stand_one") if count == 1 else meeting_text("stand", count=count)
    standing = partial(meeting_text, stand=stand)
    if facts.state == "none":
        return [meeting_text("none"), meeting_text("limits"), meeting_text("ask_texts")]
    if facts.state == "no_difference":
        return [meeting_text("no_difference"), meeting_text("ask_texts")]
    if facts.state == "untested":
        strongest = titles(facts.candidates, language, 1)
        return [
            standing("candidates", head=strongest),
            meeting_text("limits"),
            meeting_text("ask_candidates"),
        ]
    if not confirmed:
        tested = standing("unconfirmed", tested=len(facts.tested))
        proposal = meeting_text("ask_more_texts" if _few_tested(facts) else "ask_unconfirmed")
        return [tested, meeting_text("limits_tested"), proposal]
    effect = meeting_text("effect_against" if against(facts) else "effect", **largest_effect(facts))
    ablated = circuit.ablated_in(facts, language)
    limits = [ablated, meeting_text("limits")] if ablated else [meeting_text("limits_tested")]
    proposal = meeting_text("ask_confirmed", heads=_confirmed(facts, language))
    return [standing("confirmed", confirmed=confirmed), effect, *limits, proposal]


def _worked(facts: Facts) -> tuple[str, ...]:
    """The heads that were shown to help when they were switched off together; empty where none were."""
    tried = remedy(facts)
    return tried.heads if tried is not None and tried.ending in ("ends", "reduces") else ()


def _confirmed(facts: Facts, language: str) -> str:
    """The heads that a remedy is to be tried on: those that were shown to work together, else the confirmed ones."""
    if worked := _worked(facts):
        return listed(language, worked)
    return titles(facts.tested[facts.tested["verdict"] == "confirmed"], language)
