"""Write the examples of the generated scenarios, eight pairs each: `python -m
core.scenarios.build.make_examples`.
"""

from pathlib import Path

from core.examples.example_set import Example, from_rows, to_csv
from core.scenarios import FOLDER
from core.scenarios.build.tasks import PLANTED, TASKS, TaskPair, pairs

SEED, PAIRS = 42, 8


def examples_of(drawn: list[TaskPair]) -> list[Example]:
    """Two examples a pair; both carry the words of the pair, so that one measure fits both."""
    found = []
    for number, pair in enumerate(drawn, start=1):
        words = {"pair": str(number), "expected": pair.expected, "actual": pair.actual}
        found.append({"label": "anomalous", "text": pair.anomalous, **words})
        found.append({"label": "normal", "text": pair.normal, **words})
    return list(from_rows(sorted(found, key=lambda row: row["label"])).examples)


def main(folder: Path = FOLDER) -> None:
    """Write every examples.csv."""
    for task in (*TASKS, PLANTED):
        (folder / task).mkdir(parents=True, exist_ok=True)
        (folder / task / "examples.csv").write_bytes(to_csv(examples_of(pairs(task, PAIRS, SEED))))


if __name__ == "__main__":
    main()
