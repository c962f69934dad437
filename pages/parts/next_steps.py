"""What to do next, from the state of a run."""

from core.errors import HeadlightError
from core.examples import ADVISED_PER_SIDE
from core.review import read_review
from pages.parts import state
from pages.parts.results import Result
from pages.parts.state import t

MOST_NAMED = 5


def steps(result: Result) -> list[str]:
    """Sentences, the most urgent first."""
    return [*_of_heads(result), *_of_texts(result), t("next.repeat"), *_of_review()]


def _of_heads(result: Result) -> list[str]:
    if result.selected.empty:
        return [t("next.none")]
    if not result.checked:
        return [t("next.check")]
    confirmed = result.selected[result.selected["verdict"] == "confirmed"]
    if confirmed.empty:
        return [t("next.unconfirmed")]
    titles = result.titles()
    named = t("said.comma").join(titles[name] for name in confirmed["name"].head(MOST_NAMED))
    return [t("next.confirmed", heads=named)]


def _of_texts(result: Result) -> list[str]:
    found, low = [], ADVISED_PER_SIDE[0]
    counts = result.examples["label"].value_counts()
    if min(int(counts.get(label, 0)) for label in ("anomalous", "normal")) < low:
        found.append(t("next.more_texts", low=low))
    if result.manifest["alignment"]["mode"] == "last_mean":
        found.append(t("next.templates"))
    return found


def _of_review() -> list[str]:
    try:
        signed = read_review(state.folder()).sign_off
    except HeadlightError:
        return []
    return [t("next.sign_off")] if signed is None else []
