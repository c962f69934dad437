"""Which tokens of a prompt are the user's, and which the template or the frame has written around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.tokens.piece_kinds import FIRST_MARK, own_lengths, own_spans, piece_kinds
from core.model.tokens.prompts import prompt_of
from core.model.tokens.tokenising import encoded, reading_notes
from tests.support.chat_models import FAMILIES, chat_model
from tests.support.tiny_models import random_model

MODELS = {name: chat_model(family) for name, family in FAMILIES.items()}
TRIMS = ("llama3", "gemma")


def example_of(*turns: tuple[str, str]) -> Example:
    messages = tuple(Message(role=role, content=content) for role, content in turns)
    return Example(label="normal", text="-", messages=messages)


def own_parts(name: str, examples: ExampleSet) -> list[str]:
    (example,) = examples.examples
    return parts_of(name, examples, example)


def parts_of(name: str, examples: ExampleSet, example: Example) -> list[str]:
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
        ("template", "system\nBe brief"),
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


def test_what_stands_around_every_text_is_not_its_own():
    own = example_of(("system", "Be brief"), ("user", "a"), ("assistant", "b"))
    plain = Example(label="normal", text="c")
    examples = ExampleSet(examples=(plain,), form="chat", system="Be brief", beginning="It is")
    assert own_parts("chatml", examples) == ["c"]
    assert own_parts("chatml", examples.with_examples([own])) == ["a", "b"]
    other = example_of(("system", "Be long"), ("user", "a"))
    mixed = examples.with_examples([own, other, plain])
    parts = [parts_of("chatml", mixed, example) for example in mixed.examples]
    assert parts == [["Be brief", "a", "b"], ["Be long", "a"], ["c"]]


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


def without_places() -> LoadedModel:
    """A tokenizer of Python alone, which tells no places; letters beyond ASCII are several tokens without a text."""
    names = list(FAMILIES["chatml"].special)
    tokenizer = ByT5Tokenizer(additional_special_tokens=names, extra_ids=0)
    tokenizer.chat_template = FAMILIES["chatml"].template
    return LoadedModel(random_model("llama", vocab_size=288, max_position_embeddings=64), tokenizer, "bytes")


def test_a_tokenizer_that_tells_no_places_is_followed():
    loaded = without_places()
    examples = ExampleSet(examples=(Example(label="normal", text="user 日本\n語"),), form="chat")
    (example,) = examples.examples
    prompt = prompt_of(loaded, examples, example)
    ids = encoded(loaded, prompt, 1)
    assert loaded.spans(prompt.text, True) is None and reading_notes(loaded, examples) == []
    kinds = piece_kinds(loaded, prompt, ids, own_spans(loaded, examples, example, prompt))
    before, own, after = ["template"] * len("user\n"), ["text"] * 5 + ["text"] * 10, ["template"] * 10
    assert kinds == ["special", *before, *own, "special", "template", "special", *after]
    assert own_lengths(loaded, examples, [ids]) == [len(own)]
    assert len(loaded.pieces_in(prompt.text, ids, True)) == len(ids)


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(["", "Ticket: {text} Department:"]))
def test_tokenizers_that_rewrite_a_text_never_fail(said, frame):
    for loaded in (REWRITING, PLACELESS):
        examples = ExampleSet(examples=(Example(label="normal", text=said),), frame=frame)
        (example,) = examples.examples
        prompt = prompt_of(loaded, examples, example)
        ids = loaded.encode(prompt.text)
        kinds = piece_kinds(loaded, prompt, ids, own_spans(loaded, examples, example, prompt))
        assert len(kinds) == len(ids) == len(loaded.pieces_in(prompt.text, ids))
        if frame and loaded is REWRITING:
            assert kinds[0] == kinds[-1] == "template"


def rewriting() -> LoadedModel:
    """A tokenizer like SentencePiece's: letters in compatible form, a sign for a space, bytes for the rest."""
    letters = [chr(code) for code in range(33, 127)]
    words = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "\N{LOWER ONE EIGHTH BLOCK}", *letters]
    tokenizer = Tokenizer(models.Unigram([(word, -1.0) for word in words], unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    return LoadedModel(random_model("llama", vocab_size=400), fast, "rewriting")


REWRITING, PLACELESS = rewriting(), without_places()
