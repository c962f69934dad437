"""What the checks find about the texts before a run, each with what can be done about it in one click.

A point is one finding, or more than MOST_SINGLE findings of one kind told together. Nothing is moved or left out
unless its button is clicked, and the last change can be undone; what is kept is remembered in the session until its
text changes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import streamlit as st

from core.examples import checks
from core.examples.checks import Finding, Kind
from core.examples.example_set import ExampleSet, shortened
from core.text import percent, text
from pages.parts import i18n, shell
from pages.parts.examples import after_run, fitness, inputs
from pages.parts.examples.previewed_texts import PreviewedTexts
from pages.parts.session import state
from pages.parts.session.state import language, t, tn

FIRST = 5
"""Points that are shown; the others are folded."""
MOST_SINGLE = 3
"""Findings of one kind that are told one by one."""
BEGINNING = 60
"""Characters of a text by which it is named."""
KEPT, CHANGED = "kept_findings", "changed_texts"
MILD: tuple[Kind, ...] = ("cue", "less_varied", "says_alone", "much_longer", "much_shorter", "space_at_end")
"""Kinds that blur a result at most."""


@dataclass(frozen=True)
class Point:
    """One sentence, the texts that it is about, and by what it is remembered once it is kept."""

    sentence: str
    key: tuple[str, ...]
    rows: tuple[int, ...] = ()
    kind: str = ""


def show(preview: PreviewedTexts) -> dict[int, Kind]:
    """The panel; the kind of what was found of each text that it names, for the marks of the token view."""
    examples = state.draft().examples
    findings = of(examples, preview)
    kept = st.session_state.setdefault(KEPT, set())
    points = [*_notes(preview), *_points(findings, examples)]
    left = [point for point in points if point.key not in kept]
    with st.container(border=True, key="text_checks"):
        st.markdown(f"**{t('text_check.title')}**")
        after_run.reminder()
        _changed()
        if not points:
            st.caption(t("text_check.nothing"))
        for place, point in enumerate(left[:FIRST]):
            _line(point, place, examples)
        if len(left) > FIRST:
            with st.expander(t("text_check.more", count=len(left) - FIRST)):
                for place, point in enumerate(left[FIRST:], start=FIRST):
                    _line(point, place, examples)
        if hidden := len(points) - len(left):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(tn("text_check.kept", hidden), width="content")
                st.button(t("text_check.again"), key="check_again", type="tertiary", on_click=kept.clear)
    rows = {row for point in left for row in point.rows}
    return {row: kind for row, kind in checks.flags(findings).items() if row in rows}


def of(examples: ExampleSet, preview: PreviewedTexts) -> list[Finding]:
    """All findings about the user's texts and about what the model makes of them, worst first."""
    examples, rows = examples.with_examples(examples.given), preview.given
    labels = [example.label for example in examples.examples]
    behaviours = [
        checks.Behaviour(
            label,
            row.get("continuation") or row["next"][0]["piece"],
            row.get("verdict", ""),
            row["behaves"],
        )
        for label, row in zip(labels, rows, strict=True)
    ]
    findings = [
        *_of_texts(examples),
        *_told_whole(checks.behaviour_findings(behaviours), behaviours, preview.whole_answers),
        *checks.length_findings([len(row["pieces"]) for row in rows], labels),
    ]
    if fitness.less_varied(rows):
        anomalous, normal = fitness.variety(rows)
        findings.append(Finding("less_varied", (), {"anomalous": anomalous, "normal": normal}))
    if (difference := fitness.difference(preview)) < fitness.LEAST_DIFFERENCE:
        findings.append(Finding("same_behaviour", (), {"share": percent(difference)}))
    return checks.in_order(findings)


def _told_whole(
    findings: Sequence[Finding], behaviours: Sequence[checks.Behaviour], whole: bool
) -> list[Finding]:
    """Findings that name whole answers instead of the words that were compared, where answers have several tokens."""
    if not whole:
        return list(findings)
    return [
        replace(finding, values={**finding.values, "answer": behaviours[finding.rows[0]].answer})
        for finding in findings
    ]


@st.cache_data(
    max_entries=8, show_spinner=False, hash_funcs={ExampleSet: lambda examples: examples.model_dump_json()}
)
def _of_texts(examples: ExampleSet) -> list[Finding]:
    return checks.text_findings(examples)


def _notes(preview: PreviewedTexts) -> Iterator[Point]:
    """What the worker noted, and texts that are not compared."""
    for note in preview.notes:
        sentence = text(language(), f"note.{note.key}", **note.values)
        yield Point(sentence, (note.key, *map(str, note.values.values())))
    if (left_out := preview.alignment.left_out) and "made" not in preview.alignment.sources:
        yield Point(tn("text_check.left_out", len(left_out)), ("left_out", *map(str, left_out)))


def _points(findings: Sequence[Finding], examples: ExampleSet) -> Iterator[Point]:
    """A point for each finding, or one for all of a kind and side where they are many."""

    def alike(finding: Finding) -> tuple[int, str]:
        side = examples.examples[finding.rows[0]].label if finding.rows else ""
        return checks.KINDS.index(finding.kind), side

    for _, group in groupby(sorted(findings, key=alike), key=alike):
        same = list(group)
        if len(same) <= MOST_SINGLE:
            yield from (_point([finding], examples) for finding in same)
        else:
            yield _point(same, examples)


def _point(findings: Sequence[Finding], examples: ExampleSet) -> Point:
    first, others = findings[0], [row for finding in findings[1:] for row in finding.rows]
    sentence = sentence_of(first, examples)
    if others:
        rows = t("finding.comma").join(
            t("text_check.also_row", line=_line_of(examples, row), label=_label_of(examples, row))
            for row in others
        )
        sentence += " " + t("text_check.also", count=len(others), rows=rows)
    rows_of_all = (*first.rows, *others)
    remembered = [examples.examples[row].text for row in rows_of_all] or map(str, first.values.values())
    return Point(sentence, (first.kind, *remembered), rows_of_all, first.kind)


def sentence_of(finding: Finding, examples: ExampleSet) -> str:
    """A finding in words, with the line of its text and the beginning of it."""
    values = {name: value for name, value in finding.values.items() if name not in ("label", "other")}
    values |= {
        name: t(f"label.{value}") for name, value in finding.values.items() if name in ("label", "other")
    }
    for name in ("script", "usual", "anomalous", "normal"):
        if finding.kind in ("other_script", "sides_scripts") and name in values:
            script = str(values[name])
            values[name] = t(f"script.{script}") if i18n.has(language(), f"script.{script}") else script
    if "answer" in values:
        values["answer"] = shortened(" ".join(str(values["answer"]).split()), BEGINNING)
    if "first" in finding.values:
        values["first"] = _line_of(examples, int(finding.values["first"]))
    if finding.rows:
        row = finding.rows[0]
        of_row = {
            "line": _line_of(examples, row),
            "text": shortened(" ".join(examples.examples[row].text.split()), BEGINNING),
        }
        values["row"] = t("text_check.row", **of_row)
        values["row_of"] = t("text_check.row_of", label=_label_of(examples, row), **of_row)
    return t(f"text_check.{finding.kind}", **values)


def _line_of(examples: ExampleSet, row: int) -> int:
    return examples.examples[row].line or row + 1


def _label_of(examples: ExampleSet, row: int) -> str:
    return t(f"label.{examples.examples[row].label}")


def _line(point: Point, place: int, examples: ExampleSet) -> None:
    """One point with its buttons."""
    icon = ":material/info:" if point.kind in MILD else ":material/warning:"
    left, right = st.columns([5, 2], vertical_alignment="center", gap="small")
    left.markdown(f"{icon} {shell.plain(point.sentence)}")
    with right.container(horizontal=True, horizontal_alignment="right", key=f"check_{place}"):
        if point.rows and point.kind in ("like_other_side", "breaks_promise", "says_alone"):
            own = examples.examples[point.rows[0]].label
            _button(f"move_{'normal' if own == 'anomalous' else 'anomalous'}", place, _move, point)
        if point.rows:
            _button("drop", place, _drop, point)
        _button("keep", place, _keep, point)


def _button(name: str, place: int, action: Callable[[Point], None], point: Point) -> None:
    st.button(
        t(f"text_check.{name}"),
        key=f"check_{name.partition('_')[0]}_{place}",
        type="tertiary",
        on_click=action,
        args=(point,),
    )


def _move(point: Point) -> None:
    own = state.draft().examples.examples[point.rows[0]].label
    _change(f"moved_{'normal' if own == 'anomalous' else 'anomalous'}", point, checks.moved)


def _drop(point: Point) -> None:
    _change("dropped", point, checks.dropped)


def _keep(point: Point) -> None:
    st.session_state[KEPT].add(point.key)


def _change(name: str, point: Point, change: Callable[[ExampleSet, Sequence[int]], ExampleSet]) -> None:
    before = state.draft().examples
    pairs = checks.parted(before, point.rows)
    _take(change(before, point.rows))
    st.session_state[CHANGED] = (name, len(point.rows), pairs, before, state.draft().examples)


def _take(examples: ExampleSet) -> None:
    """Other texts in the draft; the way back stands beside what was changed, so none need be kept elsewhere."""
    inputs.change(examples, "paste_", "edit_")


def _changed() -> None:
    """What the last click changed, with the way back, until the texts change otherwise."""
    name, count, pairs, before, after = st.session_state.get(CHANGED) or ("", 0, 0, None, None)
    if not name or after != state.draft().examples:
        return
    sentence = tn(f"text_check.{name}", count)
    if pairs:
        sentence += " " + tn("text_check.parted", pairs)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(sentence, width="content")
        st.button(t("text_check.undo"), key="check_undo", type="tertiary", on_click=_take, args=(before,))
