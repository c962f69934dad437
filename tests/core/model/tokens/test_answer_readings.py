"""How likely answers are behind texts, against one pass over text and answer."""

import math

import pytest
import torch

from core.generators import result_of
from core.model.next_token import head_logits, last_logits
from core.model.tokens.answer_readings import answer_readings, difference_of
from core.model.tokens.answer_tokens import AnswerTokens
from tests.support.tiny_models import tiny

TEXTS = [[5, 6, 7], [9, 10, 11, 12, 13], [20] * 31]
ANSWERS = [
    AnswerTokens((30, 31, 32), (30, 33)),
    AnswerTokens((40,), (41,)),
    AnswerTokens((50, 51), (50, 51, 52)),
]


def log_probabilities(loaded, text, tokens):
    """Of each token behind what stands in front of it, by one pass without a cache."""
    ids = torch.tensor([[*text, *tokens]])
    with torch.no_grad():
        logits = head_logits(loaded, loaded.model.base_model(input_ids=ids)[0])[0].log_softmax(dim=-1)
    return [float(logits[len(text) - 1 + place, token]) for place, token in enumerate(tokens)]


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma3_text", "bloom", "gpt_neox"])
def test_readings_are_those_of_one_pass_over_text_and_answer(kind):
    loaded = tiny(kind, seed=4)
    first = last_logits(loaded, TEXTS[:2]).log_softmax(dim=-1)
    read = result_of(answer_readings(loaded, TEXTS[:2], ANSWERS[:2], list(first)))
    for text, answers, both in zip(TEXTS, ANSWERS, read, strict=False):
        for tokens, reading in zip((answers.expected, answers.actual), both, strict=True):
            wanted = log_probabilities(loaded, text, tokens)
            assert [piece["log_probability"] for piece in reading["pieces"]] == pytest.approx(
                wanted, abs=1e-4
            )
            assert reading["log_probability"] == pytest.approx(sum(wanted), abs=1e-4)
            assert reading["probability"] == pytest.approx(math.exp(sum(wanted)), rel=1e-3)
            assert reading["piece"].split() == loaded.pieces(list(tokens))


def test_one_token_needs_no_pass_and_an_answer_without_room_has_no_reading():
    loaded = tiny("gpt2")
    first = list(last_logits(loaded, TEXTS).log_softmax(dim=-1))
    assert not list(answer_readings(loaded, TEXTS[1:2], ANSWERS[1:2], first[1:2]))
    *_, (fits, too_long) = result_of(answer_readings(loaded, TEXTS, ANSWERS, first))
    assert fits is not None, "31 tokens of text and the first of two of the answer fill a context of 32"
    assert too_long is None


def reading(*values):
    pieces = [{"token": i, "piece": f"w{i}", "log_probability": value} for i, value in enumerate(values)]
    return {"pieces": pieces, "log_probability": sum(values)}


def test_the_difference_by_hand_and_the_token_that_carries_it():
    difference = difference_of((reading(-1.0, -0.5, -2.0), reading(-1.0, -4.0)), shared=1)
    assert difference == {"value": 1.5, "shared": 1, "by_place": [3.5, -2.0], "carried_by": 1}
    later = difference_of((reading(-1.0, -0.5, -7.0), reading(-1.0, -4.0)), shared=1)
    assert later["carried_by"] == 2
    assert difference_of((reading(-1.0), reading(-3.0)), shared=0)["by_place"] == [2.0]
    assert difference_of((reading(-1.0), reading(-1.0)), shared=1) is None
    assert difference_of((reading(-1.0), None), shared=0) is None
