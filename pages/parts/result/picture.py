"""The picture of the result: from the words over the proven heads to the answers; a click on one opens the circuit."""

import streamlit as st

from pages.parts import shell
from pages.parts.charts import legends
from pages.parts.circuit.view_state import open_head
from pages.parts.picture import shown
from pages.parts.picture.telling import of as story_of
from pages.parts.result.telling import Telling
from pages.parts.session.state import language


def show(telling: Telling) -> None:
    """The picture of the circuit page, of all texts; nothing where no head stands out."""
    if not telling.facts.listed or telling.result.selected.empty:
        return
    opened = shown.show(telling.result, "result_picture", open_head)
    st.html(legends.of_story(story_of(telling.result, language()), unproven=False, mlps=True))
    if opened:
        shell.go("circuit")
