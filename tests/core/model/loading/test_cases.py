"""Every folder of a collection of models as people have them: what the model page says before texts are typed."""

import pytest
import torch

from core.errors import ModelError
from core.inspection.preview import inspect
from core.model.loading import load_model
from tests.support.paths import SHARED

CASES = SHARED / "cases" / "models"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the folders of models are not here")

READ = {
    "plain_base": [],
    "merged_ref": [],
    "chat_bos": [],
    "tinyhead_qwen3": [],
    "llama_spm_only": [],
    "tk_llama_LlamaTokenizerFast": [],
    "trainer_out/checkpoint-500": [],
    "rinna_like_gpt2": ["tokenizer_differs", "ending_token_off"],
    "tk_qwen2_TokenizersBackend": ["tokenizer_differs"],
    "tok_bigger": ["tokens_beyond_model"],
    "vocab_stale": ["vocabulary_stale"],
    "bnb_real4": ["dequantised"],
    "bnb_real8": ["dequantised"],
    **{f"q_{method}": ["quantised_but_plain"] for method in ("gptq", "awq", "fp8", "mxfp4", "bnb4")},
}
"""Folders that are read, and what is said of them."""

REFUSED = {
    "lora_extra": "adapter_in_weights",
    "bias_dropped": "tensors_unused",
    "seqcls": "no_language_head",
    "sharded_missing": "shards_missing",
    "gguf_only": "bad_gguf",
    "ckpt_notok/checkpoint-500": "checkpoint_without_tokenizer",
}
ASKED = {
    "lora_plus_base": ("adapter_beside", ["with_adapter", "without_adapter"]),
    "lora_adapter": ("adapter_without_base", ["base"]),
    "lora_with_config": ("adapter_without_base", ["base"]),
    "trainer_out": ("training_folder", ["checkpoint"]),
    "ckpt_notok": ("training_folder", ["checkpoint"]),
}


def test_every_folder_is_expected_to_be_something():
    folders = {folder.name for folder in CASES.iterdir() if folder.is_dir()}
    assert folders == {name.split("/")[0] for name in (*READ, *REFUSED, *ASKED)}


@pytest.mark.parametrize("name", READ)
def test_a_folder_that_can_be_read_is_read(name):
    card = inspect(str(CASES / name))
    assert [note["kind"] for note in card["findings"]] == READ[name]
    loaded = load_model(CASES / name, "cpu")
    assert loaded.output_weights(0).shape == (4, card["d_head"], card["d_model"])
    assert bool(torch.isfinite(loaded.model(torch.tensor([[5, 9, 7, 30]])).logits).all())


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_cannot_be_read_is_refused_in_one_line(name):
    with pytest.raises(ModelError) as caught:
        inspect(str(CASES / name))
    assert caught.value.key == REFUSED[name]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ASKED)
def test_a_folder_that_may_mean_several_things_is_asked_about(name):
    with pytest.raises(ModelError) as caught:
        inspect(str(CASES / name))
    assert (caught.value.key, [choice["key"] for choice in caught.value.values["choices"]]) == ASKED[name]


def logits(*arguments):
    return load_model(*arguments).model(torch.tensor([[5, 9, 7, 30, 12]])).logits


def test_the_choices_of_an_adapter_beside_its_base():
    with pytest.raises(ModelError) as caught:
        inspect(str(CASES / "lora_plus_base"))
    added, alone = (
        logits(choice["model"], "cpu", choice["adapter"]) for choice in caught.value.values["choices"]
    )
    torch.testing.assert_close(added, logits(CASES / "merged_ref", "cpu"))
    torch.testing.assert_close(alone, logits(CASES / "plain_base", "cpu"))
    assert (added - alone).abs().max() > 1


def test_an_adapter_alone_is_read_with_its_base():
    card = inspect(str(CASES / "plain_base"), adapter=str(CASES / "lora_adapter"))
    assert [note["kind"] for note in card["findings"]][:2] == ["adapter_added", "adapter_partly"]
    with pytest.raises(ModelError) as caught:
        inspect(str(CASES / "tinyhead_qwen3"), adapter=str(CASES / "lora_adapter"))
    assert caught.value.key == "adapter_of_other_base"


def test_a_template_that_writes_the_first_token_writes_it_once():
    loaded = load_model(CASES / "chat_bos", "cpu")
    text = loaded.tokenizer.apply_chat_template([{"role": "user", "content": "a"}], tokenize=False)
    assert loaded.encode(text, special=True).count(1) == 1
    assert loaded.encode(text).count(1) == 1
