"""The preset `paper` against the published recipe, written out a second time and literally.

Recipe: O'Neill & Bui 2024 (arXiv 2405.12522) and the authors' code. Here only plain loops, sets and autograd.
"""

import math

import numpy as np
import pytest
import torch

from core.analysis.candidates import score
from core.benchmark.metrics.ranking import ranking
from core.config import PRESETS
from core.discovery.autoencoder import SILENT, Codes, strongest
from core.discovery.codes import published_codes
from core.discovery.published_autoencoder import PublishedAutoencoder, train_published
from core.discovery.scoring import edge_scores_by_member, head_scores
from core.examples.alignment import align
from core.examples.reading import from_pasted
from core.examples.slots import MEAN
from core.model.head_outputs import head_outputs
from core.model.recording import Recording
from tests.support.tiny_models import tiny

PAPER = PRESETS["paper"]
LATENTS, D_MODEL, SAMPLES = 6, 5, 9
SMALL = PAPER.model_copy(update={"latents": LATENTS})


class Published(torch.nn.Module):
    """One autoencoder on samples (sample, d_model), as the authors' code has it; it starts with the weights of ours."""

    def __init__(self, ours: PublishedAutoencoder) -> None:
        super().__init__()
        self.encoder = torch.nn.Parameter(ours.encoder[0].clone())
        self.encoder_bias = torch.nn.Parameter(ours.encoder_bias[0, 0].clone())
        self.decoder = torch.nn.Parameter(ours.decoder[0].clone())
        self.bias = torch.nn.Parameter(ours.bias[0, 0].clone())
        for weights in (self.encoder, self.decoder):
            weights.register_hook(lambda gradient, weights=weights: sideways(gradient, weights.detach()))

    def latents(self, samples):
        return torch.relu(torch.nn.functional.linear(samples - self.bias, self.encoder, self.encoder_bias))

    def to_unit_norms(self):
        """Rows of both; a row of the decoder belongs to an output coordinate."""
        with torch.no_grad():
            for weights in (self.encoder, self.decoder):
                for row in weights:
                    row /= row.norm()

    def loss(self, samples, weight):
        """Mean squared error plus the weight times the mean over samples of the L1 norm of the latents."""
        latents = self.latents(samples)
        rebuilt = torch.nn.functional.linear(latents, self.decoder) + self.bias
        return (
            torch.nn.functional.mse_loss(rebuilt, samples) + weight * torch.norm(latents, p=1, dim=1).mean()
        )


def sideways(gradient, weights):
    """Each row of the gradient without its part along the unit row of the weights."""
    return torch.stack([g - (g @ w) * w for g, w in zip(gradient, weights, strict=True)])


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def start(seed=0, config=SMALL, d_model=D_MODEL) -> PublishedAutoencoder:
    """Ours before any training."""
    return PublishedAutoencoder(d_model, config, seed, torch.device("cpu"))


def somewhere() -> PublishedAutoencoder:
    """Weights away from the start, so that no bias is zero."""
    result = start()
    for n, tensor in enumerate(result.parameters()):
        tensor += 0.3 * random(*tensor.shape, seed=n)
    return result


def finish(training):
    while True:
        try:
            next(training)
        except StopIteration as end:
            return end.value


def unique_to_anomalous(codes: np.ndarray, n_anomalous: int) -> list[int]:
    """Codes (example, head): how many different ones of a head are on anomalous and on no normal example."""
    return [
        len(set(codes[:n_anomalous, head].tolist()) - set(codes[n_anomalous:, head].tolist()))
        for head in range(codes.shape[1])
    ]


def unique_pairs(codes: np.ndarray, n_anomalous: int, source: int, target: int) -> int:
    """How many different pairs of codes of two heads are on anomalous and on no normal example."""
    both = [tuple(row) for row in codes[:, [source, target]].tolist()]
    return len(set(both[:n_anomalous]) - set(both[n_anomalous:]))


def ours(codes: np.ndarray) -> Codes:
    """The same codes as our fields (member, example, slot, head)."""
    index = torch.from_numpy(codes)[None, :, None, :]
    return Codes(index, (index != SILENT).float())


def test_settings_are_the_published_ones():
    assert (PAPER.members, PAPER.latents, PAPER.epochs, PAPER.learning_rate) == (1, 200, 500, 1e-3)
    assert PAPER.sparsity == 0.02
    assert (PAPER.shared, PAPER.training_examples, PAPER.centre) == (True, 10, "none")


@pytest.mark.parametrize("weight", [PAPER.sparsity, 2.0])
def test_losses_and_weights_of_thirty_epochs_are_those_of_the_authors_code(weight):
    """From the same start: full batch, autograd, gradients along the rows removed, Adam, unit rows."""
    samples = random(SAMPLES, D_MODEL, seed=9)
    settings = SMALL.model_copy(update={"sparsity": weight, "epochs": 30, "learning_rate": 0.01})
    wanted, losses = Published(start()), []
    optimiser = torch.optim.Adam(wanted.parameters(), lr=0.01)
    training = train_published(samples, settings, 0)
    try:
        while True:
            step = next(training)
            optimiser.zero_grad()
            loss = wanted.loss(samples, weight)
            loss.backward()
            optimiser.step()
            wanted.to_unit_norms()
            losses.append((step.loss, loss.item()))
    except StopIteration as end:
        result: PublishedAutoencoder = end.value
    assert len(losses) == 30
    assert losses[0][1] > losses[-1][1]
    assert [mine for mine, _ in losses] == pytest.approx([literal for _, literal in losses], rel=1e-4)
    literals = wanted.encoder, wanted.encoder_bias, wanted.decoder, wanted.bias
    for mine, literal in zip(result.parameters(), literals, strict=True):
        torch.testing.assert_close(mine.squeeze(), literal.detach().squeeze(), atol=1e-4, rtol=1e-3)
    assert float(result.bias.abs().max()) > 0.01


def test_all_epochs_are_walked_even_where_the_codes_have_settled():
    steps = list(train_published(torch.zeros(4, D_MODEL), SMALL.model_copy(update={"epochs": 40}), 0))
    assert [step.epoch for step in steps] == list(range(1, 41))
    assert steps[-1].changed == 0.0


def test_the_start_has_unit_rows_independent_ends_and_a_small_encoder_bias():
    result = start(config=PAPER)
    torch.testing.assert_close(result.encoder[0].norm(dim=1), torch.ones(200))
    torch.testing.assert_close(result.decoder[0].norm(dim=1), torch.ones(D_MODEL))
    assert not torch.allclose(result.encoder[0].T, result.decoder[0], atol=0.1)
    assert not result.bias.any()
    bound = 1 / math.sqrt(D_MODEL)
    assert float(result.encoder_bias.abs().max()) <= bound
    assert float(result.encoder_bias.min()) < -0.9 * bound
    assert float(result.encoder_bias.max()) > 0.9 * bound


def test_members_are_trained_apart():
    """Two members side by side, each as far as with the loss of its own alone."""
    samples = random(SAMPLES, D_MODEL, seed=3)
    both = finish(train_published(samples, SMALL.model_copy(update={"members": 2, "epochs": 5}), 1))
    assert both.encoder.shape == (2, LATENTS, D_MODEL)
    assert not torch.allclose(both.encoder[0], both.encoder[1])


def test_the_code_is_the_largest_latent_with_the_same_weights():
    samples, weights = random(60, D_MODEL, seed=4) * 2, somewhere()
    latents = Published(weights).latents(samples).detach().numpy()
    codes = weights.codes(samples).latent[0].numpy()
    fires = latents.max(axis=1) > 0
    assert codes[fires].tolist() == latents.argmax(axis=1)[fires].tolist()
    assert len(set(codes[fires].tolist())) > 3


def test_where_no_latent_fires_ours_has_no_code_and_the_published_one_is_0():
    nothing = torch.zeros(1, LATENTS)
    assert strongest(nothing).latent.tolist() == [SILENT]
    assert nothing.numpy().argmax(axis=1).tolist() == [0]


def test_one_dictionary_is_trained_on_ten_examples_drawn_from_both_sides_and_codes_all(monkeypatch):
    outputs = random(16, 3, D_MODEL)
    few = SMALL.model_copy(update={"epochs": 3})
    trained, sides = [], set()

    def watched(samples, config, seed):
        trained.append(samples)
        return train_published(samples, config, seed)

    monkeypatch.setattr("core.discovery.codes.train_published", watched)
    for seed in range(8):
        codes = finish(published_codes(outputs, few, seed)).latent
        (examples,) = trained[-1].reshape(1, -1, 3, D_MODEL)
        drawn = [next(i for i in range(16) if torch.equal(outputs[i], one)) for one in examples]
        assert len(set(drawn)) == 10
        sides.add(sum(number < 8 for number in drawn))
        model = finish(train_published(examples.reshape(-1, D_MODEL), few, seed))
        again = model.codes(outputs.reshape(-1, D_MODEL)).latent.reshape(1, 16, 1, 3)
        assert torch.equal(codes, again)
    assert len(sides) > 1, "drawn from all, not so many a side"


@pytest.mark.parametrize("seed", range(5))
def test_counts_of_heads_and_pairs(seed):
    codes = np.random.default_rng(seed).integers(0, 7, (14, 8))
    result = head_scores(ours(codes), 8, "count").score
    assert result.tolist() == unique_to_anomalous(codes, 8)
    pairs = edge_scores_by_member(
        Codes(*(field[:, :, 0].transpose(1, 2) for field in ours(codes))), 8, np.arange(8) // 2, "count"
    )
    for source in range(8):
        for target in range(8):
            wanted = unique_pairs(codes, 8, source, target) if source // 2 < target // 2 else 0
            assert pairs[0, source, target] == wanted


def test_the_softmax_over_heads_keeps_the_ranking():
    generator = np.random.default_rng(0)
    counts = np.array(unique_to_anomalous(generator.integers(0, 9, (16, 32)), 8), dtype=float)
    truth = generator.random(32) < 0.3
    softmax = np.exp(counts - counts.max()) / np.exp(counts - counts.max()).sum()
    assert math.isclose(softmax.sum(), 1)
    assert ranking(truth, softmax) == ranking(truth, counts)
    scores = score(ours(generator.integers(0, 9, (16, 32))), 8, np.arange(32) // 8, "count").heads.score
    assert scores.dtype == torch.float64


def test_means_are_over_all_tokens_the_first_one_too_and_never_over_padding():
    """Short and long texts read in one batch give the means that each gives alone."""
    loaded = tiny("gpt2")
    texts = [[4, 9, 7], [5, 4, 8, 8, 21, 6, 30]]
    result = loaded.to_d_model(head_outputs(Recording(loaded, texts), np.full((2, 1), MEAN))[:, 0])
    outputs_of_heads: list[torch.Tensor] = []
    for text in texts:
        z: list[torch.Tensor] = []
        hooks = [
            loaded.projection(layer).register_forward_pre_hook(
                lambda _module, inputs, z=z: z.append(inputs[0][0])
            )
            for layer in range(loaded.shape.n_layers)
        ]
        with torch.no_grad():
            loaded.model(torch.tensor([text]))
        for hook in hooks:
            hook.remove()
        heads = []
        for layer, values in enumerate(z):
            by_head = values.reshape(len(text), loaded.shape.n_heads, loaded.shape.d_head)
            written = torch.einsum("phd,hdm->phm", by_head, loaded.output_weights(layer))
            heads.append(written.mean(dim=0))
        outputs_of_heads.append(torch.cat(heads))
    torch.testing.assert_close(result, torch.stack(outputs_of_heads), atol=1e-5, rtol=1e-4)


def test_outputs_are_read_as_they_are_in_mean_mode():
    examples = from_pasted("w0 w1 w2\nw3 w4", "w5 w1\nw6 w7 w8 w9").examples
    loaded = tiny("gpt2")
    alignment = align(examples, [loaded.encode(example.text) for example in examples.examples], "mean")
    assert alignment.positions.tolist() == [[MEAN]] * 4
    assert loaded.encode("w0 w1") == [4, 5], "no token is put in front"
