"""The panel of one head beside the picture of the circuit."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.inspection.answers import HeadView
from core.report.sentences.heads import score_meaning
from core.schema import AlignmentRecord
from core.text.folding import beginning, folded
from pages.parts import i18n, shell
from pages.parts.circuit import code_strip, head_labels, head_signals, head_words
from pages.parts.circuit.view_state import open_head, select
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.mechanism import card
from pages.parts.report import sentences
from pages.parts.session import state
from pages.parts.session.state import language, t
from pages.parts.shell import worker_answer

MOST_NEIGHBOURS = 5
BEGINNING = 70  # Characters of a text in the list of examples
FEW_TEXTS, LIST_HEIGHT = (
    4,
    190,
)  # Texts up to which the list is as high as it needs, and its height in pixels else


def show(result: Result, heads: pd.DataFrame, edges: pd.DataFrame) -> None:
    """The mechanism card of a head; folded below it one text, its codes and scores, its neighbours. Or an MLP block."""
    names = list(dict.fromkeys([*heads["name"], *result.heads["name"], *result.mlp_names]))
    name = select("head", t("circuit.head"), names, result.titles())
    if name in result.mlp_names:
        if not card.show(state.folder(), result, name):
            st.caption(t("panel.no_card"))
        return
    row = result.heads[result.heads["name"] == name].iloc[0]
    with st.container(gap="xsmall"):
        _about(result, row, edges)


def _about(result: Result, row: "pd.Series[Any]", edges: pd.DataFrame) -> None:
    name, layer, head = row["name"], int(row.layer), int(row["head"])
    told = card.show(state.folder(), result, name)
    if not told:
        st.markdown(
            f"**{t(f'verdict.{row.verdict}')}** · {t('circuit.score', score=i18n.number(row.score))}",
            help=score_meaning(result.manifest, language()),
        )
        if card.mechanisms_of(state.folder()) is not None:
            st.caption(t("panel.no_card"))
    head_labels.edit(name)
    head_labels.tell(name)
    table = results.load_codes(state.folder(), layer, head)
    place = code_strip.best_position(table) if len(table) else ""
    # without a card the text is what the panel has to tell
    fold = st.expander(t("panel.in_text"), key=f"panel_text_{told}", expanded=not told, on_change="rerun")
    if fold.open:
        with fold:
            _words(result, layer, head, place)
    with st.expander(t("panel.codes"), key="panel_codes"):
        if told:
            st.caption(
                t("circuit.score", score=i18n.number(row.score)),
                help=score_meaning(result.manifest, language()),
            )
        head_signals.show(row)
        _codes(result, table, place)
    with st.expander(t("panel.near"), key="panel_near"):
        _neighbours(name, edges, result.titles())


def default_query(alignment: AlignmentRecord, place: str, example: int) -> int | None:
    """The token of an example at the slot where the head was read; None where this is no single token."""
    slots, positions = alignment.slots, alignment.positions
    if place not in slots or example >= len(positions) or not positions[example]:
        return None
    token = positions[example][slots.index(place)]
    return token if token is not None and token >= 0 else None


def partner_of(alignment: AlignmentRecord, example: int) -> int | None:
    """The other example of the pair, where there is one."""
    pairs = (
        *alignment.further,
        *alignment.pairs,
    )  # further made partners of a text come after the compared one
    partners = {second: first for first, second in pairs} | dict(pairs)
    return partners.get(example)


def _codes(result: Result, table: pd.DataFrame, place: str) -> None:
    """The codes of a head at its best position."""
    if table.empty:
        st.caption(t("circuit.no_codes"))
        return
    table = table[table["position"] == place]
    st.html(code_strip.rows(table, result.examples, t))
    shared = code_strip.most_shared(table)
    counted = t("panel.shared", **vars(shared)) if shared.anomalous > 1 else ""
    st.caption(f"{sentences.position(place)} {counted}", help=t("circuit.codes"))


def _neighbours(name: str, edges: pd.DataFrame, titles: Mapping[str, str]) -> None:
    """The heads that feed this one and those that it feeds; each opens on a click."""
    for kind, here, there in (("fed_by", "target", "source"), ("feeds", "source", "target")):
        near = edges[edges[here] == name].head(MOST_NEIGHBOURS)
        with st.container(horizontal=True, vertical_alignment="center", key=f"near_{kind}"):
            st.markdown(
                t(f"panel.{kind}"),
                width="content",
                help=t("panel.neighbours_help") if kind == "fed_by" else None,
            )
            if near.empty:
                st.caption(t("circuit.nothing"), width="content")
            for _, row in near.iterrows():
                other = row[there]
                st.button(
                    f"{shell.plain(titles[other])} :gray[{i18n.number(row.score)}]",
                    key=f"{kind}_{other}",
                    type="tertiary",
                    on_click=open_head,
                    args=(other,),
                )


@st.fragment
def _words(result: Result, layer: int, head: int, place: str) -> None:
    """What the head looks at and writes on one example."""
    with st.container(gap="xsmall"):
        _one_example(result, layer, head, place)


def _one_example(result: Result, layer: int, head: int, place: str) -> None:
    run, examples = state.run_id(), result.examples
    order = sorted(range(len(examples)), key=lambda index: examples["label"].iloc[index] != "anomalous")
    counts = result.manifest.counts
    names = names_of(examples, counts.anomalous + counts.normal)
    with st.container(height=LIST_HEIGHT if len(order) > FEW_TEXTS else "content", key="panel_texts"):
        example = st.radio(
            t("panel.example"),
            order,
            format_func=names.__getitem__,
            label_visibility="collapsed",
            key=f"panel_example_{run}",
            persist_state="session",
        )
    alignment = result.manifest.alignment
    question = {
        "run": str(state.folder().path),
        "layer": layer,
        "head": head,
        "example": example,
        "partner": partner_of(alignment, example),
        "query": default_query(alignment, place, example),
    }
    view = worker_answer.ask("head", question, "panel")
    if view is None:
        return
    key = f"panel_token_{run}_{layer}_{head}_{example}"
    query = _clicked_token(view, key)
    if query != view["query"]:
        view = worker_answer.ask("head", question | {"query": query}, "panel")
    if view is not None:
        st.html(head_words.shades(view, key))
        _show(view, examples["label"].iloc[example])


def _clicked_token(view: HeadView, key: str) -> int:
    """The token of the text that is clicked; the text stands as its tokens, each a button."""
    start = view["first"]
    pieces = {start + index: head_words.readable(piece) for index, piece in enumerate(view["pieces"])}
    chosen = st.pills(
        t("panel.query"),
        list(pieces),
        format_func=pieces.__getitem__,
        default=view["query"],
        required=True,
        key=key,
        label_visibility="collapsed",
        wrap=True,
        persist_state="session",
    )
    return view["query"] if chosen is None else int(chosen)


def _show(view: HeadView, label: str) -> None:
    """The answer of the worker, one half at a time: the panel is to stay about as high as the picture."""
    looks, writes = st.tabs([t("panel.looks"), t("panel.writes")], key=f"panel_half_{state.language()}")
    with looks:
        st.caption(t("panel.looks_line"), help=t("panel.looks_help"))
        st.html(head_words.looks(view, t))
    with writes:
        if view["writes"] is None:
            reason = view["no_writes"]
            st.caption(shell.plain(i18n.error(state.language(), reason["key"], reason["values"])))
            return
        st.caption(t("panel.writes_line"), help=t("panel.writes_help"))
        st.html(head_words.writes(view, label, t))


def names_of(examples: pd.DataFrame, given: int) -> dict[int, str]:
    """Sign of the side, number and beginning of each example, without what all of them begin with.

    Behind the `given` ones stand made partners, which are named so.
    """
    parts, made = folded([str(text) for text in examples["text"]]), f"{t('examples.made_partner')} · "
    rows = zip(examples["label"], examples["example"], parts, strict=True)
    return {
        index: f"{head_words.SIGN[label]} {number} · {made if index >= given else ''}{beginning(part.shown, BEGINNING)}"
        for index, (label, number, part) in enumerate(rows)
    }
