"""Effects of heads, sets of heads and edges against a plain re-implementation."""

import numpy as np
import pytest
import torch

from core.causal import patching as patching_module
from core.causal.replacements import KINDS
from core.examples.reading import from_rows
from core.generators import result_of
from core.heads import EdgeId, HeadId, all_heads
from tests.support.pairs import TARGETS, pairs, patched
from tests.support.surgery import Surgery, nothing, plain_difference, plain_run, plain_z, replace_heads
from tests.support.tiny_models import tiny

SHAPE = (3, 4)


CIRCUIT = (HeadId(0, 1), HeadId(1, 3), HeadId(2, 0))


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def test_effects_equal_a_plain_re_implementation(loaded):
    examples = pairs()
    patching, metric = patched(loaded, examples, "resample")
    effects = np.concatenate(
        [result_of(patching.effects(part, metric)) for part in (TARGETS[:3], TARGETS[3:])], axis=1
    )
    texts = [loaded.encode(e.text) for e in examples]
    plain = [
        plain_difference(loaded, plain_run(loaded, t, None, None), e)
        for t, e in zip(texts, examples, strict=True)
    ]
    gap = np.mean(plain[:4]) - np.mean(plain[4:])
    assert metric.gap == pytest.approx(gap, abs=1e-4)
    for index, target in enumerate(TARGETS):
        sender = target.source if isinstance(target, EdgeId) else target
        for pair in range(4):
            with torch.no_grad():
                values = [
                    plain_z(Surgery(loaded), torch.tensor([texts[i]]), sender) for i in (pair, pair + 4)
                ]
            noise, denoise = (
                plain_difference(loaded, plain_run(loaded, texts[i], target, value), examples[i])
                for i, value in ((pair, values[1]), (pair + 4, values[0]))
            )
            assert effects[0, index, pair] == pytest.approx((plain[pair] - noise) / gap, abs=2e-3)
            assert effects[1, index, pair] == pytest.approx((denoise - plain[pair + 4]) / gap, abs=2e-3)
    assert np.abs(effects).max() > 0.05


def test_mean_ablation_equals_a_plain_re_implementation(loaded):
    examples = pairs()
    examples[4:] = from_rows([{"label": "normal", "text": f"w2 w{i} w7 w8"} for i in range(20, 25)]).examples
    patching, metric = patched(loaded, examples, "mean")
    effects = result_of(patching.effects(TARGETS[:3], metric))
    assert effects.shape == (1, 3, 4)
    texts = [loaded.encode(e.text) for e in examples]
    for index, head in enumerate(TARGETS[:3]):
        with torch.no_grad():
            normal = [plain_z(Surgery(loaded), torch.tensor([text]), head) for text in texts[4:]]
        everywhere, last = torch.cat(normal).mean(0), torch.stack([z[-1] for z in normal]).mean(0)
        for i in range(4):
            value = everywhere.repeat(len(texts[i]), 1)
            value[-1] = last
            before, after = (
                plain_difference(loaded, plain_run(loaded, texts[i], *change), examples[i])
                for change in ((None, None), (head, value))
            )
            assert effects[0, index, i] == pytest.approx((before - after) / metric.gap, abs=2e-3)


@pytest.mark.parametrize("method", ["resample", "mean"])
@pytest.mark.parametrize("targets", [TARGETS[:3], TARGETS[3:]], ids=["heads", "edges"])
def test_batched_equals_one_by_one(loaded, method, targets, monkeypatch):
    together, metric = patched(loaded, pairs(), method)
    effects = result_of(together.effects(targets, metric))
    monkeypatch.setattr(patching_module, "BATCH_ROWS", 1)
    single, _ = patched(loaded, pairs(), method)
    np.testing.assert_allclose(result_of(single.effects(targets, metric)), effects, atol=2e-4)
    sides = 2 if method == "resample" else 1
    assert single.forward_passes == sides * 4 * len(targets)
    assert together.forward_passes == 1


def by_surgery(loaded, texts: list[list[int]], text: int, heads, kind: str, donor: int) -> torch.Tensor:
    """Logits at the last position with the heads taken out, block by block, without this package's hooks."""

    def every_z(ids: list[int]) -> dict[int, torch.Tensor]:
        surgery, recorded = Surgery(loaded), {}
        plain = surgery.attend

        def attend(layer, z):
            recorded[layer] = z[0].clone()
            return plain(layer, z)

        surgery.attend = attend
        surgery.run(torch.tensor([ids]))
        return recorded

    normal = [every_z(ids) for ids in texts[len(texts) // 2 :]]
    other = every_z(texts[donor])
    surgery = Surgery(loaded)
    plain = surgery.attend

    def attend(layer, z):
        z = z.clone()
        for head in heads:
            if head.layer != layer:
                continue
            if kind == "zero":
                z[0, :, head.head] = 0
            elif kind == "resample":
                z[0, :, head.head] = other[layer][:, head.head]
            else:
                z[0, :, head.head] = torch.cat([run[layer] for run in normal])[:, head.head].mean(0)
                z[0, -1, head.head] = torch.stack([run[layer][-1] for run in normal])[:, head.head].mean(0)
        return plain(layer, z)

    surgery.attend = attend
    with torch.no_grad():
        return surgery.run(torch.tensor([texts[text]]))[0, -1]


@pytest.mark.parametrize("kind", KINDS)
def test_sets_taken_out_in_one_batch_equal_surgery_one_by_one(loaded, kind):
    examples = pairs()
    patching, metric = patched(loaded, examples)
    texts = [loaded.encode(example.text) for example in examples]
    sets = [(), (HeadId(0, 1),), CIRCUIT, tuple(all_heads(*SHAPE))]
    measured = result_of(patching.measure(sets, range(8), metric, kind))
    for row, heads in enumerate(sets):
        for text in range(8):
            with torch.no_grad():
                logits = by_surgery(loaded, texts, text, heads, kind, (text + 4) % 8)
            assert measured[row, text] == pytest.approx(float(metric.of(logits[None], [text])[0]), abs=2e-4)
    assert measured[0] == pytest.approx(metric.values, abs=1e-4)


def test_order_and_size_of_batches_change_nothing(monkeypatch):
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())
    sets = [CIRCUIT, (HeadId(2, 1),), tuple(all_heads(*SHAPE))]
    at_once = result_of(patching.measure(sets, range(4), metric, "resample"))
    monkeypatch.setattr(patching_module, "BATCH_ROWS", 1)
    passes = patching.forward_passes
    assert result_of(patching.measure(sets, range(4), metric, "resample")) == pytest.approx(at_once, abs=1e-5)
    assert patching.forward_passes == passes + 12


def test_hooks_are_gone_after_an_exception():
    loaded = tiny("gpt2", seed=2)
    patching, metric = patched(loaded, pairs())
    with pytest.raises(RuntimeError), replace_heads(loaded, [list(CIRCUIT)], nothing):
        raise RuntimeError
    assert result_of(patching.measure([()], range(8), metric, "zero"))[0] == pytest.approx(
        metric.values, abs=1e-4
    )
