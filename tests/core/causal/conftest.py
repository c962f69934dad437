"""The model with the planted circuit."""

import pytest

from core.examples.alignment import align
from core.examples.reading import read_examples
from core.model.loading import load_model
from core.model.tokens.tokenising import tokenise
from core.scenarios.loader import load_scenario
from tests.support.pairs import patched


@pytest.fixture(scope="module")
def planted():
    scenario = load_scenario("planted-induction")
    loaded = load_model(str(scenario.model_folder), "cpu")
    examples = read_examples(scenario.examples_in("en"))
    ids = tokenise(loaded, examples)
    alignment = align(examples, ids, "auto", "auto")
    ordered = [examples.examples[i] for i in alignment.kept]
    patching, metric = patched(loaded, ordered)
    return loaded, patching, metric
