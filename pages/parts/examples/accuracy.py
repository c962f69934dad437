"""What texts like these cost in accuracy, from the project's own measured benchmark, and what would raise it."""

import streamlit as st

from core.benchmark import reading
from core.benchmark.expectations import Expectation, expectation
from core.errors import HeadlightError
from core.examples.example_set import LABELS
from core.text import auc
from pages.parts.examples.previewed_texts import PreviewedTexts
from pages.parts.session import state
from pages.parts.session.state import t


def show(preview: PreviewedTexts) -> None:
    """One or two sentences; nothing where the measured benchmark cannot be read."""
    draft = state.draft()
    try:
        summary = _project().summary
    except HeadlightError:
        return
    per_side = min(draft.examples.count(label) for label in LABELS)
    expected = expectation(summary, preview.alignment, per_side, draft.preset, draft.candidates)
    st.caption(sentences(expected, per_side), help=t("accuracy.help"))


def sentences(expected: Expectation, per_side: int) -> str:
    """What to expect and what would raise it, in words."""
    lines = [t("accuracy.unknown")]
    if now := expected.accuracy:
        lines = [
            t(
                f"accuracy.{expected.kind}",
                mean=auc(now.mean),
                lowest=auc(now.lowest),
                cases=now.cases,
                examples=now.examples,
            )
        ]
        if now.examples > per_side:
            lines.append(t("accuracy.fewer"))
    if expected.ways:
        ways = t("finding.comma").join(
            t(f"accuracy.way_{way}", mean=auc(one.mean), examples=one.examples) for way, one in expected.ways
        )
        lines.append(t("accuracy.raise" if now else "accuracy.measured", ways=ways))
    return " ".join(lines)


@st.cache_resource(max_entries=1, show_spinner=False)
def _project() -> reading.BenchmarkResult:
    return reading.read(reading.PROJECT)
