"""Tiny random models of every known architecture and a word tokenizer, built from configs; nothing is downloaded."""

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedTokenizerFast

from core.model.loading import LoadedModel
from core.model.recording import Recording

WORDS = [f"w{index}" for index in range(60)]
_ROTARY = {
    "vocab_size": 64,
    "hidden_size": 24,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_PLAIN = {key: value for key, value in _ROTARY.items() if key not in ("num_key_value_heads", "head_dim")}
_GPT = {
    "vocab_size": 64,
    "n_positions": 32,
    "n_embd": 24,
    "n_layer": 3,
    "n_head": 4,
    "bos_token_id": 1,
    "eos_token_id": 2,
}

CONFIGS: dict[str, dict] = {
    "gpt2": _GPT,
    "llama": _ROTARY,
    "mistral": _ROTARY,
    "qwen2": _PLAIN | {"num_key_value_heads": 2},
    "qwen3": _ROTARY,
    "gemma": _ROTARY,
    "gemma2": _ROTARY | {"query_pre_attn_scalar": 8},
    "gemma3_text": _ROTARY | {"query_pre_attn_scalar": 8},
    "phi3": _PLAIN | {"num_key_value_heads": 2},
    "gpt_neox": _PLAIN,
    "opt": {
        "vocab_size": 64,
        "hidden_size": 24,
        "ffn_dim": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "max_position_embeddings": 32,
        "word_embed_proj_dim": 24,
        "pad_token_id": 0,
    },
    "gptj": _GPT | {"rotary_dim": 4},
    "bloom": {"vocab_size": 64, "hidden_size": 24, "n_layer": 3, "n_head": 4},
    "falcon": _PLAIN | {"new_decoder_architecture": True, "num_kv_heads": 2, "alibi": False},
}


def config_of(kind: str, **settings):
    """Config of a tiny model of this architecture, with these settings changed."""
    return CONFIG_MAPPING[kind](**(CONFIGS[kind] | settings))


def random_model(kind: str, seed: int = 0, **settings):
    """A tiny model with random weights, large enough that every head writes something."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config_of(kind, **settings))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0.0, 0.2)
    return model.eval()


def word_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word: w0 … w59 are 4 … 63."""
    ids = {word: index for index, word in enumerate(["<pad>", "<s>", "</s>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")


def tiny(kind: str = "gpt2", seed: int = 0, **settings) -> LoadedModel:
    """A loaded tiny model."""
    return LoadedModel(random_model(kind, seed, **settings), word_tokenizer(), f"tiny-{kind}")


def save_tiny(folder, kind: str = "gpt2", seed: int = 0, **settings):
    """A model folder as save_pretrained makes it."""
    random_model(kind, seed, **settings).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


def recording_of(loaded: LoadedModel, examples) -> Recording:
    """Plain runs of examples, with all that interventions ask for."""
    return Recording(loaded, [loaded.encode(example.text) for example in examples], streams=True)
