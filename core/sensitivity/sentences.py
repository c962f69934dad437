"""What a sweep over settings comes to, in sentences made from sensitivity.json; for page and command line alike."""

from collections.abc import Mapping
from typing import Any

from core.sensitivity.summary import METRICS, Quality, Verdict, needs_care
from core.text import auc, number, text


def sentence(content: Mapping[str, Any], quality: Quality, language: str) -> str:
    """Whether settings need care, by one metric: the first sentence of the page; so far, where not all is done."""
    rule, settings = content["summary"]["rule"], content["summary"]["settings"]
    verdicts: dict[str, Verdict] = {name: by[quality] for name, by in settings.items() if quality in by}
    if not verdicts:
        return text(language, "sensitivity.nothing")
    judgement = _judged(verdicts, number(rule[quality]), quality, language)
    if content["complete"]:
        return judgement
    trained, trainings = content["trained"], content["trainings"]
    return text(language, "sensitivity.so_far", trained=trained, trainings=trainings, said=judgement)


def details(content: Mapping[str, Any], quality: Quality, language: str) -> list[str]:
    """The sentences below it: another seed alone, the map."""
    summary = content["summary"]
    sentences = []
    bar = number(summary["rule"][quality])
    for part in ("seeds", "map"):
        numbers = summary[part].get(quality)
        if numbers:
            values = {k: v if isinstance(v, int) else shown(v, quality) for k, v in numbers.items()}
            values["range"] = _range(numbers["lowest"], numbers["highest"], quality, language)
            sentences.append(text(language, f"sensitivity.{part}_{quality}", bar=bar, **values))
    return sentences


def verdict_words(verdict: Verdict, language: str) -> str:
    """The verdict on one setting."""
    if needs_care(verdict):
        return _where(verdict, "mind_", language)
    return text(language, "sensitivity.needs_none")


def lines(content: Mapping[str, Any]) -> list[str]:
    """The verdicts as a table of plain English text, a line a setting."""
    settings = content["summary"]["settings"]
    qualities = [quality for quality in METRICS if any(quality in by for by in settings.values())]
    rows = [["setting", "here", "tried", *(text("en", f"sensitivity.{m}") for m in qualities), "verdict"]]
    for name, by in settings.items():
        ranges = [_range(by[m]["lowest"], by[m]["highest"], m, "en") for m in qualities]
        tried = f"{number(by['values'][0])} to {number(by['values'][-1])}"
        verdict = verdict_words(by[qualities[0]], "en")
        rows.append([setting_name(name, "en"), number(by["value"]), tried, *ranges, verdict])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def setting_name(name: str, language: str) -> str:
    """What a setting is called."""
    return text(language, f"sensitivity.{name}")


def limits(quality: Quality, language: str) -> str:
    """What the metric tells and what it does not."""
    return text(language, f"sensitivity.limits_{quality}")


def shown(value: float, quality: Quality) -> str:
    """A number of the metric: ROC AUC to three decimals, since a change of 0.02 counts."""
    return auc(value) if quality == "auc" else number(value)


def _judged(verdicts: Mapping[str, Verdict], bar: str, quality: Quality, language: str) -> str:
    """That no setting needs care, or which ones are to be minded and from where on."""
    lowest = min(verdict["lowest"] for verdict in verdicts.values())
    highest = max(verdict["highest"] for verdict in verdicts.values())
    values = {
        "lowest": shown(lowest, quality),
        "range": _range(lowest, highest, quality, language),
        "default": shown(next(iter(verdicts.values()))["default"], quality),
        "bar": bar,
    }
    minded = {name: verdict for name, verdict in verdicts.items() if needs_care(verdict)}
    if not minded:
        return text(language, f"sensitivity.fine_{quality}", **values)
    named = [
        _where(verdict, "", language, setting=setting_name(n, language)) for n, verdict in minded.items()
    ]
    return text(
        language,
        f"sensitivity.mind_{quality}",
        fine=len(verdicts) - len(minded),
        count=len(verdicts),
        minded=text(language, "sensitivity.comma").join(named),
        **values,
    )


def _range(low: float, high: float, quality: Quality, language: str) -> str:
    ends = shown(low, quality), shown(high, quality)
    return ends[0] if ends[0] == ends[1] else text(language, "sensitivity.range", low=ends[0], high=ends[1])


def _where(verdict: Verdict, prefix: str, language: str, **values: str) -> str:
    """From which value on a setting is to be minded."""
    bounds = {"below": verdict["below"], "above": verdict["above"]}
    ends = {end: number(value) for end, value in bounds.items() if value is not None}
    key = "both" if len(ends) == 2 else next(iter(ends))
    return text(language, f"sensitivity.{prefix}{key}", **ends, **values)
