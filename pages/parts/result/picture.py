"""The picture of the result: from the words over the proven heads to the answers; a click on one opens the circuit."""

from pages.parts import shell
from pages.parts.circuit.view_state import open_head
from pages.parts.picture import shown
from pages.parts.result.telling import Telling


def show(telling: Telling) -> None:
    """The picture of the circuit page, of all texts; nothing where no head stands out."""
    if not telling.facts.listed or telling.result.selected.empty:
        return
    if shown.show(telling.result, "result_picture", open_head):
        shell.go("circuit")
