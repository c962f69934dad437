"""Where heads look and are read, worked by hand: tokens as words, shares by word, where exchanging z matters."""

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from core.mechanisms._looking import looks, seen_words
from core.mechanisms._places import is_read_at_end, place_names, places, shares_by_word
from core.model.loaded_model import LoadedModel
from core.model.tokens.prompts import Prompt
from core.model.tokens.words import TextWord, words_of
from tests.support.tiny_models import random_model

WORDS = [TextWord("<s>", "special", 0, 0), TextWord("yesterday", "word", 1, 2), TextWord(".", "sign", 3, 3)]


def test_attention_of_the_tokens_of_a_word_counts_together():
    assert shares_by_word(WORDS, torch.tensor([0.5, 0.25, 0.125, 0.125])) == [0.5, 0.375, 0.125]


def test_a_word_counts_over_the_texts_that_hold_it_and_over_all():
    other = [TextWord("Monday", "word", 0, 0), TextWord("yesterday", "word", 1, 1)]
    seen = seen_words(
        [WORDS, other], [torch.tensor([0.0, 0.5, 0.5, 0.0]), torch.tensor([0.75, 0.25])], [1, 4]
    )
    assert [(word.word, word.share, word.overall, word.texts) for word in seen] == [
        ("yesterday", 0.625, 0.625, (1, 4)),
        ("Monday", 0.75, 0.375, (4,)),
    ]
    assert [word.kind for word in seen] == ["word", "first"]  # where heads rest that have nothing to do


def test_the_most_attended_tokens_of_a_text():
    assert [(look.token, look.share) for look in looks(torch.tensor([0.01, 0.9, 0.09]))] == [
        (1, 0.9),
        (2, 0.09),
    ]


def test_a_head_is_read_where_exchanging_what_it_writes_matters():
    early = [torch.tensor([0.0, 3.0, 1.0]), torch.tensor([2.0, 0.0, -1.0])]
    assert not is_read_at_end(early, [2, 2])
    assert places(early, [2, 2], at_end=False) == [1, 0]
    against = [-values for values in early]
    assert places(against, [2, 2], at_end=False) == [1, 0]
    late = [torch.tensor([0.0, 1.0, 3.0]), torch.tensor([0.0, 0.0, 1.0])]
    assert is_read_at_end(late, [2, 2])
    assert places(late, [2, 2], at_end=True) == [2, 2]


def test_places_are_named_by_their_words_the_most_frequent_first():
    other = [TextWord("Monday", "word", 0, 3)]
    assert place_names([WORDS, other, other], [2, 0, 1]) == "Monday, yesterday"
    assert place_names([WORDS, WORDS, other], [3, 3, 0]) == "Monday"
    assert place_names([WORDS, WORDS], [3, 0]) == "., <s>"


def split_tokenizer() -> PreTrainedTokenizerFast:
    """Tokens `yester`, `day`, single Japanese letters, and signs, with a special one in front."""
    pieces = ["<s>", "yester", "day", "it", "s", "'", ".", "\n", "昨", "日", " ", "<unk>"]
    tokenizer = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex("yester|day|it|(?<=')s|昨|日|\\n|[^\\w ]| "), "isolated"
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>")


def test_tokens_are_grouped_into_words_and_signs():
    loaded = LoadedModel(random_model("gpt2"), split_tokenizer(), "split")
    text = "yesterday it's.\n昨日"
    words = [(word.text, word.kind) for word in words_of(loaded, Prompt(text), loaded.encode(text))]
    assert [word for word in words if word != ("␣", "space")] == [
        ("<s>", "special"),
        ("yesterday", "word"),
        ("it's", "word"),
        (".", "sign"),
        ("⏎", "space"),
        ("昨", "word"),
        ("日", "word"),
    ]
