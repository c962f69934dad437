"""The beginning of the answer that a set of conversations has in common."""

from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.model.tokens.prompts import turns_of


def test_beginning_of_the_answer_stands_behind_every_text_that_has_none():
    own = (Message(role="user", content="b"), Message(role="assistant", content="Own:"))
    texts = (Example(label="normal", text="a"), Example(label="normal", text="b", messages=own))
    examples = ExampleSet(examples=texts, form="chat", system="s", beginning="Department:")
    turns = [[(t.role, t.content) for t in turns_of(examples, text)] for text in texts]
    assert turns[0] == [("system", "s"), ("user", "a"), ("assistant", "Department:")]
    assert turns[1] == [("system", "s"), ("user", "b"), ("assistant", "Own:")]
