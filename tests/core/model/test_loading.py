"""Loading models safely, and the heads of every known architecture."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast, T5Config, ViTConfig

from core.errors import ModelError
from core.inspection.preview import inspect
from core.model.batching import pad
from core.model.fingerprint import hash_tensors
from core.model.hooks import on_every_z
from core.model.loading import LoadedModel, ModelPool, hub_options, load_model, shape_from_config
from core.model.loading.hub import _reachable
from core.model.tokens.chat_template import template_of
from tests.support.chat_models import FAMILIES, byte_tokenizer
from tests.support.tiny_models import CONFIGS, random_model, save_tiny, tiny, word_tokenizer


@pytest.mark.parametrize("kind", CONFIGS)
def test_heads_sum_to_the_attention_output(kind):
    loaded = tiny(kind)
    ids, mask = pad([[5, 9, 7, 30, 12], [8, 6, 40]], loaded.device)
    read, outputs = {}, {}
    hooks = [
        loaded.projection(layer).register_forward_hook(
            lambda _m, _i, out, layer=layer: outputs.update({layer: out})
        )
        for layer in range(loaded.shape.n_layers)
    ]
    with torch.inference_mode(), on_every_z(loaded, lambda layer, z: read.update({layer: z})):
        loaded.model(input_ids=ids, attention_mask=mask)
    for hook in hooks:
        hook.remove()
    assert sorted(read) == [0, 1, 2]
    for layer, z in read.items():
        bias = getattr(loaded.projection(layer), "bias", None)
        total = torch.einsum("tphd,hdm->tpm", z, loaded.output_weights(layer))
        total = total + (0 if bias is None else bias)
        torch.testing.assert_close(total, outputs[layer].reshape(total.shape), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "llama", "qwen3", "gpt_neox"])
def test_frames_keep_lengths_and_angles(kind):
    loaded = tiny(kind)
    z = torch.randn(7, loaded.shape.n_layers * loaded.shape.n_heads, loaded.shape.d_head)
    weights = torch.cat([loaded.output_weights(layer) for layer in range(loaded.shape.n_layers)])
    written = torch.einsum("nhd,hdm->nhm", z, weights)
    held = torch.einsum("hij,nhj->nhi", loaded.head_frames(), z)
    gram_written = torch.einsum("ahm,bhm->hab", written, written)
    gram_held = torch.einsum("ahm,bhm->hab", held, held)
    torch.testing.assert_close(gram_held, gram_written, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(loaded.to_d_model(held), written, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", CONFIGS)
def test_shape_from_config_needs_no_weights(kind, tmp_path):
    random_model(kind).config.save_pretrained(tmp_path)
    shape = shape_from_config(str(tmp_path))
    loaded = tiny(kind)
    assert (shape.n_layers, shape.n_heads, shape.d_head, shape.d_model) == (
        loaded.shape.n_layers,
        loaded.shape.n_heads,
        loaded.shape.d_head,
        loaded.shape.d_model,
    )
    assert shape.n_parameters == sum(p.numel() for p in loaded.model.parameters())


def test_head_dim_may_differ_from_hidden_over_heads():
    assert tiny("llama").shape.d_head == 8
    assert tiny("gpt2").shape.d_head == 6


def test_a_saved_folder_loads_and_a_changed_weight_changes_the_hash(tmp_path):
    save_tiny(tmp_path)
    first = load_model(tmp_path, "cpu")
    assert first.weights_hash == load_model(tmp_path, "cpu").weights_hash
    weights = load_file(tmp_path / "model.safetensors")
    weights["transformer.h.0.attn.c_proj.weight"][0, 0] += 1
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert load_model(tmp_path, "cpu").weights_hash != first.weights_hash


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_architecture_loads_from_a_folder_and_says_the_same(kind, tmp_path):
    """Whatever kinds of attention it has a fast version for."""
    loaded = load_model(save_tiny(tmp_path / kind, kind), "cpu")
    ids = torch.tensor([[4, 9, 7, 30]])
    with torch.no_grad():
        torch.testing.assert_close(
            loaded.model(ids).logits, random_model(kind)(ids).logits, atol=1e-4, rtol=1e-3
        )


def test_hash_of_tensors_tells_models_apart():
    assert hash_tensors(random_model("gpt2", 0)) == hash_tensors(random_model("gpt2", 0))
    assert hash_tensors(random_model("gpt2", 0)) != hash_tensors(random_model("gpt2", 1))


def test_the_pool_loads_a_model_once(tmp_path):
    pool = ModelPool(size=1)
    save_tiny(tmp_path / "a")
    save_tiny(tmp_path / "b", seed=1)
    first = pool.get(str(tmp_path / "a"), "cpu")
    assert pool.get(str(tmp_path / "a"), "cpu") is first
    assert pool.get(str(tmp_path / "b"), "cpu") is not first
    assert pool.get(str(tmp_path / "a"), "cpu") is not first


@pytest.fixture
def folders(tmp_path):
    return [str(save_tiny(tmp_path / name, seed=seed)) for seed, name in enumerate("abc")]


def test_a_leased_model_stays_and_an_idle_one_goes_before_another_is_loaded(folders, monkeypatch):
    pool, held = ModelPool(size=2), []
    monkeypatch.setattr(
        "core.model.loading.pool.load_model",
        lambda *where: held.append(len(pool._models)) or load_model(*where),
    )
    with pool.lease(folders[0], "cpu") as working:
        pool.get(folders[1], "cpu")
        pool.get(folders[2], "cpu")
        assert held == [0, 1, 1]
        assert pool.get(folders[0], "cpu") is working
        with pool.lease(folders[0], "cpu"), pool.lease(folders[2], "cpu"):
            pool.get(folders[1], "cpu")
            assert len(pool._models) == 3, "both others are at work"
    pool.get(folders[0], "cpu")
    pool.get(folders[2], "cpu")
    assert pool.get(folders[1], "cpu") is not None
    assert len(pool._models) == 2


def test_a_name_that_cannot_be_loaded_costs_no_model_that_is_held(folders, tmp_path):
    pool = ModelPool(size=1)
    held = pool.get(folders[0], "cpu")
    assert key_of(lambda: pool.get(str(tmp_path / "none"), "cpu")) == "no_folder"
    (Path(folders[1]) / "model.safetensors").unlink()
    assert key_of(lambda: pool.get(folders[1], "cpu")) == "no_weights"
    assert pool.get(folders[0], "cpu") is held


def test_a_load_without_memory_is_tried_again_without_the_idle_models(folders, monkeypatch):
    pool, tried = ModelPool(size=3), []

    def full(source, device, _adapter):
        tried.append(sorted(Path(path).name for path, _, _ in pool._models))
        if len(pool._models) > 1:
            raise ModelError("out_of_memory", device="cpu")
        return load_model(source, device)

    with pool.lease(folders[0], "cpu") as working:
        pool.get(folders[1], "cpu")
        monkeypatch.setattr("core.model.loading.pool.load_model", full)
        pool.get(folders[2], "cpu")
        assert tried == [["a", "b"], ["a"]]
        assert pool.get(folders[0], "cpu") is working


def test_a_load_that_still_lacks_memory_fails_after_one_more_try(folders, monkeypatch):
    pool, tried = ModelPool(size=2), []
    pool.get(folders[0], "cpu")

    def full(source, device, _adapter):
        tried.append(source)
        raise ModelError("out_of_memory", device="cpu")

    monkeypatch.setattr("core.model.loading.pool.load_model", full)
    assert key_of(lambda: pool.get(folders[1], "cpu")) == "out_of_memory"
    assert len(tried) == 2
    assert key_of(lambda: pool.get(folders[1], "cpu")) == "out_of_memory"
    assert len(tried) == 3, "nothing idle is left to drop"


def test_weights_that_do_not_fit_are_no_damaged_weights(folders, monkeypatch):
    def full(*_args, **_named):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", full)
    assert key_of(lambda: load_model(folders[0], "cpu")) == "out_of_memory"


def key_of(call) -> str:
    with pytest.raises(ModelError) as caught:
        call()
    assert caught.value.args[0]
    return caught.value.key


def test_missing_things_are_named(tmp_path):
    assert key_of(lambda: load_model("nobody/has-this-model", "cpu")) == "model_not_found"
    assert key_of(lambda: load_model(tmp_path / "typo", "cpu")) == "no_folder"
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "no_config"
    save_tiny(tmp_path)
    assert inspect(str(tmp_path))["n_heads"] == 4
    (tmp_path / "model.safetensors").write_bytes(b"cut off")
    assert key_of(lambda: inspect(str(tmp_path))) == "bad_weights"
    (tmp_path / "model.safetensors").unlink()
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "no_weights"
    assert key_of(lambda: inspect(str(tmp_path))) == "no_weights"


def test_an_unreachable_hub_is_not_asked_again_and_again(monkeypatch):
    asked = []

    def refuse(address, timeout):
        asked.append((address, timeout))
        raise OSError("no route")

    monkeypatch.setattr("core.model.loading.hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("core.model.loading.hub.getproxies", dict)
    monkeypatch.setattr("core.model.loading.hub.socket.create_connection", refuse)
    _reachable.cache_clear()
    assert hub_options() == {"local_files_only": True}
    assert hub_options() == {"local_files_only": True}
    assert len(asked) <= 2
    monkeypatch.setattr(
        "core.model.loading.hub.getproxies",
        lambda: {"https": "http://proxy:3128", "http": "http://proxy:3128"},
    )
    _reachable.cache_clear()
    assert hub_options() == {}
    _reachable.cache_clear()


def test_a_pickled_checkpoint_is_never_read(tmp_path):
    save_tiny(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    assert key_of(lambda: inspect(str(tmp_path))) == "pickled_weights"


def test_a_folder_without_tokenizer(tmp_path):
    random_model("gpt2").save_pretrained(tmp_path)
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "no_tokenizer"


def test_encoder_only_and_unknown_architectures(tmp_path):
    config = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=64
    )
    BertForMaskedLM(config).save_pretrained(tmp_path / "bert")
    assert key_of(lambda: load_model(tmp_path / "bert", "cpu")) == "not_decoder_only"
    T5Config(architectures=["T5ForConditionalGeneration"]).save_pretrained(tmp_path / "t5")
    assert key_of(lambda: load_model(tmp_path / "t5", "cpu")) == "encoder_decoder"
    ViTConfig().save_pretrained(tmp_path / "vit")
    with pytest.raises(ModelError, match="vit, which the installed transformers does not know") as caught:
        load_model(tmp_path / "vit", "cpu")
    assert caught.value.key == "unknown_architecture"


def test_a_type_that_transformers_does_not_know(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "surely_not_a_type"}))
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "unknown_architecture"


def test_remote_code_is_never_run(tmp_path):
    save_tiny(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "own_model", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('ran')")
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "remote_code"


def test_nan_and_damaged_and_missing_weights(tmp_path):
    save_tiny(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    name = "transformer.h.1.attn.c_attn.weight"
    broken = {key: value.clone() for key, value in weights.items()}
    broken[name][0, 0] = float("nan")
    save_file(broken, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "bad_numbers"
    del broken[name]
    save_file(broken, tmp_path / "model.safetensors", metadata={"format": "pt"})
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "weights_missing"
    (tmp_path / "model.safetensors").write_bytes(b"not a safetensors file")
    assert key_of(lambda: load_model(tmp_path, "cpu")) == "bad_weights"


def test_a_device_that_is_not_there(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert key_of(lambda: load_model(save_tiny(tmp_path), "cuda")) == "no_device"


def test_pieces_cover_the_text_and_words_become_tokens():
    loaded = tiny()
    ids = loaded.encode("w3 w10 w3")
    assert ids == [7, 14, 7]
    assert loaded.pieces_in("w3 w10 w3", ids) == ["w3", "w10", "w3"]
    assert loaded.word_token("w10") == 14
    assert loaded.word_token("nothing-known") is None


def test_a_space_of_its_own_leaves_the_letter_to_the_token_behind_it():
    vocabulary = [("<unk>", 0.0), ("▁", -1.0), ("東", -2.0), ("京", -2.0), ("▁a", -1.5)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, 0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    loaded = LoadedModel(random_model("gpt2"), fast, "x")
    ids = loaded.encode("東京 a")
    assert fast.convert_ids_to_tokens(ids) == ["▁", "東", "京", "▁a"]
    assert loaded.pieces_in("東京 a", ids) == [" ", "東", "京", " a"]


def test_the_model_is_frozen_and_in_evaluation_mode():
    model = random_model("gpt2").train()
    loaded = LoadedModel(model, word_tokenizer(), "x")
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_a_chat_template_is_read_wherever_its_folder_keeps_it(tmp_path):
    family = FAMILIES["chatml"]
    of_file, of_config, plain = (tmp_path / name for name in ("file", "config", "plain"))
    for folder in (of_file, of_config, plain):
        random_model("llama", vocab_size=288).save_pretrained(folder)
        byte_tokenizer(family).save_pretrained(folder)
    for folder in (of_config, plain):
        (folder / "chat_template.jinja").unlink()
    settings = json.loads((of_config / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings["chat_template"] = family.template
    (of_config / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    first, second, third = (load_model(folder, "cpu") for folder in (of_file, of_config, plain))
    assert first.tokenizer.chat_template == second.tokenizer.chat_template == family.template
    assert first.tokenizer_hash == second.tokenizer_hash != third.tokenizer_hash
    others = of_file / "additional_chat_templates"
    others.mkdir()
    (others / "tool_use.jinja").write_text("T", encoding="utf-8")
    assert template_of(load_model(of_file, "cpu").tokenizer) == family.template


def test_a_model_without_a_tokenizer_is_named_before_it_is_loaded(tmp_path):
    random_model("llama").save_pretrained(tmp_path)
    with pytest.raises(ModelError) as caught:
        inspect(str(tmp_path))
    assert caught.value.key == "no_tokenizer"
