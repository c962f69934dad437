"""The panel of one edge beside the picture: its numbers, and the joint codes of its two heads."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.text import percent
from pages.parts import i18n, shell
from pages.parts.circuit import code_strip
from pages.parts.circuit.code_strip import ABSENT, NOT_HEARD, SILENT
from pages.parts.circuit.view_state import select
from pages.parts.data import results
from pages.parts.data.results import Result
from pages.parts.session import state
from pages.parts.session.state import t

JOIN = " + "


def show(result: Result, edges: pd.DataFrame) -> None:
    """One edge of the drawn ones, chosen in the list."""
    name = select("edge", t("edge.edge"), list(edges["name"]), result.titles())
    row = edges[edges["name"] == name].iloc[0].to_dict()
    verdict = t(f"verdict.{row['verdict']}")
    st.markdown(f"**{verdict}**")
    st.markdown("  \n".join(effect(row)), help=t("edge.effect_help"))
    st.caption(t("edge.meaning", source=shell.plain(row["source"]), target=shell.plain(row["target"])))
    with st.expander(t("panel.codes"), key="edge_codes"):
        st.markdown("  \n".join(scores(row)))
        _codes(result, row)


def effect(row: Mapping[str, Any]) -> list[str]:
    """The effect with its interval, and whether it works against the fault, where it has been measured."""
    if pd.isna(row["effect"]):
        return [t("edge.untested")]
    ends = {end: percent(row[f"effect_{end}"]) for end in ("low", "high")}
    key = "edge.effect_alone" if pd.isna(row["effect_low"]) else "edge.effect"
    against = [t("edge.against")] if row["effect_high"] < 0 else []
    return [t(key, effect=percent(row["effect"]), **ends), *against]


def scores(row: Mapping[str, Any]) -> list[str]:
    """Score, frequency, and p with q, as far as they have been computed."""
    lines = [t("circuit.score", score=i18n.number(row["score"]))]
    if pd.notna(row["frequency"]):
        lines.append(t("edge.frequency", share=percent(row["frequency"])))
    if pd.notna(row["effect"]) and pd.notna(row["p_value"]):
        lines.append(t("edge.p", p=i18n.number(row["p_value"]), q=i18n.number(row["q_value"])))
    return lines


def joint(source: pd.DataFrame, target: pd.DataFrame) -> pd.DataFrame:
    """The codes of two heads together: `4 + 9` for each member and example, silent or absent where one of them is."""
    pairs = source.merge(
        target[["member", "example", "code"]], on=["member", "example"], suffixes=("", "_target")
    )
    both = pairs["code"] + JOIN + pairs["code_target"]
    for nothing in (SILENT, ABSENT):
        either = (pairs["code"] == nothing) | (pairs["code_target"] == nothing)
        both = both.mask(either, nothing)
    return pairs.assign(code=both).drop(columns="code_target")


def own_examples(table: pd.DataFrame) -> float:
    """Anomalous examples with a joint code that no normal one shows, on average over the members."""
    counts = []
    for _, member in table.groupby("member"):
        normal = set(member.loc[member["label"] != "anomalous", "code"])
        heard = member.loc[(member["label"] == "anomalous") & ~member["code"].isin(NOT_HEARD), "code"]
        counts.append(int((~heard.isin(normal)).sum()))
    return sum(counts) / len(counts) if counts else 0.0


def _codes(result: Result, row: Mapping[str, Any]) -> None:
    """The joint codes as a strip, and in words."""
    tables = [_at_best(int(row[f"{end}_layer"]), int(row[f"{end}_head"])) for end in ("source", "target")]
    table = joint(*tables) if all(len(part) for part in tables) else tables[0].head(0)
    if table.empty:
        st.caption(t("edge.no_codes"))
        return
    total = int((table.drop_duplicates("example")["label"] == "anomalous").sum())
    st.markdown(t("edge.own", count=i18n.number(own_examples(table)), total=total))
    st.html(code_strip.rows(table, result.examples, t))
    st.caption(t("edge.codes"))


def _at_best(layer: int, head: int) -> pd.DataFrame:
    """The codes of a head at its best position."""
    table = results.load_codes(state.folder(), layer, head)
    return table[table["position"] == code_strip.best_position(table)] if len(table) else table
