"""Notes of a reading: what must be known of how a file was read; their sentences stand in `core/text`."""

from collections.abc import Iterable, Sequence

from core.schema import Note
from core.text import text


def sentence(note: Note, language: str) -> str:
    """A note of a reading as a sentence of the language (`en`, `ja`)."""
    return text(language, f"reading.{note.key}", **note.values)


def of_lines(key: str, lines: Sequence[int]) -> list[Note]:
    """A note about these lines, or none where there are none."""
    return [Note(key=key, values={"count": len(lines), "lines": listed(lines)})] if lines else []


def listed(lines: Iterable[int], most: int = 8) -> str:
    """Numbers of lines for a sentence: runs as `3–5`, and an ellipsis after the first `most` runs."""
    runs: list[list[int]] = []
    for line in sorted(set(lines)):
        if runs and line == runs[-1][-1] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    shown = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs[:most]]
    return ", ".join(shown) + (", …" if len(runs) > most else "")


def quoted(words: Iterable[object]) -> str:
    """Words for a sentence, each in quotation marks and at most 40 characters long."""
    shown = (str(word) for word in words)
    return ", ".join(f"“{word if len(word) <= 40 else word[:39] + '…'}”" for word in shown)


def readable(text: str) -> str:
    """A text for a message, with what no encoding can write as an escape."""
    return text.encode(errors="backslashreplace").decode()
