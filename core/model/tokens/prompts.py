"""What the model reads of an example: the text as it stands or in its frame, or a conversation in the chat template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import ExamplesError
from core.examples.conversation import Message
from core.examples.example_set import PLACE, Example, ExampleSet
from core.model.loaded_model import LoadedModel, one_line


@dataclass(frozen=True)
class Prompt:
    """The characters that the model reads, and whether they bring their own special tokens (a chat template's do)."""

    text: str
    special: bool = False


def prompt_of(loaded: LoadedModel, examples: ExampleSet, example: Example) -> Prompt:
    """What the model reads of one example of the set. Raises ExamplesError where the chat template refuses it."""
    if examples.form == "chat":
        return Prompt(rendered(loaded, turns_of(examples, example), examples.switches, example.line), True)
    text = examples.frame.replace(PLACE, example.text) if PLACE in examples.frame else example.text
    beginning = loaded.tokenizer.bos_token
    return Prompt(text, bool(beginning) and text.startswith(beginning))


def turns_of(examples: ExampleSet, example: Example) -> list[Message]:
    """The turns of a conversation, with the set's system message and beginning of the answer where it has none."""
    turns = list(example.messages) or [Message(role="user", content=example.text)]
    if examples.system and turns[0].role != "system":
        turns.insert(0, Message(role="system", content=examples.system))
    if examples.beginning and turns[-1].role != "assistant":
        turns.append(Message(role="assistant", content=examples.beginning))
    return turns


def rendered(loaded: LoadedModel, turns: Sequence[Message], switches: dict[str, Any], line: int = 0) -> str:
    """A conversation as the model's chat template writes it; a last turn of the assistant is left open."""
    begun = turns[-1].role == "assistant"
    try:
        return str(
            loaded.tokenizer.apply_chat_template(
                [turn.model_dump() for turn in turns],
                tokenize=False,
                add_generation_prompt=not begun,
                continue_final_message=begun,
                **switches,
            )
        )
    except Exception as error:  # a template is a program of its own, which may raise anything
        raise ExamplesError("chat_template_refuses", line=line, detail=one_line(error)) from None
