"""Write the examples of all scenarios, eight pairs each: `python -m core.scenarios.build.make_examples`.

The finished sample has texts of its own, the first SAMPLE_PAIRS that are drawn with one fault alone, so that one
mechanism explains all of them. The three faults of the other tickets are three mechanisms (`docs/scenarios.md`).
"""

from collections.abc import Sequence
from pathlib import Path

from core.examples.example_set import Example, ExampleSet
from core.examples.reading import to_csv
from core.scenarios.build import tickets
from core.scenarios.build.tasks import PLANTED, TASKS, TaskPair, pairs
from core.scenarios.loader import FOLDER

SEED, TICKET_SEED, PAIRS = 42, 1, 8
SAMPLE_PAIRS, SAMPLE_FAULT = 10, 1
TICKET_FILES: dict[str, tickets.Choice] = {"examples.csv": "en", "examples-ja.csv": "ja"}
SAMPLE_FILES: dict[str, tickets.Choice] = {"sample.csv": "en", "sample-ja.csv": "ja"}


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


def ticket_examples(
    language: tickets.Choice, count: int = PAIRS, seed: int = TICKET_SEED, fault: int | None = None
) -> list[Example]:
    """The same of tickets, with the department that the desk gives: the right one for normal tickets."""
    return [
        example.model_copy(update={"actual": example.expected}) if example.label == "normal" else example
        for example in examples_of(tickets.pairs(count, seed, language, fault=fault))
    ]


def main(folder: Path = FOLDER) -> None:
    """Write every file of examples."""
    files = {f"{task}/examples.csv": examples_of(pairs(task, PAIRS, SEED)) for task in (*TASKS, PLANTED)}
    for name, language in TICKET_FILES.items():
        files[f"{tickets.FOLDER.name}/{name}"] = ticket_examples(language)
    for name, language in SAMPLE_FILES.items():
        files[f"{tickets.FOLDER.name}/{name}"] = ticket_examples(language, SAMPLE_PAIRS, fault=SAMPLE_FAULT)
    for name, examples in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(to_csv(ExampleSet(examples=tuple(examples))))


if __name__ == "__main__":
    main()
