"""How what attention writes reaches later layers, against models whose scales are known."""

import pytest
import torch

from core.model.architectures import read_heads, stream_rule_of
from tests.support import every_type
from tests.support.tiny_models import random_model


def rule_of(model):
    return stream_rule_of(model, read_heads(model, "tiny"))


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gemma2", "gpt_neox", "bloom", "falcon", "opt"])
def test_most_models_only_add(kind):
    rule = rule_of(random_model(kind))
    assert rule.plain and set(rule.writes.values()) == {1.0} and set(rule.carries) == {1.0}
    assert rule.scale(0, 2) == 1.0


def test_granite_multiplies_what_it_adds():
    rule = rule_of(every_type.tiny("granite", residual_multiplier=0.25))
    assert rule.plain and set(rule.carries) == {1.0}
    assert list(rule.writes.values()) == pytest.approx([0.25] * 3, rel=1e-3)


def test_gemma_4_multiplies_what_it_hands_on():
    model = every_type.tiny("gemma4_text")
    for layer, factor in enumerate((0.5, 2.0, 1.0, 0.25)):
        model.model.layers[layer].layer_scalar.fill_(factor)
    rule = rule_of(model)
    assert rule.plain
    assert list(rule.carries) == pytest.approx([0.5, 2.0, 1.0, 0.25], rel=1e-3)
    assert rule.scale(0, 3) == pytest.approx(0.5 * 2.0 * 1.0, rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("opt", {"do_layer_norm_before": False}),
        ("bloom", {"apply_residual_connection_post_layernorm": True}),
    ],
)
def test_a_norm_on_the_stream_itself_is_no_plain_sum(kind, settings):
    rule = rule_of(random_model(kind, **settings))
    assert not rule.plain and "layer 0" in rule.reason


def test_a_change_that_a_block_bends_is_no_plain_sum():
    model = random_model("llama")
    model.model.layers[1].register_forward_hook(lambda _m, _a, output: output + output.abs())
    rule = rule_of(model)
    assert not rule.plain and "layer 1" in rule.reason


def test_half_precision_is_measured_with_its_own_rounding():
    rule = rule_of(random_model("llama").to(torch.bfloat16))
    assert rule.plain and set(rule.writes.values()) == {1.0}
