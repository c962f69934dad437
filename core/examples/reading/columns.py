"""Which column of a table holds what: as a person says, else as headings and cells tell; what is unclear is asked."""

from collections.abc import Sequence
from typing import TypeAlias

from core.errors import ExamplesError
from core.examples.example_set import LABELS, shortened
from core.examples.reading.formats.json_records import written
from core.examples.reading.headings import is_output, normalised, rank, role_of
from core.examples.reading.labels import affirms, side_named, tell_sides
from core.examples.reading.mapping import ROLES, ColumnRole, Mapping
from core.examples.reading.notes import quoted, readable
from core.examples.reading.tables import Table
from core.schema import Note

Roles: TypeAlias = list[ColumnRole]

_KEPT = ("carried", "ignored")
_ASKED = ("label", "text")
"""Roles of which a wrong guess would change what the texts are: two columns that fit equally well are asked for."""


def roles_of(table: Table, mapping: Mapping, needs_label: bool = True) -> tuple[Roles, list[Note]]:
    """The role of every column, and a note where one was told by its cells.

    Raises `columns_unclear` where no column, or more than one, can be the label or the text.
    """
    given = _given(table, mapping)
    roles: list[ColumnRole | None] = [
        given.get(normalised(heading)) or role_of(heading) for heading in table.headings
    ]
    for role in ROLES:
        if role not in _KEPT:
            _settle(table, roles, role, given)
    if not {"text", "messages", "anomalous", "normal"} & set(roles) and "label" not in given.values():
        _sides(table, roles)
    notes = _label_by_cells(table, roles, given) if needs_label and not set(LABELS) & set(roles) else []
    by_sides = set(LABELS) <= set(roles)
    unused = ("label", "text", "messages") if by_sides else LABELS
    roles = ["carried" if role in unused else role for role in roles]
    if not by_sides and ((needs_label and "label" not in roles) or not {"text", "messages"} & set(roles)):
        raise unclear(table, roles, [role for role in _ASKED if role not in roles])
    _outputs_are_answers(table, roles, given)
    return [role or "carried" for role in roles], notes


def unclear(table: Table, roles: Sequence[ColumnRole | None], missing: Sequence[str]) -> ExamplesError:
    """The question which column holds what: headings, some of their cells, and what was recognised."""
    recognised = {h: role for h, role in zip(table.headings, roles, strict=True) if role}
    return ExamplesError(
        "columns_unclear",
        headings=readable(quoted(table.headings)),
        missing=", ".join(missing),
        samples=samples_of(table),
        recognised=recognised,
    )


def samples_of(table: Table) -> dict[str, list[str]]:
    """The first filled cells under each heading, shortened, for whoever says what the columns hold."""
    return {
        heading: [shortened(written(cell), 60) for cell in table.column(place) if written(cell).strip()][:3]
        for place, heading in enumerate(table.headings)
    }


def _given(table: Table, mapping: Mapping) -> dict[str, ColumnRole]:
    """What a person said, by normalised heading. Raises ExamplesError for unknown headings and roles."""
    known = {normalised(heading) for heading in table.headings}
    for heading, role in mapping.columns.items():
        if normalised(heading) not in known:
            raise ExamplesError("no_such_column", name=heading, known=readable(quoted(table.headings)))
        if role not in ROLES:
            raise ExamplesError("no_such_role", name=role, known=", ".join(ROLES))
    given = {normalised(heading): role for heading, role in mapping.columns.items()}
    single = [role for role in given.values() if role not in _KEPT]
    if len(set(single)) < len(single):
        raise ExamplesError("doubled_columns", found=", ".join({r for r in single if single.count(r) > 1}))
    return given


def _settle(
    table: Table, roles: list[ColumnRole | None], role: ColumnRole, given: dict[str, ColumnRole]
) -> None:
    """Leave one column with the role: the one that was given, else the one whose heading names it most plainly."""
    places = [place for place, each in enumerate(roles) if each == role]
    if len(places) < 2:
        return
    chosen = [place for place in places if given.get(normalised(table.headings[place])) == role]
    if not chosen:
        best = min(rank(table.headings[place]) for place in places)
        chosen = [place for place in places if rank(table.headings[place]) == best]
        telling = [p for p in places if tell_sides(table.column(p)) or affirms(table.column(p))]
        if role == "label" and best > 0 and telling:
            chosen = telling
        if len(chosen) > 1 and role in _ASKED:
            raise unclear(table, [None if each == role else each for each in roles], [role])
    for place in places:
        if place != chosen[0]:
            roles[place] = "carried"


def _sides(table: Table, roles: list[ColumnRole | None]) -> None:
    """Two columns whose headings name the sides hold texts side by side, unless they hold 1 and 0."""
    sides = {place: side_named(heading) for place, heading in enumerate(table.headings)}
    named = {place: side for place, side in sides.items() if side and not affirms(table.column(place))}
    if len(named) == len(LABELS) and set(named.values()) == set(LABELS):
        for place, side in named.items():
            roles[place] = side


def _label_by_cells(table: Table, roles: list[ColumnRole | None], given: dict[str, ColumnRole]) -> list[Note]:
    """Where no heading says `label`, the one column is it whose cells are words of both sides, or affirm one."""
    at = roles.index("label") if "label" in roles else None
    if at is not None and (
        normalised(table.headings[at]) in given
        or rank(table.headings[at]) == 0
        or tell_sides(table.column(at))
        or affirms(table.column(at))
    ):
        return []
    places = [
        place
        for place, role in enumerate(roles)
        if role not in ("text", "messages", "ignored")
        and (tell_sides(table.column(place)) or _affirms(table, place))
    ]
    if len(places) != 1:
        return []
    if at is not None:
        roles[at] = "carried"
    roles[places[0]] = "label"
    if _affirms(table, places[0]):
        return []  # `sides_of` names it
    return [Note(key="label_by_cells", values={"column": table.headings[places[0]]})]


def _affirms(table: Table, place: int) -> bool:
    """Whether a column holds 1 and 0, or the like, under a heading that says what they affirm."""
    last = table.headings[place].rpartition(".")[2]
    return side_named(last) is not None and affirms(table.column(place))


def _outputs_are_answers(table: Table, roles: list[ColumnRole | None], given: dict[str, ColumnRole]) -> None:
    """What a log calls output is what the model answered: right on normal texts, wrong on anomalous ones."""
    if "expected" in roles or "answer" in roles or "actual" not in roles:
        return
    place = roles.index("actual")
    if is_output(table.headings[place]) and normalised(table.headings[place]) not in given:
        roles[place] = "answer"
