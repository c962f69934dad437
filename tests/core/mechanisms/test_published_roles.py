"""The roles of GPT-2's published heads (Wang 2022), on the machine of somebody who has its weights."""

from pathlib import Path

import pytest

from core.benchmark.tasks.gpt2_circuits import VARIABLE, gpt2_folder
from core.heads import HeadId
from core.inspection.head_view import changes_at, read_head
from core.mechanisms._repeated import random_scores
from core.mechanisms.roles import ON_RANDOM, ON_TEXTS, copying_at
from core.model.loaded_model import LoadedModel
from core.model.loading import load_model
from tests.support.tiny_models import save_tiny

PUBLISHED = {
    "induction": ("L5H1", "L5H5", "L6H9"),
    "previous_token": ("L4H11", "L2H2"),
    "duplicate_token": ("L0H1", "L3H0"),
}
MOVERS = {"copying": ("L9H9", "L10H0", "L9H6"), "negative": ("L10H7", "L11H10")}
TEXTS = (
    "When Mary and John went to the store, John gave a drink to",
    "When Tom and James went to the park, James gave the ball to",
    "After Anna and Laura had dinner, Laura gave the keys to",
)


def test_weights_that_the_variable_names_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stand-in of the same shape: every published head has scores, whatever they are."""
    monkeypatch.setenv(VARIABLE, str(save_tiny(tmp_path, n_layer=12, n_head=12)))
    loaded = load_model(str(gpt2_folder()), "cpu")
    heads = [HeadId.parse(name) for role in (*PUBLISHED.values(), *MOVERS.values()) for name in role]
    scores = random_scores(loaded, heads, seed=0)
    assert all(0 <= own[role] <= 1 for own in scores for role in PUBLISHED)
    ids = loaded.encode("w1 w2 w3 w1")
    for head in heads:
        reading = read_head(loaded, ids, head)
        assert copying_at(reading.weights[-1], ids, changes_at(loaded, reading, len(ids) - 1)) is not None


@pytest.fixture(scope="module")
def gpt2() -> LoadedModel:
    folder = gpt2_folder()
    if folder is None:
        pytest.skip("no weights of GPT-2 here")
    return load_model(str(folder), "cpu")


@pytest.mark.real
@pytest.mark.parametrize("role", list(PUBLISHED))
def test_published_patterns_are_found_on_random_repeated_tokens(gpt2: LoadedModel, role: str) -> None:
    heads = [HeadId.parse(name) for name in PUBLISHED[role]]
    scores = random_scores(gpt2, heads, seed=0)
    assert {
        str(head): own[role] >= ON_RANDOM[role] for head, own in zip(heads, scores, strict=True)
    } == dict.fromkeys(PUBLISHED[role], True)


@pytest.mark.real
@pytest.mark.parametrize("role", list(MOVERS))
def test_name_movers_copy_and_negative_ones_suppress(gpt2: LoadedModel, role: str) -> None:
    sign = 1 if role == "copying" else -1
    for name in MOVERS[role]:
        scores = []
        for text in TEXTS:
            ids = gpt2.encode(text)
            reading = read_head(gpt2, ids, HeadId.parse(name))
            score = copying_at(reading.weights[-1], ids, changes_at(gpt2, reading, len(ids) - 1))
            scores += [] if score is None else [sign * score]
        assert sum(scores) / len(scores) >= ON_TEXTS[role], name
