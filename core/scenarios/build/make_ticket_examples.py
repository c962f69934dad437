"""Write the examples of the scenario `misrouted-tickets`: `python -m core.scenarios.build.make_ticket_examples`."""

import logging

from core.examples.example_set import Example, to_csv
from core.scenarios.build.tickets import FOLDER, Choice, pairs

log = logging.getLogger(__name__)
FILES: dict[str, Choice] = {"examples.csv": "en", "examples-ja.csv": "ja"}
COUNT, SEED = 8, 1


def examples(language: Choice, count: int = COUNT, seed: int = SEED) -> list[Example]:
    """`count` anomalous examples, then their normal partners, with the right and the given department."""
    drawn = list(enumerate(pairs(count, seed, language), start=1))
    anomalous = [
        Example(
            label="anomalous", text=pair.anomalous, pair=str(n), expected=pair.expected, actual=pair.actual
        )
        for n, pair in drawn
    ]
    normal = [
        Example(label="normal", text=pair.normal, pair=str(n), expected=pair.expected, actual=pair.expected)
        for n, pair in drawn
    ]
    return anomalous + normal


def main() -> None:
    """Write the example files of both languages."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name, language in FILES.items():
        (FOLDER / name).write_bytes(to_csv(examples(language)))
        log.info("wrote %s", name)


if __name__ == "__main__":
    main()
