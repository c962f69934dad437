"""What the check of a circuit found, in sentences made from circuit.json; for the page and for the report alike."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.text import number, percent, text

BAND = (0.05, 0.95)
"""The band of the random circuits that is shown: quantiles."""


def switched(tried: Mapping[str, Any], language: str) -> str:
    """Before and after of heads that were switched off: at fault, and still right."""
    counts, heads = tried["counts"], named(tried["heads"], language)
    anomalous, normal = counts["anomalous"], counts["normal"]
    if anomalous["judged"] and normal["judged"]:
        return text(
            language,
            "circuit.switched",
            heads=heads,
            before=anomalous["fault_before"],
            after=anomalous["fault_after"],
            anomalous=anomalous["judged"],
            right_before=normal["right_before"],
            right_after=normal["right_after"],
            normal=normal["judged"],
        )
    return text(
        language,
        "circuit.switched_unjudged",
        heads=heads,
        changed=anomalous["texts"] - anomalous["same"],
        anomalous=anomalous["texts"],
        harmed=normal["texts"] - normal["same"],
        normal=normal["texts"],
    )


def faithfulness(ablation: Mapping[str, Any], count: int, language: str) -> str:
    """How much of the behaviour the circuit alone gives under one ablation, beside random circuits."""
    kind = text(language, f"circuit.{ablation['kind']}")
    if not ablation["defined"]:
        key = "circuit.undefined" if ablation.get("finite", True) else "circuit.broken"
        return text(language, key, ablation=kind)
    values = {
        "ablation": kind,
        "count": count,
        "share": percent(ablation["faithfulness"]),
        "left": percent(ablation["completeness"]),
    }
    if not ablation["random_faithfulness"]:
        return text(language, "circuit.alone_without_random", **values)
    low, high = band(ablation["random_faithfulness"])
    total = len(ablation["random_faithfulness"]) + 1
    return text(
        language,
        "circuit.alone",
        **values,
        low=percent(low),
        high=percent(high),
        random=total - 1,
        reached=round(ablation["rank"] * total) - 1,
    )


def smallest(content: Mapping[str, Any], language: str) -> str:
    """The smallest circuit that the search found, and what it cost; empty where there was no search."""
    found = content.get("smallest")
    if not found:
        return ""
    key = "circuit.smallest" if found["complete"] else "circuit.smallest_missed"
    return text(
        language,
        key,
        count=len(found["heads"]),
        heads=named(found["heads"], language),
        share=percent(found["reached"] or 0.0),
        goal=percent(content["goal"]),
        tried=found["tried"],
    )


def switch(content: Mapping[str, Any], mode: str, language: str) -> str:
    """The fewest heads that the search found to switch the behaviour off; empty where there are none."""
    found = (content.get("switch") or {}).get(mode)
    if not found or not found["heads"]:
        return ""
    key = "circuit.switch" if found["complete"] else "circuit.switch_missed"
    return text(
        language,
        key,
        heads=named(found["heads"], language),
        count=len(found["heads"]),
        share=percent(found["reached"] or 0.0),
        harm=percent(found["harm"] or 0.0),
        mode=text(language, f"circuit.{mode}"),
        goal=percent(content["goal"]),
        tried=found["tried"],
    )


def cost(content: Mapping[str, Any], language: str) -> str:
    """What the check cost."""
    return text(
        language,
        "circuit.cost",
        seconds=number(float(content.get("seconds", 0.0))),
        passes=content.get("forward_passes", 0),
    )


def state(content: Mapping[str, Any], language: str) -> str:
    """Why there is no number, or that a part is missing; empty where all is there."""
    if content["state"] != "computed":
        return text(language, f"circuit.{content['state']}")
    return "" if content["complete"] else text(language, "circuit.incomplete")


def band(values: Sequence[float]) -> tuple[float, float]:
    """The middle 90 % of what random circuits reach."""
    low, high = np.quantile(np.array(values, dtype=float), BAND)
    return float(low), float(high)


def named(heads: Sequence[str], language: str) -> str:
    """Names of heads in a row."""
    return text(language, "circuit.comma").join(heads) if heads else "–"
