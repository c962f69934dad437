"""Questions about a file that is not clear by itself: what each column holds, and which words mean anomalous."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import get_args

import streamlit as st

from core.examples.example_set import Label
from core.examples.reading.mapping import ColumnRole
from pages.parts import shell
from pages.parts.session import state
from pages.parts.session.state import t

ROLES: tuple[ColumnRole, ...] = get_args(ColumnRole)
MOST_IN_SIGHT = 7  # Columns above which the list scrolls
MOST_WORDS = 24
"""Different words of a column of labels; one with more is hardly one."""


def columns(
    samples: Mapping[str, Sequence[str]], recognised: Mapping[str, ColumnRole]
) -> dict[str, ColumnRole] | None:
    """A line for each column: its heading, some of its cells, what it holds; the roles once they are to be used."""
    names = state.named(ROLES, "mapper.role_{}")
    chosen: dict[str, ColumnRole] = {}
    with st.form("read_columns_form", border=False):
        with st.container(height=420 if len(samples) > MOST_IN_SIGHT else "content", border=False):
            for place, (heading, cells) in enumerate(samples.items()):
                left, right = st.columns([5, 3], vertical_alignment="center", gap="small")
                left.html(_heading(heading, cells))
                chosen[heading] = right.selectbox(
                    t("mapper.role_of", heading=heading),
                    ROLES,
                    index=ROLES.index(recognised.get(heading, "carried")),
                    format_func=names.__getitem__,
                    key=f"read_role_{place}_{heading}",
                    label_visibility="collapsed",
                )
        return chosen if st.form_submit_button(t("mapper.use_columns"), key="use_columns") else None


def labels(column: str, counts: Mapping[str, int]) -> dict[str, Label] | None:
    """Which words of a column mean anomalous, the others mean normal; None until it is said."""
    if len(counts) > MOST_WORDS:
        st.warning(
            t("mapper.no_labels", column=shell.plain(column), count=len(counts)), icon=":material/table_edit:"
        )
        return None
    st.warning(t("mapper.labels", column=shell.plain(column)), icon=":material/table_edit:")
    names = {
        word: t("shell.bracketed", words=shell.plain(word), more=count) for word, count in counts.items()
    }
    anomalous = st.pills(
        t("mapper.anomalous_words"),
        list(counts),
        selection_mode="multi",
        format_func=names.__getitem__,
        key=f"read_words_{column}",
    )
    said = st.button(
        t("mapper.use_labels"), key="use_labels", disabled=not anomalous or len(anomalous) == len(counts)
    )
    if not said:
        return None
    return {word: "anomalous" if word in anomalous else "normal" for word in counts}


def _heading(heading: str, cells: Sequence[str]) -> str:
    shown = " · ".join(escape(" ".join(cell.split())) for cell in cells) or "–"
    return (
        f'<div class="column-sample"><b>{escape(heading) or "–"}</b><small dir="auto">{shown}</small></div>'
    )
