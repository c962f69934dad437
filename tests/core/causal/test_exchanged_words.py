"""Words of prompts as runs of tokens, and made texts, with tokenizers of several kinds, in frames and conversations."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from core.causal.partner_search._proposals import Barred
from core.causal.partner_search._words import Reading, Swap, made_example, reading_of, reads_back, swapped_ids
from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.tokens.tokenising import tokenise
from tests.support.chat_models import CHATML, Family, chat_model
from tests.support.tiny_models import random_model, tiny

CHAT = Family(CHATML, ("<|im_start|>", "<|im_end|>"))


def spaced_tokenizer() -> PreTrainedTokenizerFast:
    """Words with the sign that SentencePiece writes for a space, pieces of words, and some characters."""
    pieces = [
        "<unk>",
        "▁the",
        "▁cat",
        "▁dog",
        "▁play",
        "▁sing",
        "ing",
        "ed",
        "▁",
        ".",
        "猫",
        "犬",
        "が",
        "😀",
        "😅",
    ]
    merges_free = models.WordPiece(
        {p: i for i, p in enumerate(pieces)}, unk_token="<unk>", continuing_subword_prefix=""
    )
    tokenizer = Tokenizer(merges_free)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


@pytest.fixture(scope="module")
def spaced() -> LoadedModel:
    return LoadedModel(random_model("llama"), spaced_tokenizer(), "spaced")


@pytest.fixture(scope="module")
def bytewise() -> LoadedModel:
    return chat_model(CHAT)


def readings(loaded: LoadedModel, examples: ExampleSet) -> list[Reading]:
    return [reading_of(loaded, examples, i, ids) for i, ids in enumerate(tokenise(loaded, examples))]


def texts(*given: str, **form) -> ExampleSet:
    return ExampleSet(examples=tuple(Example(label="anomalous", text=text) for text in given), **form)


def test_words_of_several_pieces_are_one_run(spaced):
    (reading,) = readings(spaced, texts("the dog playing."))
    assert [(word.spelling, len(word.ids)) for word in reading.words] == [
        ("the", 1),
        ("dog", 1),
        ("playing", 2),
        (".", 1),
    ]
    assert [word.kind.letters for word in reading.words] == ["L", "L", "L", "P"]


def test_scripts_without_spaces_are_taken_by_character_and_emoji_are_no_letters(spaced):
    (reading,) = readings(spaced, texts("猫が😀"))
    assert [word.spelling for word in reading.words] == ["猫", "が", "😀"]
    assert reading.words[0].kind.letters != reading.words[2].kind.letters


def test_a_character_of_several_bytes_is_exchanged_as_a_whole(bytewise):
    examples = texts("a 猫 b", "a 犬 c")
    first, second = readings(bytewise, examples)
    cat, dog = (next(w for w in reading.words if len(w.ids) == 3) for reading in (first, second))
    assert cat.kind == dog.kind
    swap = Swap(cat, dog.ids, dog.spelling)
    assert reads_back(bytewise, first, [swap])
    made = made_example(bytewise, examples, first, [swap])
    assert made is not None and made.text == "a 犬 b" and made.source == "made" and made.label == "normal"


def test_only_what_a_conversation_says_itself_may_be_exchanged(bytewise):
    turns = (Message(role="user", content="user cat"), Message(role="assistant", content="a dog"))
    example = Example(label="normal", text="user: user cat\nassistant: a dog", messages=turns)
    examples = ExampleSet(examples=(example, example), form="chat", system="be kind")
    reading = readings(bytewise, examples)[0]
    assert [word.spelling for word in reading.words] == ["user", "cat", "a", "dog"]
    cat, dog = reading.words[1], reading.words[3]
    made = made_example(bytewise, examples, reading, [Swap(cat, dog.ids, "dog"), Swap(dog, cat.ids, "cat")])
    assert made is not None
    assert [turn.content for turn in made.messages] == ["user dog", "a cat"]
    assert made.text == "user: user dog\nassistant: a cat"
    assert made.label == "anomalous"


def test_the_frame_stays():
    loaded = tiny()
    examples = texts("w1 w2", frame="w9 {text} w2")
    (reading,) = readings(loaded, examples)
    assert [word.spelling for word in reading.words] == ["w1", "w2"]
    other = loaded.encode("w5")[0]
    made = made_example(loaded, examples, reading, [Swap(reading.words[1], (other,), "w5")])
    assert made is not None and made.text == "w1 w5"


def test_a_text_that_stands_twice_in_its_frame_is_not_changed_in_one_place():
    loaded = tiny()
    examples = texts("w1 w2", frame="{text} w9 {text}")
    (reading,) = readings(loaded, examples)
    swap = Swap(reading.words[0], (loaded.encode("w5")[0],), "w5")
    assert made_example(loaded, examples, reading, [swap]) is None


def test_an_answer_that_stands_once_stays_and_one_said_twice_may_go_once():
    loaded = tiny()
    (reading,) = readings(loaded, texts("w1 w2 w1 w3"))
    barred = Barred(frozenset({"w1", "w3"}), frozenset())
    assert [word.position for word in barred.free(reading.words)] == [0, 1, 2]
    assert barred.bars(loaded.encode("w3"), "w3")


PIECES = ["cat", "Dog", "é", "猫", "犬が", "😀", "👍🏽", "3", "27", ",", "don't", "x_y", "the", "\n"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6),
)
def test_what_reads_back_keeps_the_count_and_encodes_to_the_exchanged_tokens(one, other):
    loaded = chat_model(CHAT)
    given = texts(" ".join(one) + "!", " ".join(other) + "?")
    first, second = readings(loaded, given)
    sources = {word.kind: word for word in second.words}
    for word in first.words:
        assert first.ids[word.position : word.end] == word.ids
        source = sources.get(word.kind)
        if source is None:
            continue
        swap = Swap(word, source.ids, source.spelling)
        made = made_example(loaded, given, first, [swap])
        if reads_back(loaded, first, [swap]):
            assert made is not None
            assert len(swapped_ids(first, [swap])) == len(first.ids)
            assert tuple(loaded.encode(made.text)) == swapped_ids(first, [swap])
        else:
            assert made is None
