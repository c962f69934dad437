"""Quantised numbers become the plain ones that they stand for; answers worked by hand."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import ModelError
from core.inspection.preview import inspect
from core.model.loading import load_model
from core.model.loading.files import headers
from core.model.loading.quantised import bitsandbytes, floats, integers
from tests.support.tiny_models import random_model, save_tiny


def stored(folder, tensors):
    file = folder / "part.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, file)
    return headers([file], "part")


def test_eight_bits_of_bitsandbytes(tmp_path):
    codes = torch.tensor([[127, -127], [64, 0]], dtype=torch.int8)
    parts = {"l.weight": codes, "l.SCB": torch.tensor([2.0, 0.5]), "l.weight_format": torch.tensor(0)}
    plain = bitsandbytes.plain(stored(tmp_path, parts))
    assert list(plain) == ["l.weight"]
    torch.testing.assert_close(plain["l.weight"][...], torch.tensor([[2.0, -2.0], [64 / 127 / 2, 0.0]]))


def _state(**facts):
    return torch.tensor(list(json.dumps(facts).encode()), dtype=torch.uint8)


def test_four_bits_of_bitsandbytes_with_scales_that_are_quantised_too(tmp_path):
    """Upper half of a byte first; a scale is its own code's value times the outer scale plus the offset."""
    facts = {"shape": [2, 2], "blocksize": 2, "nested_blocksize": 256, "nested_offset": 1.0}
    parts = {
        "l.weight": torch.tensor([[0x12], [0xF0]], dtype=torch.uint8),
        "l.weight.absmax": torch.tensor([0, 3], dtype=torch.uint8),
        "l.weight.quant_map": torch.arange(16.0),
        "l.weight.nested_absmax": torch.tensor([2.0]),
        "l.weight.nested_quant_map": torch.arange(256.0),
        f"l.weight{bitsandbytes.STATE}nf4": _state(**facts),
    }
    plain = bitsandbytes.plain(stored(tmp_path, parts))
    assert list(plain) == ["l.weight"]
    assert plain["l.weight"][...].tolist() == [[1.0, 2.0], [105.0, 0.0]]


def test_blocks_of_fp8_of_which_the_last_are_smaller():
    scale = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert floats.spread(scale, (3, 3), (2, 2)).tolist() == [[1, 1, 2], [1, 1, 2], [3, 3, 4]]
    assert floats.spread(torch.tensor([5.0, 6.0]), (2, 3)).expand(2, 3).tolist() == [[5] * 3, [6] * 3]
    assert float(floats.spread(torch.tensor([7.0]), (2, 3))) == 7


def words(values, bits):
    """Rows of small integers packed into 32-bit words, the first in the lowest bits."""
    shifts = torch.arange(0, 32, bits)
    packed = (values.long().unflatten(-1, (-1, 32 // bits)) << shifts).sum(-1)
    return torch.where(packed >= 2**31, packed - 2**32, packed).to(torch.int32)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_gptq_packs_along_the_inputs_and_stores_zeros_less_one(bits, tmp_path):
    torch.manual_seed(0)
    codes = torch.randint(0, 2**bits, (32, 16))  # input, output
    zeros, scales = torch.randint(1, 2**bits, (2, 16)), torch.rand(2, 16)
    groups = torch.arange(32) % 2
    parts = {
        "l.qweight": words(codes.T, bits).T,
        "l.qzeros": words(zeros - 1, bits),
        "l.scales": scales,
        "l.g_idx": groups.int(),
        "l.bias": torch.ones(16),
    }
    plain = integers.gptq(stored(tmp_path, parts), {"bits": bits})
    assert sorted(plain) == ["l.bias", "l.weight"]
    torch.testing.assert_close(plain["l.weight"][...], ((codes - zeros[groups]) * scales[groups]).T)


def test_awq_packs_along_the_outputs_in_its_own_order(tmp_path):
    torch.manual_seed(0)
    codes, zeros, scales = torch.randint(0, 16, (8, 16)), torch.randint(0, 16, (2, 16)), torch.rand(2, 16)
    packing = [0, 2, 4, 6, 1, 3, 5, 7]  # which output of a word stands at each place of it
    ordered = [values.unflatten(-1, (-1, 8))[..., packing].flatten(-2) for values in (codes, zeros)]
    parts = {"l.qweight": words(ordered[0], 4), "l.qzeros": words(ordered[1], 4), "l.scales": scales}
    plain = integers.awq(stored(tmp_path, parts), {"bits": 4})
    groups = torch.arange(8) // 4
    torch.testing.assert_close(plain["l.weight"][...], ((codes - zeros[groups]) * scales[groups]).T)


def test_packed_compressed_tensors(tmp_path):
    torch.manual_seed(0)
    codes, scales = torch.randint(-8, 8, (3, 16)), torch.rand(3, 2)
    parts = {
        "l.weight_packed": words(codes + 8, 4),
        "l.weight_scale": scales,
        "l.weight_shape": torch.tensor([3, 16]),
    }
    plain = integers.compressed(stored(tmp_path, parts), 4)
    torch.testing.assert_close(plain["l.weight"][...], codes * scales.repeat_interleave(8, dim=1))


def quantised_folder(folder, method, change):
    """A tiny Llama whose output projections are quantised by `change`, and the plain weights of them."""
    save_tiny(folder, "llama")
    weights, plain = load_file(folder / "model.safetensors"), {}
    for name in [name for name in weights if name.endswith("o_proj.weight")]:
        parts, plain[name] = change(weights.pop(name))
        weights |= {name.removesuffix("weight") + key: value for key, value in parts.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": method}))
    return plain


def eight(weight):
    scales = weight.abs().amax(1)
    codes = (weight * 127 / scales[:, None]).round().to(torch.int8)
    return {"weight": codes, "SCB": scales}, codes * scales[:, None] / 127


def fp8(weight):
    scale = weight.abs().max() / 448
    codes = (weight / scale).to(torch.float8_e4m3fn)
    return {"weight": codes, "weight_scale_inv": scale.reshape(1, 1)}, codes.float() * scale


@pytest.mark.parametrize(
    ("method", "change"),
    [({"quant_method": "bitsandbytes", "load_in_8bit": True}, eight), ({"quant_method": "fp8"}, fp8)],
)
def test_heads_of_a_quantised_model_write_with_its_plain_weights(method, change, tmp_path):
    plain = quantised_folder(tmp_path, method, change)
    findings = inspect(str(tmp_path))["findings"]
    assert [note["kind"] for note in findings] == ["dequantised"]
    loaded = load_model(tmp_path, "cpu")
    for layer in range(loaded.shape.n_layers):
        weight = plain[f"model.layers.{layer}.self_attn.o_proj.weight"]
        expected = weight.T.reshape(loaded.output_weights(layer).shape)
        torch.testing.assert_close(loaded.output_weights(layer), expected)
    reference = random_model("llama")
    reference.load_state_dict(plain, strict=False)
    ids = torch.tensor([[5, 9, 7, 30]])
    torch.testing.assert_close(loaded.model(ids).logits, reference(ids).logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("method", [{"quant_method": "hqq"}, {"quant_method": "awq", "version": "gemv"}, {}])
def test_numbers_that_cannot_be_had_are_refused_before_loading(method, tmp_path):
    """Also where the config is silent and a weight is an integer without a scale."""
    quantised_folder(tmp_path, method or None, lambda weight: ({"weight": weight.to(torch.int8)}, weight))
    with pytest.raises(ModelError) as caught:
        inspect(str(tmp_path))
    assert caught.value.key == "quantised_unknown"


def test_a_config_that_says_quantised_beside_plain_weights_is_named(tmp_path):
    quantised_folder(
        tmp_path, {"quant_method": "gptq", "bits": 4}, lambda weight: ({"weight": weight}, weight)
    )
    assert [note["kind"] for note in inspect(str(tmp_path))["findings"]] == ["quantised_but_plain"]
    ids = torch.tensor([[5, 9, 7, 30]])
    torch.testing.assert_close(
        load_model(tmp_path, "cpu").model(ids).logits, random_model("llama")(ids).logits
    )
