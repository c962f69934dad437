"""What interventions on single heads showed, in a sentence."""

from core.report.sentences.heads import title
from core.runs.facts import Facts
from core.text import number, percent, text


def effect_of_heads(facts: Facts, language: str) -> str:
    """The largest effect with its interval, or why there is none."""
    about = facts.manifest.evidence_about
    if facts.state == "none":
        return text(language, "summary.nothing_to_test")
    if facts.state == "untested":
        return text(language, "summary.untested")
    if facts.state == "no_difference":
        shown = "–" if about.gap is None else number(about.gap).replace("-", "−")
        return text(language, "summary.no_difference", gap=shown)
    counts = {
        "tested": int(facts.heads["effect"].notna().sum()),
        **{verdict: int((facts.heads["verdict"] == verdict).sum()) for verdict in ("partly", "confirmed")},
    }
    values = largest_effect(facts)
    if not counts["confirmed"]:
        return text(language, "summary.none_confirmed", **counts, **values)
    key = "off" if about.directions == ("noising",) else "swap"
    if against(facts):
        key = "against"
    return text(
        language, "summary.judged", effect=text(language, f"summary.effect_{key}", **values), **counts
    )


def against(facts: Facts) -> bool:
    """Whether the first of the tested heads works against the behaviour."""
    return bool(facts.tested.iloc[0]["effect"] < 0)


def largest_effect(facts: Facts) -> dict[str, str]:
    """The first of the tested heads: the largest effect among the confirmed ones, else of all.

    An effect against the fault is given by its size, with the interval turned in the same way.
    """
    tested, confirmed = facts.tested, facts.count("confirmed")
    if not confirmed:
        tested = tested.loc[tested["effect"].abs().sort_values(ascending=False, kind="stable").index]
    row = tested.iloc[0]
    low, high = sorted((float(row["effect_low"]), float(row["effect_high"])))
    effect = float(row["effect"])
    if effect < 0 and confirmed:
        effect, low, high = -effect, -high, -low
    shares = {"effect": percent(effect), "low": percent(low), "high": percent(high)}
    return {"head": title(row["name"], row["own_name"]), **shares}
