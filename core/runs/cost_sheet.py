"""Return on investment: what follows from the user's own figures, beside the measured time of a run.

No entry has a default, so that nothing is claimed by itself.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from core.errors import ConfigError, StorageError
from core.runs.facts import Facts
from core.runs.head_notes import one_line
from core.runs.run_folder import RunFolder
from core.schema import FORMAT, Stored
from core.text import duration, number, text

DAYS_A_MONTH = 365.25 / 12
LONGEST_CURRENCY = 12
"""Characters kept of the currency's label."""
HIGHEST = {
    "incidents": 1_000_000.0,
    "hours_now": 10_000.0,
    "hours_then": 10_000.0,
    "cost": 10_000_000.0,
    "preparation": 100_000.0,
}
"""The entries in the order of the sheet, with what each may be at most; the least is 0."""


class Entries(Stored):
    """roi.json: what the user assumes; None where nothing was entered.

    `incidents` a month; `hours_now`, `hours_then` of work an incident; `cost` of an hour; `preparation` in hours, once.
    """

    model_config = ConfigDict(strict=True)

    format: int = FORMAT
    incidents: float | None = None
    hours_now: float | None = None
    hours_then: float | None = None
    cost: float | None = None
    preparation: float | None = None
    currency: Annotated[str, BeforeValidator(lambda label: "" if label is None else label)] = ""

    @property
    def missing(self) -> list[str]:
        """Names of the entries without which there is no result."""
        return [name for name in HIGHEST if getattr(self, name) is None]

    @property
    def empty(self) -> bool:
        """Whether nothing was entered at all."""
        return len(self.missing) == len(HIGHEST)


@dataclass(frozen=True)
class Outcome:
    """What follows: a month now and then, what is saved a month (negative: lost), months until it pays.

    `months` is 0 where nothing has to be prepared, and None where it never pays.
    """

    hours_now: float
    hours_then: float
    cost_now: float
    cost_then: float
    preparation_cost: float
    months: float | None

    @property
    def hours(self) -> float:
        """Hours saved a month."""
        return self.hours_now - self.hours_then

    @property
    def money(self) -> float:
        """Money saved a month."""
        return self.cost_now - self.cost_then


def outcome(entries: Entries) -> Outcome | None:
    """The sheet worked out; None where an entry is missing."""
    if entries.missing:
        return None
    incidents, now, then, cost, preparation = (float(getattr(entries, name)) for name in HIGHEST)
    saved = incidents * (now - then)
    months = preparation / saved if saved > 0 else None
    return Outcome(
        hours_now=incidents * now,
        hours_then=incidents * then,
        cost_now=incidents * now * cost,
        cost_then=incidents * then * cost,
        preparation_cost=preparation * cost,
        months=months,
    )


def checked(entries: Entries) -> Entries:
    """The entries with a tidy currency; raises ConfigError for a number that is out of its bounds."""
    for name, highest in HIGHEST.items():
        value = getattr(entries, name)
        if value is not None and not (math.isfinite(value) and 0 <= value <= highest):
            raise ConfigError("roi_out_of_bounds", name=name, highest=f"{highest:,.0f}", found=value)
    return entries.model_copy(update={"currency": one_line(entries.currency, LONGEST_CURRENCY)})


def read_roi(run: RunFolder) -> Entries:
    """The entries kept with a run, empty ones where there are none; raises StorageError for a damaged file."""
    try:
        return checked(run.read_added("roi.json", Entries))
    except ConfigError as error:
        raise StorageError("damaged_run", path=run.path, detail=f"roi.json: {error}") from None


def write_roi(run: RunFolder, entries: Entries) -> None:
    """Keep the entries with the run; raises ConfigError where one is out of its bounds."""
    run.write_model("roi.json", checked(entries))


def rows(entries: Entries, language: str) -> list[tuple[str, str]]:
    """Every entry by its name, as it was made; a dash where none was."""
    values = {name: getattr(entries, name) for name in HIGHEST}
    cells = {name: "–" if value is None else amount(value) for name, value in values.items()}
    if entries.cost is not None:
        cells["cost"] = money(entries.cost, entries.currency)
    return [(text(language, f"cost_sheet.{name}"), cell) for name, cell in cells.items()]


def result_rows(entries: Entries, language: str) -> list[tuple[str, str, str]]:
    """Hours and cost of a month, now and then; nothing without a result."""
    result = outcome(entries)
    if result is None:
        return []
    return [
        (text(language, "cost_sheet.hours_a_month"), amount(result.hours_now), amount(result.hours_then)),
        (
            text(language, "cost_sheet.cost_a_month"),
            money(result.cost_now, entries.currency),
            money(result.cost_then, entries.currency),
        ),
    ]


def conclusion(entries: Entries, language: str) -> list[str]:
    """What follows from the entries, in words; what is missing where nothing follows yet."""
    result = outcome(entries)
    if result is None:
        fields = [text(language, f"cost_sheet.{name}") for name in entries.missing]
        joined = text(language, "cost_sheet.comma").join(fields)
        return [text(language, "cost_sheet.missing", fields=joined)]
    key = "saving" if result.hours > 0 else "loss" if result.hours < 0 else "even"
    values = {"hours": amount(abs(result.hours)), "money": money(abs(result.money), entries.currency)}
    prepared = {
        "hours": amount(entries.preparation or 0.0),
        "money": money(result.preparation_cost, entries.currency),
    }
    if result.months is None:
        pays = text(language, "cost_sheet.pays_never", **prepared) if entries.preparation else ""
    elif result.months == 0:
        pays = text(language, "cost_sheet.pays_at_once")
    else:
        pays = text(language, "cost_sheet.pays_after", **prepared, time=span(result.months, language))
    return [line for line in (text(language, f"cost_sheet.{key}", **values), pays) if line]


def measured(facts: Facts, language: str) -> str:
    """The run's own time, which is all that was measured."""
    return text(
        language,
        "cost_sheet.measured",
        time=duration(language, facts.seconds),
        device=facts.manifest.device or "–",
        passes=f"{facts.manifest.forward_passes:,}",
    )


def meeting_sentence(entries: Entries, language: str) -> str:
    """The result with its assumptions in one sentence to say; empty without a result."""
    result = outcome(entries)
    if result is None:
        return ""
    values = {name: amount(getattr(entries, name)) for name in ("incidents", "hours_now", "hours_then")}
    return text(
        language,
        "cost_sheet.sentence",
        **values,
        cost=money(entries.cost or 0.0, entries.currency),
        hours=amount(abs(result.hours)),
        money=money(abs(result.money), entries.currency),
        direction=text(language, "cost_sheet.lost" if result.hours < 0 else "cost_sheet.saved"),
    )


def span(months: float, language: str) -> str:
    """A time span of months in the unit that fits: months, weeks or days, at most two digits; else that it is short."""
    days = months * DAYS_A_MONTH
    if days < 1:
        return text(language, "cost_sheet.under_a_day")
    units = {"years": 365.25, "months": DAYS_A_MONTH, "weeks": 7.0}
    unit = next((name for name, length in units.items() if days >= 2 * length), "days")
    count = round(days / units.get(unit, 1.0))
    if count >= 100:
        return text(language, "cost_sheet.most")
    return text(
        language, "cost_sheet.day" if unit == "days" and count == 1 else f"cost_sheet.{unit}", count=count
    )


def amount(value: float) -> str:
    """A number as it was entered, as far as four decimals; large ones whole."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return number(value) if value != round(value, 4) else f"{round(value, 4):g}"


def money(value: float, currency: str) -> str:
    """An amount with the user's own label of the currency behind it."""
    shown = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"
    return f"{shown} {currency}".strip()
