"""Examples: the texts of the two sides, every check on them, and what the model makes of them."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.errors import HeadlightError
from core.examples.example_set import ADVISED_PER_SIDE, LABELS, MAXIMUM_PER_SIDE, MINIMUM_PER_SIDE
from core.report.sentences import notes
from core.schema import AlignmentRecord
from pages.parts import i18n, shell
from pages.parts.examples import drafting, fitness, inputs, token_view
from pages.parts.session import samples, state
from pages.parts.session.state import language, t, tn

FIRST_ROWS = 20  # of the token table, unless all are asked for


def counts() -> dict[str, int]:
    """How many texts each side has."""
    return {label: state.draft().examples.count(label) for label in LABELS}


def pills() -> None:
    """How many texts each side has, and whether that is a good number."""
    low, high = ADVISED_PER_SIDE
    values = {"least": MINIMUM_PER_SIDE, "low": low, "high": high, "most": MAXIMUM_PER_SIDE}
    shown = ""
    for label, count in counts().items():
        advice = fitness.advice(count)
        said = t(f"examples.advice_{advice}", **values)
        shown += (
            f'<span class="pill {advice}"><span class="side {label}">{t(f"label.{label}")}</span>'
            f"<b>{count}</b>{said}</span>"
        )
    st.html(f'<div class="pills" role="status">{shown}</div>')


def missing() -> str:
    """What keeps the next step closed, in words."""
    lacking = {
        label: MINIMUM_PER_SIDE - count for label, count in counts().items() if count < MINIMUM_PER_SIDE
    }
    if not lacking:
        return t("examples.next_closed")
    sides = [tn(f"examples.missing_{label}", count) for label, count in lacking.items()]
    return t("examples.missing", what=t("said.comma").join(sides))


def preview() -> bool:
    """Token view, pairs, and what the model says next, from the worker; False where the model refuses the texts."""
    st.subheader(t("examples.preview"), anchor=False)
    try:
        config = state.draft().config()
    except HeadlightError as error:
        shell.show(error)
        return False
    answer = state.backend().ask("preview", config.model_dump(mode="json"))
    if answer.pending:
        wait(config.model_dump(mode="json"))
    elif answer.error_key:
        shell.show_error(answer.error_key, answer.error_values)
        if st.button(t("examples.ask_again"), key="ask_again", icon=":material/refresh:"):
            state.backend().ask("preview", config.model_dump(mode="json"), again=True)
            st.rerun()
        return False
    else:
        show_preview(dict(answer.value or {}))
    return True


@st.fragment(run_every=0.4)
def wait(payload: dict[str, Any]) -> None:
    """Look for the worker's answer; the page is drawn anew when it is there."""
    state.polls()
    if state.backend().ask("preview", payload).pending:
        st.caption(t("examples.reading"))
    else:
        st.rerun()


def show_preview(found: dict[str, Any]) -> None:
    """The token table with its legend, the pairs, and how well the model's next words fit the labels."""
    alignment = AlignmentRecord.model_validate(found["alignment"])
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"{notes.alignment(alignment, language())} {notes.pairs(alignment, language())}", width="stretch"
        )
        if alignment.pairs_source == "automatic" or state.draft().pairing == "off":
            off = state.draft().pairing == "off"
            if st.button(
                t("examples.pair" if off else "examples.unpair"),
                key="toggle_pairs",
                icon=":material/link_off:" if not off else ":material/link:",
            ):
                state.draft().pairing = "auto" if off else "off"
                state.refill("pairing")
                st.rerun()
    judged = [example["behaves"] for example in found["examples"] if example["behaves"] is not None]
    if judged and not all(judged):
        st.warning(tn("examples.unfit", judged.count(False), total=len(judged)), icon=":material/warning:")
    if alignment.left_out:
        st.warning(tn("examples.left_out", len(alignment.left_out)), icon=":material/info:")
    warnings(found["examples"], alignment.pairs)
    rows(found)
    st.html(token_view.legend(found, t))
    st.session_state["behaviour"] = (state.draft().source, state.draft().examples, differs(found))


def rows(found: dict[str, Any]) -> None:
    """The token table, the first rows of many unless all are asked for."""
    total = len(found["examples"])
    everything = total <= FIRST_ROWS
    if not everything:
        everything = st.toggle(
            t("examples.all_rows", shown=FIRST_ROWS, total=total), key="all_rows", persist_state="session"
        )
    st.html(token_view.table(found, t, None if everything else FIRST_ROWS))


def differs(found: dict[str, Any]) -> bool:
    """Whether the model says something else on the two sides."""
    return fitness.difference(found["examples"], found["alignment"]["pairs"]) >= fitness.LEAST_DIFFERENCE


def warnings(examples: list[dict[str, Any]], pairs: Sequence[tuple[int, int]]) -> None:
    """Say where the sides differ in variety, or not in behaviour."""
    if fitness.less_varied(examples):
        anomalous, normal = fitness.variety(examples)
        st.warning(t("examples.less_varied", anomalous=anomalous, normal=normal), icon=":material/warning:")
    difference = fitness.difference(examples, pairs)
    if difference < fitness.LEAST_DIFFERENCE:
        share = i18n.number(100 * difference)
        st.warning(t("examples.same_behaviour", share=share), icon=":material/warning:")


def give() -> None:
    """The inputs, what is said of them, and the button to the next step."""
    scenario = samples.scenario_of(state.draft().source)
    above = st.container()  # it stays when its button goes: a box that moves loses what is being typed
    if (
        scenario
        and not state.draft().examples.examples
        and above.button(t("examples.take_sample"), key="take_sample", icon=":material/playlist_add:")
    ):
        samples.load_sample(scenario)
        st.rerun()
    inputs.show()
    drafting.show()
    pills()
    hindrance = state.fails(state.draft().examples.check)
    ready = hindrance is None and "paste_error" not in st.session_state
    if state.draft().examples.examples and hindrance:
        shell.show(hindrance)
    elif state.draft().examples.examples:
        ready = preview() and ready
    shell.next_button("examples", key="next_examples", disabled=not ready, reason=missing())


shell.header("examples", t("examples.lead"))
if state.draft().source:
    give()
else:
    st.info(t("shell.needs_model"), icon=":material/info:")
    if st.button(t("shell.to_model"), key="to_model", type="primary"):
        shell.go("model")
