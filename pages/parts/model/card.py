"""What was found out of a model before a text is typed: its numbers, memory, origin, remarks and choices."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st

from core.inspection.answers import Choice, ModelCard
from core.model.hub.origin import origin_of
from core.text import text
from pages.parts import i18n
from pages.parts.charts import drawings
from pages.parts.model.origin import origin_words
from pages.parts.session import state
from pages.parts.session.state import t


def show(card: ModelCard) -> None:
    """The model's numbers, its shape as a drawing, memory against what is there, and what was checked."""
    with st.container(border=True):
        drawing, facts = st.columns([2, 5], gap="large", vertical_alignment="center")
        by_layer = card.get("heads_by_layer") or [card["n_heads"]] * card["n_layers"]
        shape = _shape(by_layer)
        with drawing.container(horizontal_alignment="center"):
            st.html(drawings.model_shape(by_layer, shape), width="content")
            st.caption(shape, width="content")
        facts.html(f'<dl class="facts">{_rows(card)}</dl>')
    if card["memory_needed_bytes"] > card["memory_available_bytes"]:
        st.warning(t("model.too_big"), icon=":material/memory:")
    for place, finding in enumerate(card.get("findings", [])):
        st.info(
            text(state.language(), f"note.{finding['kind']}", **finding["values"]), icon=":material/info:"
        )
        choices(finding["choices"], f"finding_{place}")


def _shape(heads_by_layer: Sequence[int]) -> str:
    """Layers and heads in words, also where layers differ or some have no attention."""
    layers, heads = len(heads_by_layer), sum(heads_by_layer)
    if len(set(heads_by_layer)) == 1:
        return t("model.shape", layers=layers, heads=heads_by_layer[0])
    return t("model.shape_uneven", layers=layers, heads=heads, attending=sum(map(bool, heads_by_layer)))


def choices(offered: list[Choice], key: str) -> None:
    """Buttons, or a menu where there are many, that say which model or adapter is meant."""
    labels = [text(state.language(), f"choice.{one['key']}", **one["values"]) for one in offered]
    if len(offered) > 3:
        place = st.selectbox(
            t("model.which"), range(len(offered)), format_func=labels.__getitem__, key=f"{key}_menu"
        )
        st.button(t("model.take"), key=f"{key}_take", on_click=_take, args=(offered[place],))
        return
    with st.container(horizontal=True):
        for place, one in enumerate(offered):
            st.button(labels[place], key=f"{key}_{place}", on_click=_take, args=(one,))


def _take(choice: Choice) -> None:
    draft = state.draft()
    draft.source, draft.adapter = choice["model"], choice["adapter"]
    if draft.source_kind == "bundled" or choice["key"] == "gguf":
        draft.source_kind = "folder"
    state.refill("source")
    state.refill("adapter")
    state.inspect_again()


def _rows(card: ModelCard) -> str:
    lines: dict[str, Any] = {
        "name": Path(card["name"]).name,
        "architecture": card["architecture"],
        "parameters": f"{card['n_parameters']:,}",
        "widths": t("model.widths_value", d_model=card["d_model"], d_head=card["d_head"]),
        "context": f"{card['context_length']:,}" if card["context_length"] else t("model.no_limit"),
        "vocabulary": f"{card['vocabulary']:,}",
        "device": f"{card['device']} · {card.get('memory', {}).get('precision') or card['dtype']}",
        "memory": _memory(card),
        "origin": origin_words(origin_of(card["name"])),
        "checks": t("finding.comma").join(t(f"check.{check}") for check in card["checks"]),
    }
    shown = {key: value for key, value in lines.items() if value}
    return "".join(
        f"<dt>{escape(t(f'model.{key}'))}</dt><dd>{escape(value)}</dd>" for key, value in shown.items()
    )


def _memory(card: ModelCard) -> str:
    """What the model and a run need, by what it is for where the worker has planned it, against what is free."""
    needed, weights = card["memory_needed_bytes"], card.get("memory", {}).get("weights")
    values = {"needed": i18n.size(needed), "available": i18n.size(card["memory_available_bytes"])}
    if weights is None or weights > needed:
        return t("model.memory_value", **values)
    return t("model.memory_parts", weights=i18n.size(weights), run=i18n.size(needed - weights), **values)
