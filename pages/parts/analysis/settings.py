"""The settings of an analysis: three presets as cards, the rest folded, all bounds from `core.config`."""

from typing import Any, get_args

import streamlit as st
from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from core.config import PRESETS, AutoencoderConfig, Candidates, DeviceName, RunConfig
from core.examples.alignment import PositionMode
from core.runs.progress import expected_seconds
from pages.parts import i18n
from pages.parts.session import state
from pages.parts.session.state import language, t

SMALLEST = 1e-6  # Lowest number of a setting that must only be above 0


def presets() -> None:
    """One card a preset, with the time that it takes about, by runs on this machine."""
    expected = expected_seconds(state.draft().source)
    for column, name in zip(st.columns(len(PRESETS), gap="small"), PRESETS, strict=True):
        selected = state.draft().preset == name
        key = f"preset_{'chosen' if selected else 'other'}_{name}"
        card = column.container(border=True, key=key, height="stretch", vertical_alignment="distribute")
        with card.container():
            st.markdown(f"**{t(f'preset.{name}')}**")
            st.write(t(f"preset.{name}_text"))
            known = name in expected
            time = i18n.duration(language(), max(1, round(expected[name]))) if known else ""
            st.caption(t("preset.time", time=time) if known else t("preset.no_time"))
        card.button(
            t("preset.chosen" if selected else "preset.choose"),
            key=f"choose_{name}",
            disabled=selected,
            icon=":material/check:" if selected else None,
            on_click=state.choose_preset,
            args=(name,),
            width="stretch",
        )


def advanced() -> None:
    """Everything else, folded."""
    with st.expander(t("settings.title"), icon=":material/tune:", key="advanced"):
        run, autoencoder = st.columns(2, gap="large")
        with run:
            st.markdown(f"**{t('settings.run')}**")
            _choice("positions", get_args(PositionMode))
            _choice("pairing", ("auto", "given", "off"))
            _choice("partners", ("auto", "off"))
            _candidates()
            _choice("device", get_args(DeviceName))
            _number("seed", RunConfig.model_fields["seed"], "")
            _number("permutations", RunConfig.model_fields["permutations"], "")
        with autoencoder:
            st.markdown(f"**{t('settings.autoencoder')}**")
            for name, field in AutoencoderConfig.model_fields.items():
                if name == "shared":
                    text, bound = t("settings.shared"), state.bound(name, "autoencoder")
                    st.toggle(text, help=t("settings.shared_help"), **bound)
                elif name == "centre":
                    _choice(name, ("auto", "none"), "autoencoder")
                else:
                    _number(name, field, "autoencoder")


def _candidates() -> None:
    """What heads and edges are chosen by, each way with a line of its own."""
    options = get_args(Candidates)
    st.radio(
        t("settings.candidates"),
        options,
        format_func=state.named(options, "settings.candidates_{}").__getitem__,
        captions=[t(f"settings.candidates_{option}_text") for option in options],
        help=t("settings.candidates_help"),
        **state.bound("candidates"),
    )


def _choice(name: str, options: tuple[str, ...], group: str = "") -> None:
    st.selectbox(
        t(f"settings.{name}"),
        options,
        format_func=state.named(options, f"settings.{name}_{{}}").__getitem__,
        help=t(f"settings.{name}_help"),
        **state.bound(name, group),
    )


def _number(name: str, field: FieldInfo, group: str) -> None:
    lowest, highest = _bounds(field)
    whole = field.annotation is int
    kind: Any = int if whole else float
    st.number_input(
        t(f"settings.{name}"),
        min_value=kind(lowest),
        max_value=kind(highest),
        step=1 if whole else 0.001,
        format="%d" if whole else "%.4f",
        help=t(f"settings.{name}_help"),
        **state.bound(name, group),
    )


def _bounds(field: FieldInfo) -> tuple[float, float]:
    lowest, highest = 0.0, 1e9
    for rule in field.metadata:
        if isinstance(rule, Ge):
            lowest = float(rule.ge)  # type: ignore[arg-type]
        elif isinstance(rule, Gt):
            lowest = float(rule.gt) + SMALLEST  # type: ignore[arg-type]
        elif isinstance(rule, Le):
            highest = float(rule.le)  # type: ignore[arg-type]
    return lowest, highest
