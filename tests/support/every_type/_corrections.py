"""What the general shrinking cannot know, by type."""

from typing import Any

_NO_BACKBONE = "it drafts for another model, whose keys and values it reads, and reads no text by itself"
_SOUND = "it writes codes of sound, and transformers does not build its decoder from the config of this type"

REASONS: dict[str, str] = {
    "gemma3n": "its part for pictures needs the package timm",
    "gemma4_assistant": _NO_BACKBONE,
    "gemma4_unified_assistant": _NO_BACKBONE,
    "musicgen": _SOUND,
    "musicgen_melody": _SOUND,
}
"""Types of which no tiny model can be built, and why."""

_GIVEN_HEADS = {"num_key_value_heads": 2, "head_dim": 8}
_DEFAULT_ROTATION = {"rope_type": "default", "rope_theta": 10000.0}

CORRECTIONS: dict[str, dict[str, Any]] = {
    "bamba": {"num_hidden_layers": 4, "attn_layer_indices": [1, 3]},
    "blt": {"use_cache": False},
    "cohere_compass_text": {"rope_parameters": {"full_attention": _DEFAULT_ROTATION}},
    "dbrx": {"attn_config": {"rope_theta": 10000.0, "kv_n_heads": 2, "clip_qkv": 8.0}},
    "deepseek_v2": {"num_experts_per_tok": 2},
    "dory": {
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "num_hidden_layers": 4,
        "n_input_layers": 1,
        "n_recurrent_layers": 2,
        "n_output_layers": 1,
    },
    "dots1": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
    "dots3_note_text": {"head_dim": 12},
    "falcon_h1": {"mamba_d_ssm": 64},
    "gemma3n_text": {"num_kv_shared_layers": 2},
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"] * 2, "num_hidden_layers": 4},
    "hunyuan_v1_dense": _GIVEN_HEADS,
    "hunyuan_v1_moe": _GIVEN_HEADS,
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "num_hidden_layers": 4},
    "laguna": {"num_attention_heads_per_layer": [4, 2, 4]},
    "lfm2_moe": {"layer_types": ["conv", "full_attention"] * 2, "num_hidden_layers": 4},
    "longcat_flash": {"zero_expert_num": 2},
    "mamba2": {"head_dim": 16},
    "ministral": _GIVEN_HEADS,
    "nemotron": _GIVEN_HEADS,
    "qwen4_exp_text": {
        "indexer_n_heads": 2,
        "indexer_kv_heads": 1,
        "indexer_head_dim": 8,
        "indexer_budget": 8,
        "indexer_compress_ratio": 2,
    },
    "reformer": {"axial_pos_embds_dim": [16, 16], "axial_pos_shape": [8, 8]},
    "xlstm": {"hidden_size": 128, "embedding_dim": 128, "num_heads": 2},
    "xmod": {"default_language": "en_XX"},
    "zamba": {"attention_hidden_size": 64, "attention_head_dim": 16},
    "zamba2": {"attention_hidden_size": 64, "attention_head_dim": 16},
    "zaya": {"num_experts_per_tok": 1},
}
CORRECTIONS["qwen4_exp"] = {"text_config": CORRECTIONS["qwen4_exp_text"]}
CORRECTIONS["dots3_note"] = {"text_config": CORRECTIONS["dots3_note_text"]}
