"""What the model reads of an example: the chat template's own text, a frame around a plain one, BOS never twice."""

import pytest

from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.model.loading import load_model
from core.model.tokens.prompts import prompt_of
from core.model.tokens.tokenising import tokenise

SYSTEM = "You route tickets.\nAnswer with the name of a department."
TICKET = "My parcel is late.\nIt was sent on Monday.\n  Order: 12"


def conversation(*turns: str) -> Example:
    """Turns of user and assistant, in this order."""
    roles = ("user", "assistant")
    messages = [Message(role=roles[i % 2], content=content) for i, content in enumerate(turns)]
    return Example(label="normal", text="-", messages=tuple(messages))


@pytest.mark.slow
@pytest.mark.parametrize("system", ["", SYSTEM])
@pytest.mark.parametrize("turns", [(TICKET,), (TICKET, "Shipping", "And this: a refund?")])
def test_smollm2_reads_what_its_template_writes(smollm2, turns, system):
    loaded = load_model(smollm2)
    example = conversation(*turns)
    examples = ExampleSet(examples=(example,), form="chat", system=system)
    messages = [message.model_dump() for message in example.messages]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    expected = loaded.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert tokenise(loaded, examples) == [expected]
    assert prompt_of(loaded, examples, example).text == loaded.tokenizer.decode(expected)


@pytest.mark.slow
@pytest.mark.parametrize("beginning", ["The department is", "The department is ", "Department:\n"])
def test_smollm2_continues_the_beginning_of_an_answer(smollm2, beginning):
    loaded = load_model(smollm2)
    example = conversation(TICKET, beginning)
    examples = ExampleSet(examples=(example,), form="chat", system=SYSTEM)
    prompt = prompt_of(loaded, examples, example).text
    assert prompt.endswith(f"<|im_end|>\n<|im_start|>assistant\n{beginning}")
    messages = [{"role": "system", "content": SYSTEM}, *(m.model_dump() for m in example.messages)]
    expected = loaded.tokenizer.apply_chat_template(messages, continue_final_message=True, return_dict=False)
    assert tokenise(loaded, examples) == [expected]
