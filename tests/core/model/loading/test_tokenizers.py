"""Tokenizers are held against the files they are made of."""

import json

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from core.errors import ExamplesError
from core.inspection.preview import inspect
from core.model.loading import load_model, read_tokenizer
from core.model.tokens.prompts import Prompt
from core.model.tokens.tokenising import encoded
from tests.support.tiny_models import random_model, save_tiny


def byte_level(folder, ending=False):
    """A tokenizer of bytes and some numbers in a folder of a model whose type has rules of its own for numbers."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate(["<s>", "</s>", *alphabet, "12", "20"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("1", "2"), ("2", "0")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"), pre_tokenizers.ByteLevel(False)]
    )
    if ending:
        special = [("<s>", 0), ("</s>", 1)]
        tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=special)
    random_model("qwen2", vocab_size=300).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>").save_pretrained(
        folder
    )
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer


def test_the_ids_are_those_of_the_file(tmp_path):
    tokenizer = byte_level(tmp_path)
    assert [note["kind"] for note in inspect(str(tmp_path))["findings"]] == ["tokenizer_differs"]
    loaded = load_model(tmp_path, "cpu")
    assert loaded.encode("in 120 days") == tokenizer.encode("in 120 days").ids


def test_a_token_that_would_end_every_text_is_left_away(tmp_path):
    byte_level(tmp_path, ending=True)
    notes = [note["kind"] for note in inspect(str(tmp_path))["findings"]]
    assert notes == ["tokenizer_differs", "ending_token_off"]
    ids = load_model(tmp_path, "cpu").encode("a")
    assert (ids[0], ids[-1] == 1) == (0, False)


def test_tokens_beyond_the_model_are_named_and_texts_with_them_refused(tmp_path):
    save_tiny(tmp_path, "llama")
    tokenizer = read_tokenizer(str(tmp_path)).tokenizer
    tokenizer.add_tokens(["<ticket>"])
    tokenizer.save_pretrained(tmp_path)
    [note] = inspect(str(tmp_path))["findings"]
    assert (note["kind"], note["values"]) == ("tokens_beyond_model", {"count": 1, "examples": "<ticket>"})
    loaded = load_model(tmp_path, "cpu")
    assert encoded(loaded, Prompt("w1 w2"), 1) == [5, 6]
    with pytest.raises(ExamplesError) as caught:
        encoded(loaded, Prompt("w1 <ticket>"), 4)
    assert (caught.value.key, caught.value.values["line"]) == ("token_beyond_model", 4)
