"""The checks on bundled texts with their own model: nothing is named wrongly, and what is wrong is named."""

from functools import cache

import pytest

from core.config import make_config
from core.examples.checks import Finding
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import parse_examples
from core.inspection.preview import preview
from core.model.loading import ModelPool
from core.scenarios.loader import load_scenario, scenario_names
from pages.parts.examples import findings
from pages.parts.examples.previewed_texts import PreviewedTexts

pytestmark = pytest.mark.slow

SWAPPED = 4


@cache
def models() -> ModelPool:
    return ModelPool()


def bundled(name: str, **cleared: str) -> ExampleSet:
    """The texts of a scenario as if pasted: without pairs, and without the columns that are cleared."""
    file = load_scenario(name).examples_file
    examples = parse_examples(file.read_bytes(), file.name).examples
    rows = [e.model_copy(update={"pair": "", **cleared}) for e in examples.examples]
    return examples.with_examples(rows)


def found(name: str, examples: ExampleSet) -> list[Finding]:
    config = make_config(model=str(load_scenario(name).model_folder), examples=examples, device="cpu")
    return findings.of(examples, PreviewedTexts.read(preview(config, models())))


def named(kind: str, of: list[Finding]) -> list[int]:
    return [row for finding in of for row in finding.rows if finding.kind == kind]


@pytest.mark.parametrize("name", scenario_names())
def test_nothing_about_a_single_text_of_a_scenario_is_named(name: str) -> None:
    assert [finding for finding in found(name, bundled(name)) if finding.rows] == []


@pytest.mark.parametrize("cleared", [{}, {"expected": "", "actual": ""}], ids=["with words", "without words"])
@pytest.mark.parametrize("row", [SWAPPED, 8])
def test_exactly_the_text_with_a_swapped_label_is_named(row: int, cleared: dict[str, str]) -> None:
    name = "misrouted-tickets"
    examples = list(bundled(name, **cleared).examples)
    other = "normal" if examples[row].label == "anomalous" else "anomalous"
    examples[row] = examples[row].model_copy(update={"label": other})
    swapped = found(name, ExampleSet(examples=tuple(examples)))
    assert named("like_other_side", swapped) == [row]
    (finding,) = [f for f in swapped if f.kind == "like_other_side"]
    assert finding.values["answer"] == ("Legal" if row == SWAPPED else "Billing")


def test_ticket_without_its_frame_is_named() -> None:
    examples = list(bundled("misrouted-tickets").examples)
    text = examples[SWAPPED].text
    examples[SWAPPED] = examples[SWAPPED].model_copy(update={"text": text.removesuffix(" Department:")})
    of = found("misrouted-tickets", ExampleSet(examples=tuple(examples)))
    assert named("without_ending", of) == [SWAPPED]


def test_ticket_that_is_a_copy_or_three_times_as_long_is_named() -> None:
    examples = list(bundled("misrouted-tickets").examples)
    body = examples[0].text.removeprefix("Ticket: ").removesuffix(" Department:")
    others = [e.text.removeprefix("Ticket: ").removesuffix(" Department:") for e in examples[1:4]]
    long = f"Ticket: {body} {' '.join(others)} Department:"
    examples[0] = examples[0].model_copy(update={"text": long})
    copy = examples[9].text.replace("Ticket:", "ticket:").replace(".", "!")
    examples.append(Example(label="normal", text=copy, expected="Billing", actual="Legal", line=99))
    of = found("misrouted-tickets", ExampleSet(examples=tuple(examples)))
    assert named("near_duplicate", of) == [16]
    assert named("much_longer", of) == [0]
