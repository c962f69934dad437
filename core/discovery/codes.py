"""From head outputs to codes.

1. Centre: subtract the mean of the pair, or of the position where there are no pairs, so that what all
   examples share does not use up the dictionaries.
2. Scale all heads by one common factor: how strongly a head responds stays visible, since the sparsity term
   silences what is weak.
3. Train the ensemble (core.discovery.autoencoder) on all examples and slots, and take the code of each.

Where a text lacks a slot its head outputs are NaN. They take part in no mean and no training, and have the code NO_CODE
with strength 0; of a pair, a slot that one text lacks is left out for both.
"""

from collections.abc import Generator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from core.config import AutoencoderConfig
from core.discovery.autoencoder import NO_CODE, Codes, TrainStep, groups_at_once, train
from core.discovery.published_autoencoder import train_published
from core.errors import ExamplesError
from core.generators import relayed


def centre(outputs: Tensor, n_anomalous: int, paired: bool) -> Tensor:
    """Head outputs (example, slot, head, d_head) less the mean of their pair or of their slot."""
    if not paired:
        return outputs - outputs.nanmean(dim=0, keepdim=True)
    half = (outputs[:n_anomalous] - outputs[n_anomalous:]) / 2
    return torch.cat([half, -half])


def scale(centred: Tensor) -> Tensor:
    """Divide by the root mean square length of a head output, over all heads, examples and slots.

    Raises ExamplesError where nothing varies.
    """
    # slot by slot, so that no copy of all of them is made
    squares = torch.stack([of_slot.square().sum(dim=-1) for of_slot in centred.unbind(dim=1)], dim=1)
    length = squares.nanmean().sqrt()
    if not float(length) > 1e-12:
        raise ExamplesError("nothing_varies")
    return centred / length


def codes_of(values: Tensor, config: AutoencoderConfig, seed: int) -> Generator[TrainStep, None, Codes]:
    """Train on values (example, slot, head, d_head); a generator that returns codes.

    Their fields are (member, example, slot, head), on the CPU. Where the dictionaries of all heads do not fit into the
    memory set aside, heads are trained block by block, with the same result.
    """
    heads = values.shape[2]
    present = ~values[:, :, 0, 0].isnan().flatten()
    size = groups_at_once(int(present.sum()), values, config)
    generator, blocks = torch.Generator().manual_seed(seed), list(range(0, heads, size))
    parts = []
    for number, first in enumerate(blocks):
        block = values[:, :, first : first + size]
        training = _block_codes(block, present, config, generator)
        parts.append((yield from relayed(training, partial(_of_blocks, number, len(blocks)))))
    return Codes(*(torch.cat(fields, dim=-1) for fields in zip(*parts, strict=True)))


def _block_codes(
    values: Tensor, present: Tensor, config: AutoencoderConfig, generator: torch.Generator
) -> Generator[TrainStep, None, Codes]:
    """Codes of some heads; `present` (example times slot,) says which samples there are."""
    examples, slots, heads, d_head = values.shape
    samples = values.permute(2, 0, 1, 3).reshape(heads, examples * slots, d_head)[:, present].contiguous()
    ensemble = yield from train(samples, config, generator)
    fields = []
    for field, empty in zip(ensemble.codes(samples, config.members), (NO_CODE, 0), strict=True):
        whole = field.new_full((*field.shape[:2], len(present)), empty)
        whole[..., present] = field
        fields.append(whole.unflatten(2, (examples, slots)).permute(0, 2, 3, 1).cpu())
    return Codes(*fields)


def _of_blocks(number: int, blocks: int, step: TrainStep) -> TrainStep:
    """A step of a block as one of all blocks, so that epochs go up from the first block to the last."""
    return replace(step, epoch=(number * step.epochs + step.epoch) // blocks)


def published_codes(
    outputs: Tensor, config: AutoencoderConfig, seed: int
) -> Generator[TrainStep, None, Codes]:
    """The published method: one dictionary for all heads, trained on a few examples drawn at random.

    `outputs` (example, head, d_model) are head outputs averaged over positions; the fields of the codes are
    (member, example, 1, head).
    """
    examples, heads, d_model = outputs.shape
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(examples, generator=generator)[: config.training_examples or examples]
    model = yield from train_published(outputs[drawn].reshape(-1, d_model), config, seed)
    codes = model.codes(outputs.reshape(-1, d_model))
    return Codes(*(field.reshape(config.members, examples, 1, heads).cpu() for field in codes))
