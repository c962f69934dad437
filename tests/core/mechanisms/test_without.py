"""How far a continuation is read before the verdict of a text without a unit is known."""

import torch

from core.examples.example_set import Example
from core.mechanisms._without import Spoken, _followed
from core.model.tokens.continuations import Continuation, readable
from tests.support.tiny_models import tiny

WORDS, FIRST = "w5 w6 w7 w8", "w5"


def followed(words: str, expected: str, match="begins", end="cut", decisive=1):
    loaded = tiny()
    tokens = tuple(loaded.tokenizer(words)["input_ids"])
    said = Continuation(
        tokens, readable(loaded, (), tokens), end, 7 if end == "ended" else -1, torch.zeros(1)
    )
    examples = [Example(label="anomalous", text="t", expected=expected)]
    spoken = Spoken(examples, [[]], [said], torch.zeros(1, 1), len(tokens), decisive, match)
    return _followed(loaded, spoken, 0), list(tokens)


def test_reading_ends_where_the_answer_and_what_follows_it_are_known():
    read, tokens = followed(WORDS, FIRST)
    assert read == tokens[:2]  # "w5 w6": three characters behind the answer
    without_answer, _ = followed(WORDS, "")
    assert without_answer == tokens[:1]


def test_reading_goes_to_the_end_where_an_answer_may_stand_anywhere():
    read, tokens = followed(WORDS, FIRST, match="contains")
    assert read == tokens
    ended, tokens = followed(WORDS, FIRST, match="contains", end="ended")
    assert ended == [*tokens, 7]
