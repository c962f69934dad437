"""What stands around every text alike: taken from the single texts of a file and held by their set."""

from collections.abc import Sequence

from core.examples.conversation import Message, Role, transcript
from core.examples.example_set import Example, ExampleSet


def with_common_parts(examples: ExampleSet) -> ExampleSet:
    """The same conversations, with the system message and the beginning of the answer that all share held by the set.

    What the model reads stays as it is. Where one conversation has another, or none, each keeps its own.
    """
    system, beginning = _common(examples.examples, 0, "system"), _common(examples.examples, -1, "assistant")
    if not system and not beginning:
        return examples
    own = slice(1 if system else 0, -1 if beginning else None)
    inner = (example.messages[own] for example in examples.examples)
    lifted = [
        example.model_copy(update={"messages": messages, "text": transcript(messages)})
        for example, messages in zip(examples.examples, inner, strict=True)
    ]
    if len({(example.label, example.text) for example in lifted}) < len(lifted):
        return examples  # conversations that differ by their turns alone would look like one text
    around = {"system": system or examples.system, "beginning": beginning or examples.beginning}
    return examples.model_copy(update={**around, "examples": tuple(lifted)})


def _common(examples: Sequence[Example], place: int, role: Role) -> str:
    """What all conversations say at this place, where it is a turn of this role; nothing where they differ."""
    turns = [example.messages[place] if len(example.messages) > 1 else None for example in examples]
    first = turns[0] if turns else None
    alike = isinstance(first, Message) and first.role == role and all(turn == first for turn in turns)
    return first.content if first is not None and alike else ""
