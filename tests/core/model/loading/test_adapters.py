"""Adapters are merged into the weights, or refused where they belong to another model."""

import json

import pytest
import torch
from peft import IA3Config, LoraConfig, PromptTuningConfig, get_peft_model

from core.errors import ModelError
from core.inspection.preview import inspect
from core.model.loading import load_model
from tests.support.tiny_models import random_model, save_tiny

IDS = torch.tensor([[5, 9, 7, 30, 12]])
TARGETS = ["q_proj", "o_proj"]
KINDS = {
    "lora": LoraConfig(r=4, lora_alpha=16, target_modules=TARGETS, init_lora_weights=False),
    "rslora": LoraConfig(
        r=4, lora_alpha=16, target_modules=TARGETS, use_rslora=True, init_lora_weights=False
    ),
    "dora": LoraConfig(r=4, target_modules=TARGETS, use_dora=True, init_lora_weights=False),
    "ia3": IA3Config(target_modules=TARGETS, feedforward_modules=[], init_ia3_weights=False),
}


def save_adapter(folder, config, kind="llama"):
    """An adapter with random weights beside nothing; what the model says with it."""
    torch.manual_seed(3)
    model = get_peft_model(random_model(kind), config)
    for name, parameter in model.named_parameters():
        if "lora_" in name or "ia3_" in name:
            parameter.data.normal_(1.0 if "ia3_" in name else 0.0, 0.3)
    model.save_pretrained(folder)
    return model.eval()(input_ids=IDS).logits.detach()


@pytest.mark.parametrize("kind", KINDS)
def test_a_merged_adapter_says_what_the_adapter_says(kind, tmp_path):
    base, adapter = save_tiny(tmp_path / "base", "llama"), tmp_path / "adapter"
    expected = save_adapter(adapter, KINDS[kind])
    plain = load_model(base, "cpu")
    loaded = load_model(base, "cpu", str(adapter))
    torch.testing.assert_close(loaded.model(IDS).logits, expected, atol=1e-4, rtol=1e-4)
    assert (plain.model(IDS).logits - expected).abs().max() > 0.1
    assert loaded.weights_hash != plain.weights_hash
    assert not any("lora" in name for name, _ in loaded.model.named_modules())


def key_of(call):
    with pytest.raises(ModelError) as caught:
        call()
    return caught.value.key


def test_what_is_no_adapter_of_the_model_is_refused(tmp_path):
    base = str(save_tiny(tmp_path / "base", "llama"))
    other = str(save_tiny(tmp_path / "other", "gpt2"))
    save_adapter(tmp_path / "fits", KINDS["lora"])
    assert key_of(lambda: inspect(other, adapter=str(tmp_path / "fits"))) == "adapter_of_other_base"
    assert key_of(lambda: inspect(base, adapter=str(tmp_path / "none"))) == "bad_adapter"
    save_adapter(tmp_path / "wide", KINDS["lora"])
    content = json.loads((tmp_path / "wide" / "adapter_config.json").read_text())
    (tmp_path / "wide" / "adapter_config.json").write_text(json.dumps(content | {"r": 8}))
    assert key_of(lambda: inspect(base, adapter=str(tmp_path / "wide"))) == "adapter_of_other_base"
    prompt = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    get_peft_model(random_model("llama"), prompt).save_pretrained(tmp_path / "prompt")
    assert key_of(lambda: inspect(base, adapter=str(tmp_path / "prompt"))) == "adapter_kind"
    (tmp_path / "fits" / "adapter_model.safetensors").rename(tmp_path / "fits" / "adapter_model.bin")
    assert key_of(lambda: inspect(base, adapter=str(tmp_path / "fits"))) == "adapter_pickled"


def test_an_adapter_beside_its_base_is_never_left_out_in_silence(tmp_path):
    base = save_tiny(tmp_path / "base", "llama")
    expected = save_adapter(base, KINDS["lora"])
    with pytest.raises(ModelError) as caught:
        load_model(base, "cpu")
    choices = {choice["key"]: choice for choice in caught.value.values["choices"]}
    added = load_model(choices["with_adapter"]["model"], "cpu", choices["with_adapter"]["adapter"])
    torch.testing.assert_close(added.model(IDS).logits, expected, atol=1e-4, rtol=1e-4)
    alone = load_model(choices["without_adapter"]["model"], "cpu", choices["without_adapter"]["adapter"])
    torch.testing.assert_close(alone.model(IDS).logits, random_model("llama")(IDS).logits)
    assert [note.key for note in alone.notes] == ["adapter_left_out"]
