"""Head outputs of a recording against a plain computation, text by text."""

import numpy as np
import pytest
import torch

from core.examples.slots import MEAN
from core.examples.token_alignment import ABSENT
from core.model.head_outputs import ZRecorder, head_outputs
from core.model.hooks import on_every_z
from core.model.recording import Recording
from tests.support.tiny_models import tiny

TEXTS = [[5, 9, 7, 30], [8, 6, 40], [11, 12, 13, 14, 15], [5, 9, 8, 30]]
POSITIONS = np.array([[3, 1], [2, 1], [4, 1], [3, 1]])


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "bloom", "opt"])
def test_outputs_equal_one_by_one_passes_without_padding(kind):
    loaded = tiny(kind)
    outputs = head_outputs(Recording(loaded, TEXTS), POSITIONS)
    frames = loaded.head_frames().unflatten(0, (3, loaded.shape.n_heads))
    for row, text in enumerate(TEXTS):
        z: dict[int, torch.Tensor] = {}
        with (
            torch.inference_mode(),
            on_every_z(loaded, lambda layer, value, z=z: z.update({layer: value[0]})),
        ):
            loaded.model(input_ids=torch.tensor([text]))
        expected = torch.stack(
            [torch.einsum("hij,phj->phi", frames[layer], z[layer]) for layer in range(3)], dim=1
        )
        torch.testing.assert_close(outputs[row], expected.flatten(1, 2)[POSITIONS[row]], atol=1e-4, rtol=1e-3)


def test_what_is_kept_of_layers_that_differ_in_their_heads():
    loaded = tiny()
    recorder = ZRecorder(loaded, [3, 2], [None, (1,)], [0, 1])
    first, last = torch.randn(2, 3, 4, 6), torch.randn(2, 3, 2, 8)
    recorder.keep(0, first)
    recorder.keep(2, last)
    whole, spec = recorder.rows()
    assert torch.equal(whole[0], first[0]) and torch.equal(whole[2], last[0])
    assert torch.equal(spec[0], first[1, [1]]) and torch.equal(spec[2], last[1, [1]])
    assert [of_text[1].shape for of_text in (whole, spec)] == [(3, 0, 0), (1, 0, 0)]


def test_a_slot_that_a_text_lacks_is_nan_and_changes_nothing_else():
    lacking = POSITIONS.copy()
    lacking[1, 0] = ABSENT
    whole, outputs = (head_outputs(Recording(tiny(), TEXTS), places) for places in (POSITIONS, lacking))
    assert bool(outputs[1, 0].isnan().all())
    outputs[1, 0] = whole[1, 0]
    torch.testing.assert_close(outputs, whole, atol=0, rtol=0)


def test_a_mean_may_leave_out_what_stands_in_front():
    positions = np.array([[MEAN - 2, MEAN, 0, 1, 2, 3]])
    outputs = head_outputs(Recording(tiny(), TEXTS[:1]), positions)[0]
    torch.testing.assert_close(outputs[0], outputs[4:].mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(outputs[1], outputs[2:].mean(0), atol=1e-5, rtol=1e-4)


def test_mean_leaves_padding_out():
    loaded = tiny()
    positions = np.array([[MEAN]] * 4)
    together = head_outputs(Recording(loaded, TEXTS), positions)
    alone = torch.cat([head_outputs(Recording(loaded, [text]), positions[:1]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
