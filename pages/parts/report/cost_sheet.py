"""The sheet of the return on investment: the user's entries, what follows from them, and the measured time."""

import streamlit as st

from core.errors import ConfigError, HeadlightError, StorageError
from core.report.markup import paragraphs, table
from core.report.tables import return_on_investment
from core.runs import cost_sheet
from core.runs.cost_sheet import Entries
from core.runs.facts import Facts
from core.text import text
from pages.parts import shell
from pages.parts.report import brief
from pages.parts.session import state
from pages.parts.session.state import language, t


def show(facts: Facts, entries: Entries) -> None:
    """The result where there are entries, and the folded form to make or change them."""
    measured = cost_sheet.measured(facts, language())
    with st.expander(t("report.enter_costs"), key="roi_form_fold"):
        if entries.empty:
            brief.html_of(paragraphs([t("cost_sheet.none")]))
        else:
            figures = table(*return_on_investment(entries, language()))
            brief.html_of(paragraphs(cost_sheet.conclusion(entries, language())) + figures, note=measured)
        st.caption(t("cost_sheet.lead"))
        if entries.empty:
            st.caption(measured)
        _form(entries)


def _form(entries: Entries) -> None:
    keys = {name: f"roi_{name}_{state.run_id()}" for name in (*cost_sheet.HIGHEST, "currency")}
    with st.form("roi_form", border=False):
        columns = st.columns(2)
        for place, (name, highest) in enumerate(cost_sheet.HIGHEST.items()):
            columns[place % 2].number_input(
                text(language(), f"cost_sheet.{name}"),
                min_value=0.0,
                max_value=highest,
                value=getattr(entries, name),
                step=0.5 if name.startswith("hours") else 1.0,
                format="%g",
                key=keys[name],
                placeholder=t("cost_sheet.empty"),
                help=t("cost_sheet.hours_then_help") if name == "hours_then" else None,
            )
        columns[1].text_input(
            t("cost_sheet.currency"),
            entries.currency,
            max_chars=cost_sheet.LONGEST_CURRENCY,
            key=keys["currency"],
            placeholder=t("cost_sheet.currency_example"),
        )
        st.form_submit_button(t("cost_sheet.keep"), key="keep_roi", on_click=_keep, args=(keys,))
    if error := st.session_state.pop("roi_error", None):
        _show(error)


def _keep(keys: dict[str, str]) -> None:
    values = {name: st.session_state.get(key) for name, key in keys.items()}
    st.session_state["roi_error"] = state.fails(
        lambda: cost_sheet.write_roi(state.folder(), Entries.model_validate(values))
    )


def _show(error: HeadlightError) -> None:
    """An error with the entry named in the reader's language."""
    if isinstance(error, ConfigError) and error.key == "roi_out_of_bounds":
        name = text(language(), f"cost_sheet.{error.values['name']}")
        shell.show_error(error.key, {**error.values, "name": name})
    else:
        shell.show(error)


def read() -> Entries:
    """The entries of the open run; a damaged file is explained and counts as empty."""
    try:
        return cost_sheet.read_roi(state.folder())
    except StorageError as error:
        shell.show(error)
        return Entries()
