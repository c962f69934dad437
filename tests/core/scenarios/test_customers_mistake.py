"""The scenario on a real language model: its texts, and what SmolLM2 says of them."""

from pathlib import Path

import pytest
import torch

from core.examples.reading import read_examples
from core.model.loading import load_model
from core.scenarios.loader import fetched_names, load_scenario, scenario_names
from core.storage import local_model, portable_model
from tests.support.smollm2 import put_into

NAME = "customers-mistake"


def test_scenario_is_complete_and_no_bundled_one() -> None:
    scenario = load_scenario(NAME)
    examples = read_examples(scenario.examples_file).check()
    assert NAME in fetched_names()
    assert NAME not in scenario_names()
    assert scenario.truth_file is None
    assert examples.count("anomalous") == examples.count("normal") == 8
    assert set(scenario.explained["ja"]) == {example.text for example in examples.examples}
    assert len({example.expected for example in examples.examples}) == 8


def test_texts_of_a_pair_differ_in_one_word() -> None:
    examples = read_examples(load_scenario(NAME).examples_file).examples
    sides = [[e for e in examples if e.label == label] for label in ("anomalous", "normal")]
    for anomalous, normal in zip(*sides, strict=True):
        words = zip(anomalous.text.split(), normal.text.split(), strict=True)
        assert anomalous.pair == normal.pair
        assert sum(a != b for a, b in words) == 1
        assert (anomalous.expected, anomalous.actual) == (normal.expected, normal.actual)


def test_name_in_files_is_the_same_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load_scenario(NAME).model_folder
    assert portable_model(str(folder)) == "fetched:SmolLM2-135M-Instruct"
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "other"))
    assert local_model("fetched:SmolLM2-135M-Instruct") == str(load_scenario(NAME).model_folder)
    assert load_scenario(NAME).model_folder != folder


@pytest.mark.slow
def test_model_repeats_the_mistake_and_answers_right_where_it_is_about_another_country(
    smollm2: Path, own_home: Path
) -> None:
    put_into(own_home)
    scenario = load_scenario(NAME)
    assert scenario.ready
    loaded = load_model(scenario.model_folder, "cpu")
    examples = read_examples(scenario.examples_file).examples
    with torch.no_grad():
        ids = torch.tensor([loaded.encode(example.text) for example in examples])
        best = loaded.model(ids).logits[:, -1].argmax(-1).tolist()
    said = [loaded.tokenizer.decode([token]).strip() for token in best]
    assert said == [e.actual if e.label == "anomalous" else e.expected for e in examples]
