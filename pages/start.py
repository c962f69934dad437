"""Start: what this is, the sample incident, one's own texts, recent runs."""

import streamlit as st

from core.errors import HeadlightError
from pages.parts import shell
from pages.parts.charts import drawings
from pages.parts.examples.former_texts import described
from pages.parts.i18n import glossary
from pages.parts.model import real_sample
from pages.parts.runs import runs_table
from pages.parts.session import samples, state
from pages.parts.session.state import t


def sample_card() -> None:
    """The sample incident: its story, its finished result, and the way to run it oneself."""
    stories = samples.bundled_stories(state.language())
    with st.container():
        st.subheader(t("start.sample_title"), anchor=False)
        name = st.selectbox(
            t("start.scenario"),
            list(stories),
            format_func={key: title for key, (title, _) in stories.items()}.__getitem__,
            key="scenario",
            label_visibility="collapsed",
            persist_state="session",
        )
        st.write(stories[name][1])
    finished = name == samples.SAMPLE
    with st.container(horizontal=True):
        opened = finished and st.button(
            t("start.finished_button"), key="open_finished", type="primary", icon=":material/visibility:"
        )
        if opened and shell.succeeds(samples.open_finished):
            shell.go("result")
        if st.button(
            t("start.sample_button"),
            key="open_sample",
            type="tertiary" if finished else "primary",
            icon=":material/play_arrow:",
        ):
            run_sample(name)


def run_sample(name: str) -> None:
    """Go to the reader's own run of a scenario, finished or just begun."""
    try:
        finished = samples.open_sample(name)
    except HeadlightError as error:
        shell.show(error)
    else:
        shell.go("result" if finished else "analysis")


def own_card() -> None:
    """One's own texts: those that are there already, or an empty draft."""
    draft = state.draft()
    with st.container():
        st.subheader(t("start.own_title"), anchor=False)
        st.markdown(t("start.own_here", **described(draft)) if draft.own else t("start.own_text"))
    if not draft.own:
        if st.button(t("start.own_button"), key="start_own", icon=":material/edit_note:"):
            begin_anew()
        return
    with st.container(horizontal=True):
        if st.button(t("start.go_on"), key="go_on_own", icon=":material/edit_note:"):
            shell.go("examples" if draft.source else "model")
        if st.button(t("start.anew"), key="start_own", type="tertiary", help=t("start.anew_help")):
            begin_anew()


def begin_anew() -> None:
    """Leave the run and whatever texts there are; own ones are kept."""
    state.leave_run()
    state.replace_draft(state.Draft())
    shell.go("model")


def how_it_works() -> None:
    """Four small pictures."""
    figures = "".join(
        f"<figure>{drawings.how(step)}<figcaption>{glossary.sentence(t(f'start.how_{step}'))}</figcaption></figure>"
        for step in drawings.HOW
    )
    st.html(f'<div class="how">{figures}</div>')


shell.header("start", t("start.lead"))
left, middle, right = st.columns([5, 4.2, 3.8], gap="medium")
with left.container(border=True, height="stretch", vertical_alignment="distribute"):
    sample_card()
with middle.container(border=True, height="stretch", vertical_alignment="distribute"):
    real_sample.card()
with right.container(border=True, height="stretch", vertical_alignment="distribute"):
    own_card()
st.space("small")
st.subheader(t("start.how"), anchor=False)
how_it_works()
# the finished sample has its own button above
recent = [line for line in runs_table.listed(limit=5) if not line.sample][:3]
if recent:
    st.space("small")
    st.subheader(t("start.recent"), anchor=False)
    runs_table.show(recent, key="recent")
