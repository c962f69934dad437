"""Settings of a tiny model of any type, from the fields that the type's own config has.

Fields are known by name. A field that names a size gets a tiny one, whatever it was; a list with one entry a layer is
cut to the layers that the tiny model has; all else stays. Sub configs (text, vision, audio) are treated alike.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any

WIDTH, HEADS, GROUPS, HEAD_SIZE, VOCABULARY, LENGTH, PLAIN_LAYERS = 32, 4, 2, 8, 64, 64, 3
"""Residual stream, query heads, key and value heads, size of a head, tokens, positions, layers of one kind."""

_BY_SIZE: tuple[tuple[int, str], ...] = (
    (
        WIDTH,
        "hidden_size n_embd d_model dim emb_dim embedding_dim embedding_size input_embedding_size hidden_dim"
        " output_embedding_size word_embed_proj_dim backbone_hidden_size hidden_size_global attention_hidden_size"
        " lru_width out_hidden_size adapter_in_dim adapter_out_dim adapter_input_size projector_output_dim"
        " pronunciation_embed_dim shape_embed_dim input_size embed_dim projection_dim depthwise_separable_out_channel"
        " ext_pw_out_channel nemo_conv_channels mamba_d_ssm",
    ),
    (
        48,
        "intermediate_size ffn_dim d_ff dff dim_ff n_inner d_inner ffn_hidden_size decoder_ffn_dim encoder_ffn_dim"
        " feed_forward_size intermediate_size_mlp dense_intermediate_size shared_intermediate_size mlp_dim"
        " shared_experts_intermediate_size downsample_hidden_size",
    ),
    (
        24,
        "moe_intermediate_size expert_ffn_hidden_size shared_expert_intermediate_size"
        " moe_shared_expert_intermediate_size router_hidden_size",
    ),
    (
        HEADS,
        "num_attention_heads n_head n_heads num_heads attention_heads decoder_attention_heads num_query_groups"
        " encoder_attention_heads num_decoder_attention_heads num_encoder_attention_heads index_n_heads"
        " swa_num_attention_heads conf_num_attention_heads linear_num_heads linear_num_value_heads mamba_n_heads"
        " n_mamba_heads mamba_num_heads heads_per_ngram"
        " num_experts n_routed_experts num_local_experts moe_num_experts",
    ),
    (
        GROUPS,
        "linear_num_key_heads swa_num_key_value_heads num_experts_per_tok num_experts_per_token moe_topk moe_k"
        " index_topk_blocks",
    ),
    (
        HEAD_SIZE,
        "head_dim dim_head d_head attention_head_size attention_head_dim kv_channels d_kv swa_head_dim"
        " global_head_dim qk_nope_head_dim index_head_dim linear_head_dim linear_key_head_dim linear_value_head_dim"
        " mamba_d_state ssm_state_size state_size d_rel rel_extent"
        " mamba_dt_rank time_step_rank gated_norm_rank laurel_rank adapter_rank loop_gate_rank hc_lowrank"
        " hidden_size_per_layer_input ple_embed_dim prompt_mid_dim codebook_dim"
        " sliding_window sliding_window_size attention_window_size window_size local_attention"
        " local_attention_window_len attention_chunk_size index_topk chunk_size mamba_chunk_size block_size"
        " lsh_attn_chunk_length local_attn_chunk_length index_block_size",
    ),
    (12, "q_lora_rank kv_lora_rank o_lora_rank"),
    (16, "mamba_d_head mamba_head_dim mamba_headdim"),
    (12, "qk_head_dim"),
    (6, "v_head_dim"),
    (4, "qk_rope_head_dim rotary_dim"),
    (
        1,
        "n_group topk_group num_expert_group n_shared_experts num_shared_experts moe_num_shared_experts n_groups"
        " mamba_n_groups mamba_ngroups first_k_dense_replace num_dense_layers moe_layer_start_index"
        " num_nextn_predict_layers num_mem_blocks pretraining_tp",
    ),
    (
        VOCABULARY,
        "vocab_size vocab_size_per_layer_input decoder_vocab_size encoder_hash_byte_group_vocab"
        " unpadded_vocab_size pronunciation_vocab_size shape_vocab_size audio_vocab_size codebook_size"
        " ngram_vocab_size_base",
    ),
    (
        LENGTH,
        "max_position_embeddings n_positions n_ctx max_seq_len max_target_positions max_source_positions"
        " context_length model_max_length max_sequence_length original_max_position_embeddings seq_length",
    ),
)
_SIZES = {name: size for size, names in _BY_SIZE for name in names.split()}
_LAYERS = (
    *("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_blocks", "depth"),
    *("encoder_layers", "decoder_layers", "num_encoder_layers", "num_decoder_layers", "num_global_layers"),
    *("conf_num_hidden_layers", "max_window_layers"),
)
_KEY_VALUE_HEADS = ("num_key_value_heads", "num_kv_heads", "kv_n_heads", "num_global_key_value_heads")
_OF_ITS_OWN = {"head_dim": 2 * HEAD_SIZE, "num_attention_heads": 2, "num_key_value_heads": 2}
_ROTARY = ("rope_parameters", "rope_scaling")


def shrunk(own: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a config that a tiny model changes, with their new values."""
    kinds = _kinds_of_layers(own)
    layers = len(kinds) if kinds else PLAIN_LAYERS
    changed: dict[str, Any] = {}
    for name, value in own.items():
        if name in ("id2label", "label2id"):
            continue
        if name == "per_layer_config":
            changed[name] = _layers_of_their_own(own, kinds)
        elif name == "is_decoder":
            # models that can be encoders too are built as what this mapping is for
            changed[name] = True
        elif isinstance(value, Mapping) and name not in _ROTARY:
            if part := shrunk(value):
                changed[name] = dict(value) | part
        elif name in _ROTARY or value is None or isinstance(value, bool):
            continue
        elif name == "layer_types" or (name == "layers_block_type" and kinds):
            changed[name] = kinds
        elif isinstance(value, list | tuple) and len(value) == _number_of_layers(own):
            changed[name] = _one_a_layer(name, value, layers)
        elif isinstance(value, int):
            new = _number(name, value, own, layers)
            if new != value:
                changed[name] = new
    return changed


def _number(name: str, value: int, own: Mapping[str, Any], layers: int) -> int:
    """The tiny size of a field, or its own value where its name says nothing of size."""
    if name in _LAYERS:
        return layers
    if name in _KEY_VALUE_HEADS:
        return value if value == 1 else HEADS if value == _query_heads(own) else GROUPS
    if name.endswith("pad_token_id"):
        return 0
    if name.endswith(("_token_id", "_token_index")):
        return {"bos_token_id": 1, "eos_token_id": 2}.get(name, 3)
    if name == "head_dim" and value == own.get("qk_rope_head_dim"):
        # multi-head latent attention: the config's head_dim is the part that is rotated
        return _SIZES["qk_rope_head_dim"]
    # a size that is 0 switches something off
    return _SIZES.get(name, value) if value else value


def _one_a_layer(name: str, values: Sequence[Any], layers: int) -> list[Any]:
    """A list with one entry a layer: each different entry in turn, in the order in which they come."""
    if name in _SIZES:
        return [_SIZES[name]] * layers
    different = list(dict.fromkeys(values))
    return list(islice(cycle(different), layers))


def _query_heads(own: Mapping[str, Any]) -> int | None:
    return next(
        (own[name] for name in ("num_attention_heads", "n_heads", "num_heads") if own.get(name)), None
    )


def _number_of_layers(own: Mapping[str, Any]) -> int | None:
    return next((own[name] for name in _LAYERS if own.get(name)), None)


def _kinds_of_layers(own: Mapping[str, Any]) -> list[str]:
    """One layer of each kind that the type mixes, twice over, so that heads of one kind can feed each other."""
    given = own.get("layer_types") or own.get("layers_block_type")
    if not isinstance(given, list | tuple) or not all(isinstance(kind, str) for kind in given):
        return []
    kinds = list(dict.fromkeys(given))
    return kinds * (2 if len(kinds) > 1 else PLAIN_LAYERS)


def _layers_of_their_own(own: Mapping[str, Any], kinds: list[str]) -> dict[int, dict[str, Any]]:
    """Settings that some layers have for themselves, for the layers of the tiny model that are of the same kind:
    half the heads, or heads of twice the size."""
    if not kinds:
        return {}
    settings = {own["layer_types"][int(layer)]: given for layer, given in own["per_layer_config"].items()}
    return {
        layer: shrunk(settings[kind])
        | {name: size for name, size in _OF_ITS_OWN.items() if name in settings[kind]}
        for layer, kind in enumerate(kinds)
        if kind in settings
    }
