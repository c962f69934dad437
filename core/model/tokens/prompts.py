"""What the model reads of an example: the text as it stands or in its frame, or a conversation in the chat template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.errors import ExamplesError
from core.examples.conversation import Message
from core.examples.example_set import PLACE, Example, ExampleSet
from core.model.loaded_model import LoadedModel, one_line
from core.model.tokens.chat_template import CLOCK, template_names, template_of


@dataclass(frozen=True)
class Prompt:
    """The characters that the model reads, and whether they bring their own special tokens (a chat template's do)."""

    text: str
    special: bool = False


def prompt_of(loaded: LoadedModel, examples: ExampleSet, example: Example) -> Prompt:
    """What the model reads of one example of the set.

    Raises ExamplesError where the model has no chat template, or its template refuses the conversation.
    """
    if examples.form == "chat":
        return Prompt(rendered(loaded, turns_of(examples, example), examples.switches, example.line), True)
    return Prompt(framed(examples, example.text))


def framed(examples: ExampleSet, text: str) -> str:
    """A plain text in the frame of the set, where it has one."""
    return examples.frame.replace(PLACE, text) if PLACE in examples.frame else text


def turns_of(examples: ExampleSet, example: Example) -> list[Message]:
    """The turns of a conversation, with the set's system message and beginning of the answer where it has none."""
    turns = list(example.messages) or [Message(role="user", content=example.text)]
    if examples.system and turns[0].role != "system":
        turns.insert(0, Message(role="system", content=examples.system))
    if examples.beginning and turns[-1].role != "assistant":
        turns.append(Message(role="assistant", content=examples.beginning))
    return turns


def system_of(examples: ExampleSet, example: Example) -> str:
    """The system message of a conversation: its own or the set's; nothing where there is none."""
    own = example.messages[:1]
    return own[0].content if own and own[0].role == "system" else examples.system


def rendered(
    loaded: LoadedModel, turns: Sequence[Message], switches: Mapping[str, bool | str], line: int = 0
) -> str:
    """A conversation as the model's chat template writes it; a last turn of the assistant is left open.

    Many templates take white space off the ends of a turn. At the end of the text it is part of what the model
    continues, so it stays as it was written; and an answer of white space alone is none that was begun.
    """
    check_template(loaded)
    beginning = turns[-1].content if turns[-1].role == "assistant" else ""
    begun = bool(beginning.strip())
    messages = [turn.model_dump() for turn in turns]
    try:
        text = str(
            loaded.tokenizer.apply_chat_template(
                messages if begun or turns[-1].role != "assistant" else messages[:-1],
                tokenize=False,
                add_generation_prompt=not begun,
                continue_final_message=begun,
                **switches,
            )
        )
    except Exception as error:  # a template is a program of its own, which may raise anything
        raise ExamplesError("chat_template_refuses", line=line, detail=one_line(error)) from None
    blank = beginning[len(beginning.rstrip()) :]
    return text if begun and text.endswith(blank) else text + blank


def check_template(loaded: LoadedModel) -> None:
    """Raise ExamplesError where conversations cannot be written for a model."""
    if template_of(loaded.tokenizer) is not None:
        return
    if names := template_names(loaded.tokenizer):
        raise ExamplesError("no_default_chat_template", name=loaded.name, names=", ".join(names))
    raise ExamplesError("no_chat_template", name=loaded.name)


def cut_turns(
    loaded: LoadedModel, examples: ExampleSet, read: Sequence[Prompt]
) -> tuple[list[int], list[int]]:
    """Numbers of the conversations of which the chat template leaves out or changes a turn, and of those of which it
    takes off white space at the ends of a turn alone; `read` are their prompts.
    """
    cut: list[int] = []
    trimmed: list[int] = []
    for number, (example, prompt) in enumerate(zip(examples.examples, read, strict=True)):
        said = [turn.content for turn in turns_of(examples, example)] if examples.form == "chat" else []
        if any(content.strip() not in prompt.text for content in said):
            cut.append(number)
        elif any(content.strip() and content not in prompt.text for content in said):
            trimmed.append(number)
    return cut, trimmed


def is_dated(loaded: LoadedModel, examples: ExampleSet) -> bool:
    """Whether the chat template writes the day of the reading, which no switch has set."""
    if examples.form == "plain" or any("date" in name for name in examples.switches):
        return False
    return CLOCK in (template_of(loaded.tokenizer) or "")
