"""Examples of a table whose columns are known: labels, texts or conversations, answers, and what is carried along."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from core.errors import ExamplesError
from core.examples.conversation import Message, transcript
from core.examples.example_set import LABELS, Example, ExampleSet, Label, shortened
from core.examples.made_texts import MADE, given_first
from core.examples.reading.around import with_common_parts
from core.examples.reading.columns import Roles, roles_of
from core.examples.reading.conversations import answer_of, text_of, turns_of, unread_of
from core.examples.reading.formats.json_records import NotANumber, written
from core.examples.reading.headings import CARRIED
from core.examples.reading.labels import side_of, sides_of, word_of
from core.examples.reading.mapping import ColumnRole, FinalTurn, Mapping, Reading
from core.examples.reading.notes import of_lines, quoted, readable
from core.examples.reading.tables import Table, TableRow
from core.examples.reading.whole_characters import check_characters
from core.schema import Note

Cells = dict[ColumnRole, object]

_ANSWERS_AS = {"anomalous": ("actual", "expected"), "normal": ("expected", "actual")}
"""What the answer of a log is: the wrong one on anomalous texts, the right one on normal ones, where that is free."""


def examples_of(
    table: Table,
    mapping: Mapping | None = None,
    final_turn: FinalTurn | None = None,
    keep_space: bool = False,
    side: Label | None = None,
) -> Reading:
    """The examples of a table; `side` is the label of all where no column holds one.

    Raises ExamplesError: `columns_unclear`, `labels_unclear`, and for every row that cannot be read.
    """
    mapping = mapping or Mapping()
    if not table.rows:
        raise ExamplesError("no_rows", headings=readable(quoted(table.headings)))
    for row in table.rows:
        check_characters((*table.headings, *map(written, row.cells)), row.line)
    roles, notes = roles_of(table, mapping, needs_label=side is None)
    sides: dict[str, Label] = {}
    if "label" in roles:
        place = roles.index("label")
        sides, about = sides_of(table.column(place), table.headings[place], mapping.labels)
        notes += about
        _check_swallowed(table, place, sides)
    rows = _Rows(table, roles, sides, side, final_turn, keep_space)
    examples = given_first(example for row in table.rows for example in rows.of_row(row))
    if made := sum(example.source == MADE for example in examples):
        notes.append(Note(key="made_read", values={"count": made}))
    if "carried" in roles:
        names = [name for name, role in zip(table.headings, roles, strict=True) if role == "carried"]
        notes.append(Note(key="carried_columns", values={"columns": quoted(names)}))
    if set(LABELS) <= set(roles):
        pairs = sum(example.label == LABELS[0] and example.pair != "" for example in examples)
        notes.append(Note(key="pairs_side_by_side", values={"count": pairs}))
    chat = any(example.messages for example in examples)
    frame = rows.frame()
    if chat and frame:
        notes.append(Note(key="frame_not_used", values={"frame": shortened(frame)}))
    found = ExampleSet(examples=examples, form="chat" if chat else "plain", frame="" if chat else frame)
    columns = dict(zip(table.headings, roles, strict=True))
    found = with_common_parts(found)
    return Reading(found, (*table.notes, *notes, *rows.notes()), table.encoding, table.separator, columns)


@dataclass
class _Rows:
    """Makes the examples of rows, and remembers the lines of what must be named once all are read."""

    table: Table
    roles: Roles
    sides: dict[str, Label]
    side: Label | None
    final_turn: FinalTurn | None
    keep_space: bool
    lines: dict[str, list[int]] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)

    def notes(self) -> list[Note]:
        notes = [note for key, lines in self.lines.items() for note in of_lines(key, lines)]
        names = {"names": quoted(self.unread)}
        return [
            note.model_copy(update={"values": {**note.values, **names}})
            if note.key == "parts_unread"
            else note
            for note in notes
        ]

    def frame(self) -> str:
        """The frame that a column names alike in all rows. Raises ExamplesError where rows name several."""
        if "frame" not in self.roles:
            return ""
        place = self.roles.index("frame")
        frames = {text_of(row.cells[place], row.line): row.line for row in self.table.rows}
        if len(frames) > 1:
            raise ExamplesError("frames_differ", frames=readable(quoted(frames)))
        return next(iter(frames))

    def of_row(self, row: TableRow) -> Iterator[Example]:
        """The example of a row, or the two that stand side by side in it."""
        cells: Cells = {
            role: None if isinstance(cell, NotANumber) and role not in _MUST_BE_TEXT else cell
            for role, cell in zip(self.roles, row.cells, strict=True)
        }
        if not set(LABELS) <= set(cells):
            yield self._example(row, self._label(row, cells), cells)
            return
        filled = [label for label in LABELS if written(cells[label]).strip()]
        number = str(row.line - self.table.heading_line) if len(filled) == len(LABELS) else ""
        pair = written(cells.get("pair")).strip() or number
        for label in sorted(filled, key=self.roles.index):
            yield self._example(row, label, {**cells, "text": cells[label], "pair": pair})

    def _label(self, row: TableRow, cells: Cells) -> Label:
        if "label" not in cells and self.side:
            return self.side
        label = self.sides.get(word_of(cells.get("label")))
        if label is None:
            raise ExamplesError("unknown_label", line=row.line, label=shortened(written(cells.get("label"))))
        return label

    def _example(self, row: TableRow, label: Label, cells: Cells) -> Example:
        carried = {
            heading.removeprefix(CARRIED): "" if isinstance(cell, NotANumber) else written(cell)
            for heading, role, cell in zip(self.table.headings, self.roles, row.cells, strict=True)
            if role == "carried"
        }
        self._name_unread(row, cells)
        turns, beside = self._turns(row, cells)
        carried |= beside
        answers = {name: self._answer(row, cells, name) for name in ("expected", "actual")}
        answer = self._answer(row, cells, "answer")
        if not answer and turns and turns[-1].role == "assistant":
            answer, turns = self._kept(row, turns[-1].content), turns[:-1]
        beginning = text_of(cells.get("beginning"), row.line)
        if answer and self.final_turn == "beginning":
            self._remember("beginnings_taken", row)
            beginning = beginning or answer
        elif answer and not self._place(row, label, answer, answers):
            if self.final_turn is None and not beginning and not _tells(answer, answers.values()):
                # both answers are given beside it, and it holds neither: so it is no answer, but begins one
                self._remember("beginnings_recognised", row)
                beginning = answer
            else:
                self._remember("answers_carried", row)
                carried[self._heading("answer")] = answer
        if not turns:
            turns = (Message(role="user", content=self._text(row, cells)),)
        chat = len(turns) > 1 or bool(beginning) or self._is_conversation(row, cells)
        if beginning:
            turns = (*turns, Message(role="assistant", content=beginning))
        if not any(turn.content.strip() for turn in turns if turn.role == "user"):
            raise ExamplesError("empty_text", line=row.line)
        return Example(
            label=label,
            text=transcript(turns),
            pair=written(cells.get("pair")).strip(),
            **answers,
            line=row.line,
            messages=turns if chat else (),
            carried=carried,
            source=MADE if written(cells.get("pair_source")).strip() == MADE else "",
        )

    def _heading(self, role: ColumnRole) -> str:
        """What the file calls the column of a role; the role's own name where it has no such column."""
        return self.table.headings[self.roles.index(role)] if role in self.roles else role

    def _is_conversation(self, row: TableRow, cells: Cells) -> bool:
        return any(turns_of(cells.get(role), row.line) for role in _TURNS)

    def _name_unread(self, row: TableRow, cells: Cells) -> None:
        """Remember what conversations hold besides roles and texts, and turns in front of the last one of an answer."""
        for role in (*_TURNS, *_ANSWERS):
            if names := unread_of(cells.get(role), row.line):
                self._remember("parts_unread", row)
                self.unread |= dict.fromkeys(names)
            if role in _ANSWERS and len(turns_of(cells.get(role), row.line)) > 1:
                self._remember("answers_of_last_turn", row)

    def _turns(self, row: TableRow, cells: Cells) -> tuple[tuple[Message, ...], dict[str, str]]:
        """The turns of a row behind the system message of its own column; and what stands beside them and is kept."""
        turns = self._fed(row, turns_of(cells.get("messages"), row.line))
        beside: dict[str, str] = {}
        if turns:
            if other := self._text_beside(row, cells, turns):
                self._remember("texts_beside_turns", row)
                beside[self._heading("text")] = other
        elif written(cells.get("messages")).strip():
            found = readable(shortened(written(cells["messages"])))
            raise ExamplesError("no_turns", line=row.line, found=found)
        turns = turns or self._fed(row, turns_of(cells.get("text"), row.line))
        system = self._kept(row, text_of(cells.get("system"), row.line))
        if system and not (turns and turns[0].role == "system"):
            turns = turns or (Message(role="user", content=self._text(row, cells)),)
            turns = (Message(role="system", content=system), *turns)
        elif system and system != turns[0].content.strip():
            self._remember("systems_beside_turns", row)
            beside[self._heading("system")] = system
        return turns, beside

    def _text_beside(self, row: TableRow, cells: Cells, turns: tuple[Message, ...]) -> str:
        """A text beside a conversation that is no part of it; nothing where it only says the same."""
        others = turns_of(cells.get("text"), row.line)
        if others:
            return "" if others == turns[: len(others)] else written(cells.get("text"))
        beside = text_of(cells.get("text"), row.line).strip()
        begun = text_of(cells.get("beginning"), row.line)
        whole = transcript((*turns, Message(role="assistant", content=begun)) if begun else turns)
        return (
            "" if beside in (whole.strip(), transcript(turns).strip(), turns[-1].content.strip()) else beside
        )

    def _fed(self, row: TableRow, turns: tuple[Message, ...]) -> tuple[Message, ...]:
        """Turns whose line breaks are line feeds, as those of texts in cells."""
        self._remember("breaks_changed", row, any("\r\n" in turn.content for turn in turns))
        return tuple(
            turn.model_copy(update={"content": turn.content.replace("\r\n", "\n")}) for turn in turns
        )

    def _text(self, row: TableRow, cells: Cells) -> str:
        text = text_of(cells.get("text"), row.line)
        if not text.strip():
            raise ExamplesError("empty_text", line=row.line)
        self._remember("missing_words", row, text.strip().casefold() in _MISSING)
        self._remember("damaged_characters", row, "\ufffd" in text)
        return self._kept(row, text)

    def _answer(self, row: TableRow, cells: Cells, role: ColumnRole) -> str:
        return self._kept(row, answer_of(cells.get(role), row.line))

    def _kept(self, row: TableRow, text: str) -> str:
        self._remember("breaks_changed", row, "\r\n" in text)
        text = text.replace("\r\n", "\n")
        if self.keep_space or text == text.strip():
            return text
        self._remember("outer_space_removed", row)
        return text.strip()

    def _place(self, row: TableRow, label: Label, answer: str, answers: dict[str, str]) -> bool:
        """Put the model's answer where it is still free, `actual` or `expected`; False where neither is."""
        if answer in answers.values():
            return True
        free = next((name for name in _ANSWERS_AS[label] if not answers[name]), None)
        if free is None:
            return False
        answers[free] = answer
        self._remember("answers_taken" if self.final_turn is None else "answers_taken_as_chosen", row)
        return True

    def _remember(self, key: str, row: TableRow, applies: bool = True) -> None:
        lines = self.lines.setdefault(key, [])
        if applies and row.line not in lines[-1:]:
            lines.append(row.line)


def _tells(text: str, answers: Iterable[str]) -> bool:
    """Whether a text holds one of the answers."""
    return any(answer.strip().casefold() in text.casefold() for answer in answers if answer.strip())


_MUST_BE_TEXT: tuple[ColumnRole, ...] = ("text", "messages", *LABELS)
"""Columns whose cells may not be missing: what JSON writes as NaN is an empty cell elsewhere."""

_TURNS: tuple[ColumnRole, ...] = ("messages", "text")
_ANSWERS: tuple[ColumnRole, ...] = ("answer", "expected", "actual")
_MISSING = ("nan", "none", "null", "n/a", "#n/a")
"""How programs write the cell of a missing text."""


def _check_swallowed(table: Table, place: int, sides: dict[str, Label]) -> None:
    """A quotation mark too many can make one cell of several rows: refuse a line within one that looks like a row."""
    if not table.separator:
        return
    for row in table.rows:
        for cell in map(str, row.cells):
            for number, inner in enumerate(cell.split("\n")[1:], start=1):
                parts = inner.split(table.separator)
                if len(parts) >= len(table.headings) > 1 and _labels(parts, place, sides):
                    found = {"line": row.line, "inner": row.line + number, "text": shortened(inner)}
                    raise ExamplesError("row_within_cell", **found)


def _labels(parts: Sequence[str], place: int, sides: dict[str, Label]) -> bool:
    word = parts[place].strip('" ')
    return word_of(word) in sides or side_of(word) is not None
