"""Write the examples of all scenarios, eight pairs each: `python -m core.scenarios.build.make_examples`."""

from collections.abc import Sequence
from pathlib import Path

from core.examples.example_set import Example, ExampleSet
from core.examples.reading import to_csv
from core.scenarios.build import tickets
from core.scenarios.build.tasks import PLANTED, TASKS, TaskPair, pairs
from core.scenarios.loader import FOLDER

SEED, TICKET_SEED, PAIRS = 42, 1, 8
TICKET_FILES: dict[str, tickets.Choice] = {"examples.csv": "en", "examples-ja.csv": "ja"}


def examples_of(drawn: Sequence[TaskPair]) -> list[Example]:
    """Anomalous texts, then their normal partners; both carry the words of the pair, so that one metric fits both."""
    return [
        Example(
            label=label,
            text=getattr(pair, label),
            pair=str(number),
            expected=pair.expected,
            actual=pair.actual,
        )
        for label in ("anomalous", "normal")
        for number, pair in enumerate(drawn, start=1)
    ]


def ticket_examples(language: tickets.Choice, count: int = PAIRS, seed: int = TICKET_SEED) -> list[Example]:
    """The same of tickets, with the department that the desk gives: the right one for normal tickets."""
    return [
        example.model_copy(update={"actual": example.expected}) if example.label == "normal" else example
        for example in examples_of(tickets.pairs(count, seed, language))
    ]


def main(folder: Path = FOLDER) -> None:
    """Write every file of examples."""
    files = {f"{task}/examples.csv": examples_of(pairs(task, PAIRS, SEED)) for task in (*TASKS, PLANTED)}
    for name, language in TICKET_FILES.items():
        files[f"{tickets.FOLDER.name}/{name}"] = ticket_examples(language)
    for name, examples in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(to_csv(ExampleSet(examples=tuple(examples))))


if __name__ == "__main__":
    main()
