"""Files of a model that are missing, half there, or hold tensors that the model does not use."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, LlamaForSequenceClassification

from core.errors import ModelError
from core.inspection.preview import inspect
from core.model.loading import load_model
from core.storage import local_model
from tests.support.tiny_models import random_model, save_tiny


def key_of(folder):
    with pytest.raises(ModelError) as caught:
        inspect(str(folder))
    return caught.value.key


def with_tensors(folder, **tensors):
    weights = load_file(folder / "model.safetensors")
    weights |= {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("model.layers.0.self_attn.o_proj.bias", "tensors_unused"),
        ("model.layers.7.mlp.up_proj.weight", "tensors_unused"),
        ("model.layers.0.self_attn.q_proj.lora_A.default.weight", "adapter_in_weights"),
    ],
)
def test_a_part_of_the_decoder_that_is_not_used_is_refused(name, key, tmp_path):
    save_tiny(tmp_path, "llama")
    with_tensors(tmp_path, **{name: torch.ones(24)})
    assert key_of(tmp_path) == key


def test_what_stands_beside_the_decoder_is_named_and_tables_are_not(tmp_path):
    save_tiny(tmp_path, "llama")
    beside = {"v_head.summary.weight": torch.ones(1, 24), "vision_tower.patch.weight": torch.ones(3)}
    with_tensors(tmp_path, **beside, **{"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)})
    [note] = inspect(str(tmp_path))["findings"]
    assert (note["kind"], note["values"]["count"]) == ("tensors_beside", 2)
    assert [note.key for note in load_model(tmp_path, "cpu").notes] == ["tensors_beside"]


def test_masks_that_older_gpt2_files_hold_are_no_weights(tmp_path):
    save_tiny(tmp_path, "gpt2")
    mask = torch.ones(1, 1, 32, 32)
    with_tensors(
        tmp_path, **{"transformer.h.0.attn.bias": mask, "transformer.h.0.attn.masked_bias": torch.ones(1)}
    )
    assert inspect(str(tmp_path))["findings"] == []


def test_files_that_are_not_whole(tmp_path):
    file = save_tiny(tmp_path, "llama") / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-10])
    assert key_of(tmp_path) == "half_downloaded"
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n")
    assert key_of(tmp_path) == "lfs_pointer"
    file.rename(tmp_path / "model.safetensors.incomplete")
    assert key_of(tmp_path) == "download_unfinished"
    (tmp_path / "model.safetensors.incomplete").rename(tmp_path / "consolidated.safetensors")
    assert key_of(tmp_path) == "other_weights"


def test_shards_are_read_together_and_a_missing_one_is_named(tmp_path):
    save_tiny(tmp_path, "llama")
    random_model("llama").save_pretrained(tmp_path / "parts", max_shard_size="8KB")
    for file in tmp_path.glob("tokenizer*"):
        file.rename(tmp_path / "parts" / file.name)
    parts = sorted((tmp_path / "parts").glob("*.safetensors"))
    assert len(parts) > 1
    assert inspect(str(tmp_path / "parts"))["findings"] == []
    parts[-1].unlink()
    assert key_of(tmp_path / "parts") == "shards_missing"
    (tmp_path / "parts" / "model.safetensors.index.json").unlink()
    assert key_of(tmp_path / "parts") == "no_index"


def test_a_classifier_has_no_next_word(tmp_path):
    save_tiny(tmp_path, "llama")
    LlamaForSequenceClassification(AutoConfig.from_pretrained(tmp_path)).save_pretrained(tmp_path)
    assert key_of(tmp_path) == "no_language_head"


def test_a_stale_number_of_tokens_is_taken_from_the_weights(tmp_path):
    save_tiny(tmp_path, "llama")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": 60}))
    card = inspect(str(tmp_path))
    assert card["vocabulary"] == 64
    assert card["findings"][0]["values"] == {"stated": 60, "rows": 64}
    assert load_model(tmp_path, "cpu").shape.vocabulary == 64


def test_checkpoints_are_offered_the_last_first_and_take_the_tokenizer_above(tmp_path):
    for step in (500, 1000):
        save_tiny(tmp_path / f"checkpoint-{step}", "llama")
    with pytest.raises(ModelError) as caught:
        inspect(str(tmp_path))
    assert [choice["values"]["name"] for choice in caught.value.values["choices"]] == [
        "checkpoint-1000",
        "checkpoint-500",
    ]
    last = tmp_path / "checkpoint-1000"
    for file in last.glob("tokenizer*"):
        file.rename(tmp_path / file.name)
    assert [note["kind"] for note in inspect(str(last))["findings"]] == ["tokenizer_of_parent"]
    (tmp_path / "tokenizer.json").unlink()
    assert key_of(last) == "checkpoint_without_tokenizer"
    save_tiny(tmp_path, "llama")
    assert [note["kind"] for note in inspect(str(tmp_path))["findings"]] == ["checkpoints_beside"]


def test_a_place_may_be_written_as_people_paste_it(tmp_path):
    folder = tmp_path / "my model"
    save_tiny(folder, "llama")
    plain = str(folder)
    uri = folder.as_uri()
    for written in (
        f' "{plain}" ',
        f"'{plain}'\n",
        f"“{plain}”",
        uri,
        plain.replace(" ", "\\ "),
        plain + "/",
    ):
        assert inspect(written)["n_layers"] == 3, written
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert local_model(str(folder / name)) == plain
    assert local_model("https://huggingface.co/org/name/tree/main") == "org/name"
    assert local_model("org/name") == "org/name"
