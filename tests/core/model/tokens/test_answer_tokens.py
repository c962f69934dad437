"""Which tokens an answer is behind a text, by a tokenizer with one token a byte and made-up probabilities."""

import pytest
import torch

from core.model.tokens.answer_tokens import answer_tokens
from tests.support.chat_models import FAMILIES, chat_model

MODEL = chat_model(FAMILIES["chatml"])


def written(text: str, expected: str, actual: str, likely: str) -> list[str]:
    """Both answers as they are written behind the text; `likely` are single characters, the likeliest first."""
    after = torch.full((len(MODEL.tokenizer),), -20.0)
    for rank, character in enumerate(likely):
        after[MODEL.encode(character)[0]] = -float(rank)
    tokens = answer_tokens(MODEL, MODEL.encode(text), expected, actual, after)
    return [MODEL.tokenizer.decode(list(ids)) for ids in (tokens.expected, tokens.actual)]


@pytest.mark.parametrize(
    ("expected", "actual", "likely", "both"),
    [
        ("wanted", "saw", " ws", [" wanted", " saw"]),
        ("wanted", "saw", "w s", ["wanted", "saw"]),
        ("wanted", ", he", ", w", [" wanted", ", he"]),
        (", he", "wanted", ",w ", [", he", "wanted"]),
        ("“No”", "…", "“… ", ["“No”", "…"]),
        ("wanted", "", " w", [" wanted", ""]),
    ],
)  # fmt: skip
def test_a_sign_does_not_decide_how_a_word_is_written(expected, actual, likely, both):
    assert written("Then", expected, actual, likely) == both
