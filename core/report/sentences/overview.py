"""What a run asked and found, in few sentences, and what it cost."""

from core.report.sentences import circuit
from core.report.sentences.confidence import confidence
from core.report.sentences.effects import effect_of_heads
from core.runs.facts import Facts
from core.text import duration, joined, number, text


def asked(facts: Facts, language: str) -> str:
    """What the run compared, as a question."""
    model = facts.manifest.model
    by_layer = model.heads_of_layers()
    even = len(set(by_layer)) <= 1
    shape = {"layers": model.n_layers, "heads": model.n_heads if even else sum(by_layer)}
    key = "summary.asked" if even else "summary.asked_uneven"
    return text(language, key, model=facts.model, **shape, **facts.sides())


def three_sentences(facts: Facts, language: str) -> list[str]:
    """What was found: how many heads stand out, what they do, how far to trust it. Always three."""
    return [_stands_out(facts, language), effect_of_heads(facts, language), confidence(facts, language)]


def _stands_out(facts: Facts, language: str) -> str:
    count, total = len(facts.candidates), len(facts.heads)
    if facts.state == "no_difference":
        return text(language, "summary.nothing_to_explain")
    if not count:
        return text(language, "summary.none", total=total, **facts.sides())
    key = "stands_out" if count == 1 else "stand_out"
    # heads that the measured effect alone put forward need not show codes of their own
    if facts.manifest.selection.candidates == "combined":
        key += "_by_signals"
    return text(language, f"summary.{key}", total=total, count=count)


def cost(facts: Facts, language: str) -> str:
    """What the run cost: time, forward passes, cached texts, device; and the check of the circuit, if there was one."""
    time, device, cached = (
        duration(language, facts.seconds),
        facts.manifest.device,
        facts.manifest.cached_texts,
    )
    passes = _passes(facts)
    sentence = text(language, "summary.cost", time=time, device=device or "–", passes=passes, cached=cached)
    if facts.circuit is None or not circuit.whole(facts, language):
        return sentence
    return joined(language, sentence, circuit.cost(facts.circuit, language))


def exhaustive(facts: Facts, language: str) -> str:
    """What ablating every head and every forward pair once would take, against this run."""
    heads, pairs = facts.search_space
    space = {"heads": f"{heads:,}", "pairs": f"{pairs:,}", "total": f"{heads + pairs:,}"}
    tested = {
        "tested_heads": int(facts.heads["effect"].notna().sum()),
        "tested_edges": int(facts.edges["effect"].notna().sum()),
    }
    count = sum(tested.values())
    if count:
        times = number((heads + pairs) / count)
        against = text(
            language, "summary.exhaustive_tested", tested=count, times=times, passes=_passes(facts), **tested
        )
    else:
        against = text(language, "summary.exhaustive_untested", passes=_passes(facts))
    return joined(language, text(language, "summary.exhaustive", **space), against)


def meeting_cost(facts: Facts, language: str) -> str:
    """The cost in one sentence to say in the meeting."""
    time, total = duration(language, facts.seconds), f"{sum(facts.search_space):,}"
    return text(language, "meeting.cost", time=time, passes=_passes(facts), total=total)


def _passes(facts: Facts) -> str:
    return f"{facts.manifest.forward_passes:,}"
