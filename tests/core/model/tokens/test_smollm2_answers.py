"""A real chat model: its continuations are those of `generate`, and it ends them by its own token."""

import pytest
import torch

from core.examples.example_set import Example, ExampleSet
from core.generators import result_of
from core.model.loading import load_model
from core.model.tokens.continuations import continued, end_piece
from core.model.tokens.tokenising import tokenise

QUESTIONS = (
    "The parcel was late.\nI am angry about it.\nIs the customer angry or happy? Answer in one short sentence.",
    "What is the capital of France? Answer with one word.",
    "Say hello.",
)


@pytest.mark.slow
def test_smollm2_continues_conversations_as_generate_does(smollm2):
    loaded = load_model(smollm2, "cpu")
    examples = ExampleSet(
        examples=tuple(Example(label="normal", text=question) for question in QUESTIONS),
        form="chat",
        system="You are a desk that\nreads the mood of customers.",
    )
    texts = tokenise(loaded, examples)
    written = result_of(continued(loaded, texts, 16))
    for text, one in zip(texts, written, strict=True):
        ids = torch.tensor([text])
        whole = loaded.model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=16, do_sample=False
        )
        new = whole[0, len(text) :].tolist()
        ended = new[-1] in (
            loaded.tokenizer.convert_tokens_to_ids("<|im_end|>"),
            loaded.tokenizer.eos_token_id,
        )
        assert list(one.tokens) == (new[:-1] if ended else new)
        assert (one.end, end_piece(loaded, one)) == (("ended", "<|im_end|>") if ended else ("cut", ""))
        assert "<|" not in one.text
    assert any(one.end == "ended" for one in written)
