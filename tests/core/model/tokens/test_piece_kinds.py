"""Which tokens of a prompt are the user's, and which the template or the frame has written around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.model.tokens.piece_kinds import FIRST_MARK, own_spans, piece_kinds
from core.model.tokens.prompts import prompt_of
from core.model.tokens.tokenising import encoded
from tests.support.chat_models import FAMILIES, chat_model

MODELS = {name: chat_model(family) for name, family in FAMILIES.items()}
TRIMS = ("llama3", "gemma")


def example_of(*turns: tuple[str, str]) -> Example:
    messages = tuple(Message(role=role, content=content) for role, content in turns)
    return Example(label="normal", text="-", messages=messages)


def own_parts(name: str, examples: ExampleSet) -> list[str]:
    (example,) = examples.examples
    prompt = prompt_of(MODELS[name], examples, example)
    return [prompt.text[start:stop] for start, stop in own_spans(MODELS[name], examples, example, prompt)]


def coloured(name: str, examples: ExampleSet) -> list[tuple[str, str]]:
    """Runs of pieces of one kind."""
    loaded, (example,) = MODELS[name], examples.examples
    prompt = prompt_of(loaded, examples, example)
    ids = encoded(loaded, prompt, 1)
    kinds = piece_kinds(loaded, prompt, ids, own_spans(loaded, examples, example, prompt))
    runs: list[tuple[str, str]] = []
    for kind, piece in zip(kinds, loaded.pieces_in(prompt.text, ids, prompt.special), strict=True):
        if runs and runs[-1][0] == kind and kind != "special":
            runs[-1] = (kind, runs[-1][1] + piece)
        else:
            runs.append((kind, piece))
    return runs


def test_pieces_of_a_conversation_are_told_apart():
    examples = ExampleSet(
        examples=(Example(label="normal", text="user says\n"),), form="chat", system="Be brief"
    )
    assert coloured("chatml", examples) == [
        ("special", "<|im_start|>"),
        ("template", "system\n"),
        ("text", "Be brief"),
        ("special", "<|im_end|>"),
        ("template", "\n"),
        ("special", "<|im_start|>"),
        ("template", "user\n"),
        ("text", "user says\n"),
        ("special", "<|im_end|>"),
        ("template", "\n"),
        ("special", "<|im_start|>"),
        ("template", "assistant\n"),
    ]


def test_pieces_of_a_framed_text_are_told_apart():
    examples = ExampleSet(
        examples=(Example(label="normal", text="Ticket"),), frame="Ticket: {text} Department:"
    )
    assert coloured("llama3", examples) == [
        ("special", "<|begin_of_text|>"),
        ("template", "Ticket: "),
        ("text", "Ticket"),
        ("template", " Department:"),
    ]
    assert coloured("llama3", examples.model_copy(update={"frame": ""}))[1:] == [("text", "Ticket")]
    twice = examples.model_copy(update={"frame": "{text}/{text}"})
    assert coloured("chatml", twice) == [("text", "Ticket"), ("template", "/"), ("text", "Ticket")]


@pytest.mark.parametrize("name", FAMILIES)
def test_what_each_turn_says_is_found_though_the_template_says_the_same(name):
    roles = ("user", "assistant", "user", "assistant")
    said = ("user", "assistant", "a\n user ", "model")
    examples = ExampleSet(examples=(example_of(*zip(roles, said, strict=True)),), form="chat")
    expected = ["user", "assistant", "a\n user" if name in TRIMS else "a\n user ", "model"]
    assert own_parts(name, examples) == expected


def test_thinking_that_the_template_drops_leaves_the_answer():
    turns = ("user", "a"), ("assistant", "<think>\nwell\n</think>\n\nShipping"), ("user", "b")
    examples = ExampleSet(examples=(example_of(*turns),), form="chat")
    assert own_parts("qwen3", examples) == ["a", "Shipping", "b"]
    assert own_parts("deepseek", examples) == ["a", "Shipping", "b"]


@given(
    st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5), st.sampled_from(sorted(FAMILIES))
)
def test_kinds_cover_every_token_and_never_fail(said, name):
    turns = [("user" if i % 2 == 0 else "assistant", content) for i, content in enumerate(said)]
    examples = ExampleSet(examples=(example_of(*turns),), form="chat")
    (example,) = examples.examples
    loaded, prompt = MODELS[name], prompt_of(MODELS[name], examples, example)
    ids, own = encoded(loaded, prompt, 1), own_spans(loaded, examples, example, prompt)
    assert all(0 <= start < stop <= len(prompt.text) for start, stop in own)
    kinds = piece_kinds(loaded, prompt, ids, own)
    assert len(kinds) == len(ids)
    assert all(
        (kind == "special") == (token in loaded.special_ids) for kind, token in zip(kinds, ids, strict=True)
    )
    if name == "chatml" and not any(ord(letter) >= FIRST_MARK for content in said for letter in content):
        assert [prompt.text[start:stop] for start, stop in own] == [
            content for content in said if content.strip()
        ]


def test_characters_of_private_use_in_a_text_harm_nothing():
    said = f"{chr(FIRST_MARK)}user{chr(FIRST_MARK + 1)}"
    examples = ExampleSet(examples=(Example(label="normal", text=said),), form="chat")
    assert own_parts("chatml", examples) == [said]


def test_without_places_of_tokens_all_that_is_not_special_is_text(monkeypatch):
    loaded = chat_model(FAMILIES["chatml"])
    monkeypatch.setattr(type(loaded), "spans", lambda *_: None)
    examples = ExampleSet(examples=(Example(label="normal", text="a"),), form="chat")
    (example,) = examples.examples
    prompt = prompt_of(loaded, examples, example)
    ids = encoded(loaded, prompt, 1)
    kinds = piece_kinds(loaded, prompt, ids, own_spans(loaded, examples, example, prompt))
    assert kinds == ["special" if token in loaded.special_ids else "text" for token in ids]
    assert loaded.pieces_in(prompt.text, ids, True) == loaded.pieces(ids)
