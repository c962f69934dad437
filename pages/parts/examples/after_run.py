"""After a run that found nothing to explain: the reason, the texts concerned, and the way back to them.

The pages of the result show it with a button; the examples page shows it again, above what the checks find, as long as
the draft holds the texts of that run.
"""

from collections import Counter

import pandas as pd
import streamlit as st

from core.errors import HeadlightError
from core.examples.checks import Behaviour, behaviour_findings
from core.examples.example_set import LABELS, ExampleSet
from core.report.sentences.notes import nothing_to_explain
from pages.parts import shell
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.session import state
from pages.parts.session.state import language, t, tn

USUAL = 0.5
"""Share of each side from which on one answer is what the model says on both."""


def show(result: Result) -> None:
    """The reason and the button to the texts; nothing where the run found something to explain."""
    sentence = reason(result, state.folder().config().examples)
    if not sentence:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="after_run"):
        st.markdown(f":material/info: {shell.plain(sentence)}", width="stretch")
        if st.button(t("after_run.back"), key="back_to_texts", icon=":material/arrow_back:"):
            shell.go("examples")


def reminder() -> None:
    """The reason on the examples page, where the open run found nothing and the draft holds its texts."""
    job = state.job()
    if job is None or job.state.status != "done":
        return
    try:
        run = state.folder()
        examples = run.config().examples
        if examples != state.draft().examples:
            return
        sentence = reason(results.load(run), examples)
    except HeadlightError:
        return  # the pages of the result say what is wrong with it
    if sentence:
        st.markdown(f":material/info: {shell.plain(t('after_run.reminder', reason=sentence))}")


def reason(result: Result, examples: ExampleSet) -> str:
    """Why there is nothing to explain and which texts that may come from; empty where there is something."""
    why = nothing_to_explain(result.manifest, language())
    if not why:
        return ""
    return f"{why} {_texts(examples, result.examples)}".strip()


def _texts(examples: ExampleSet, table: pd.DataFrame) -> str:
    """The texts that behave like the other side, or what the model says on both sides."""
    labels = [example.label for example in examples.examples]
    table = table.head(len(labels))  # made partners, which stand behind them, are not the texts of the draft
    answers = [str(word).strip() for word in table["next_word"]]
    texts = [Behaviour(*told) for told in zip(labels, *_told(table), strict=True)]
    rows = [row for f in behaviour_findings(texts) if f.kind == "like_other_side" for row in f.rows]
    if rows:
        named = t("finding.comma").join(
            t(
                "text_check.also_row",
                line=examples.examples[row].line or row + 1,
                label=t(f"label.{labels[row]}"),
            )
            for row in rows
        )
        return tn("after_run.like_other_side", len(rows), rows=named)
    sides = [Counter(a for a, own in zip(answers, labels, strict=True) if own == label) for label in LABELS]
    anomalous, normal = sides
    answer = next((word for word, _ in anomalous.most_common(1)), "")
    if not answer or not all(side[answer] > USUAL * side.total() for side in sides):
        return ""
    return t(
        "after_run.same_answer",
        answer=answer,
        anomalous=anomalous[answer],
        of_anomalous=anomalous.total(),
        normal=normal[answer],
        of_normal=normal.total(),
    )


def _told(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    """What the model says on each text, and its verdict; runs of earlier versions hold the next word alone."""
    said, verdicts = (
        table[name].fillna("").astype(str) if name in table else pd.Series("", index=table.index)
        for name in ("continuation", "verdict")
    )
    return list(said.where(said.str.strip() != "", table["next_word"].astype(str))), list(verdicts)
