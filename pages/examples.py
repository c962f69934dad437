"""Examples: the texts of the two sides, every check on them, and what the model makes of them."""

import streamlit as st

from core.config import LONGEST_FAULT
from core.examples.example_set import ADVISED_PER_SIDE, LABELS, MAXIMUM_PER_SIDE, MINIMUM_PER_SIDE
from pages.parts import shell
from pages.parts.examples import chat, drafting, fitness, former_texts, preview
from pages.parts.examples.inputs import boxes, table, upload
from pages.parts.session import samples, state
from pages.parts.session.state import t, tn


def pills() -> None:
    """How many texts each side has, and whether that is a good number."""
    low, high = ADVISED_PER_SIDE
    values = {"least": MINIMUM_PER_SIDE, "low": low, "high": high, "most": MAXIMUM_PER_SIDE}
    shown = ""
    for label in LABELS:
        count = state.draft().examples.count(label)
        advice = fitness.advice(count)
        shown += (
            f'<span class="pill {advice}"><span class="side {label}">{t(f"label.{label}")}</span>'
            f"<b>{count}</b>{t(f'examples.advice_{advice}', **values)}</span>"
        )
    st.html(f'<div class="pills" role="status">{shown}</div>')


def missing() -> str:
    """What keeps the next step closed, in words."""
    lacking = {label: MINIMUM_PER_SIDE - state.draft().examples.count(label) for label in LABELS}
    sides = [tn(f"examples.missing_{label}", count) for label, count in lacking.items() if count > 0]
    if not sides:
        return t("examples.next_closed")
    return t("examples.missing", what=t("finding.comma").join(sides))


def ways_in() -> None:
    """Two boxes to paste into, a file, a table."""
    pasting, file, rows = st.tabs(
        [t("examples.paste"), t("examples.file"), t("examples.table")], key="examples_tab"
    )
    with pasting:
        boxes.show()
    with file:
        upload.show()
    with rows:
        table.show()


def fault() -> None:
    """The fault in the reader's own sentence, for result and report; it may stay empty."""
    st.text_input(
        t("examples.fault"),
        max_chars=LONGEST_FAULT,
        placeholder=t("examples.fault_example"),
        help=t("examples.fault_help"),
        **state.bound("fault"),
    )


def give() -> None:
    """The inputs, what is wrong with them, and the button to the next step."""
    scenario = samples.scenario_of(state.draft().source)
    above = st.container()  # it stays when its button goes: a box that moves loses what is being typed
    if (
        scenario
        and not state.draft().examples.examples
        and above.button(t("examples.take_sample"), key="take_sample", icon=":material/playlist_add:")
    ):
        samples.load_sample(scenario)
        st.rerun()
    former_texts.show()
    chat.show()
    ways_in()
    drafting.show()
    pills()
    if state.draft().examples.examples:
        fault()
    hindrance = state.fails(state.draft().examples.check)
    ready = hindrance is None and not any(key in st.session_state for key in ("paste_error", "edit_error"))
    if state.draft().examples.examples:
        if hindrance:
            shell.show(hindrance)
        elif chat.unreadable():  # which stands beside the choice of the form
            ready = False
        else:
            ready = preview.show() and ready
    elif hindrance and hindrance.key == "frame_without_text":  # before anybody has pasted for nothing
        shell.show(hindrance)
    shell.next_button("examples", key="next_examples", disabled=not ready, reason=missing())


shell.header("examples", t("examples.lead"))
if state.draft().source:
    give()
else:
    shell.needs("model")
