"""The model's own continuations, against the plain loop that reads everything again for each token."""

from contextlib import contextmanager

import pytest
import torch

from core.errors import ModelError
from core.examples.answer_match import MATCHES
from core.examples.reading import from_rows
from core.generators import result_of
from core.model.hooks import on_z
from core.model.next_token import last_logits
from core.model.tokens.continuations import continued, end_piece, end_tokens, enough_tokens, longest_answer
from tests.support.tiny_models import CONFIGS, tiny

TEXTS = [[4 + i for i in range(length)] for length in (3, 9, 1, 5, 30, 32)]


def plainly(loaded, text, count):
    """Tokens of a continuation, one pass over the whole text each."""
    row, tokens, limit = list(text), [], loaded.shape.context_length
    while len(tokens) < count and (not limit or len(row) <= limit):
        with torch.no_grad():
            token = int(last_logits(loaded, [row])[0].argmax())
        if token in end_tokens(loaded):
            break
        row.append(token)
        tokens.append(token)
    return tuple(tokens)


@pytest.mark.parametrize("kind", CONFIGS)
def test_continuations_are_those_of_a_plain_loop_in_every_architecture(kind):
    loaded = tiny(kind, seed=3)
    written = result_of(continued(loaded, TEXTS, 6))
    assert [one.tokens for one in written] == [plainly(loaded, text, 6) for text in TEXTS]
    for text, one in zip(TEXTS, written, strict=True):
        assert one.text.split() == loaded.pieces(list(one.tokens))
        with torch.no_grad():
            first = last_logits(loaded, [text])[0].log_softmax(dim=-1)
        torch.testing.assert_close(one.first, first, atol=1e-4, rtol=0)


def test_a_continuation_says_how_it_ended():
    loaded = tiny("gpt2", seed=3)
    short, full = TEXTS[:1], [[4 + i for i in range(32)]]
    (cut,), (at_limit,) = (result_of(continued(loaded, texts, 2)) for texts in (short, full))
    assert (cut.end, end_piece(loaded, cut), len(cut.tokens)) == ("cut", "", 2)
    assert (at_limit.end, len(at_limit.tokens)) == ("full", 1)
    loaded.model.generation_config.eos_token_id = [60, cut.tokens[1]]
    (ended,) = result_of(continued(loaded, short, 6))
    assert (ended.end, ended.tokens) == ("ended", cut.tokens[:1])
    assert end_piece(loaded, ended) == loaded.pieces([cut.tokens[1]])[0]


def test_no_context_is_open_while_a_generator_waits():
    loaded, inside = tiny("llama"), []

    @contextmanager
    def switched():
        inside.append(1)
        with on_z(loaded, 0, torch.zeros_like):
            yield
        inside.pop()

    running = continued(loaded, [[5, 6]], 3, switched)
    for _ in running:
        assert not inside
    changed, plain = (
        result_of(continued(loaded, [[5, 6]], 1, context)) for context in (switched, switched_off)
    )
    assert not torch.equal(changed[0].first, plain[0].first)


@contextmanager
def switched_off():
    yield


def test_numbers_that_break_are_an_error():
    loaded = tiny("gpt2")

    @contextmanager
    def broken():
        with on_z(loaded, 1, lambda z: z * torch.nan):
            yield

    with pytest.raises(ModelError, match="NaN or infinite"):
        result_of(continued(loaded, [[5]], 1, broken))


def test_as_many_tokens_are_read_as_the_longest_answer_needs():
    loaded = tiny("gpt2")
    rows = [
        {"label": label, "text": f"w{i}", "expected": "w5", "actual": " w6 w7 w8"}
        for i, label in enumerate(("anomalous", "normal"))
    ]
    examples, without = from_rows(rows), from_rows([{"label": "normal", "text": "w1"}])
    assert longest_answer(loaded, examples) == 3
    assert longest_answer(loaded, without) == 0
    assert enough_tokens(loaded, examples, "begins") == 7
    assert enough_tokens(loaded, examples, "contains") == enough_tokens(loaded, examples, "equals") == 32
    assert enough_tokens(loaded, without, "contains") == 4
    long = from_rows([{"label": "normal", "text": "w1", "expected": " ".join(["w5"] * 40)}])
    assert {enough_tokens(loaded, long, match) for match in MATCHES} == {44}
