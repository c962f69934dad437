"""The preset `paper` against the published recipe, written out a second time and literally.

Recipe: O'Neill & Bui 2024 (arXiv 2405.12522) and the authors' code. Here only plain loops, sets and autograd.
"""

import math

import numpy as np
import pytest
import torch

from core.autoencoder import SILENT, Codes, Ensemble, strongest, train
from core.benchmark.measures import ranking
from core.capture import capture
from core.codes import published_codes
from core.config import PRESETS
from core.examples import from_pasted
from core.pipeline import score
from core.scoring import edge_scores_by_member, head_scores
from core.tokens import MEAN, align
from tests.tiny import tiny

PAPER = PRESETS["paper"]
LATENTS, D_MODEL, SAMPLES = 6, 5, 9
SMALL = PAPER.model_copy(update={"latents": LATENTS})


class Published(torch.nn.Module):
    """One autoencoder on samples (sample, d_model), as the paper's formulas have it."""

    def __init__(self, ours: Ensemble) -> None:
        super().__init__()
        self.encoder = torch.nn.Parameter(ours.encoder[0].T.clone())
        self.encoder_bias = torch.nn.Parameter(ours.encoder_bias[0, 0].clone())
        self.decoder = torch.nn.Parameter(ours.decoder[0].T.clone())
        self.bias = torch.nn.Parameter(ours.bias[0, 0].clone())

    def latents(self, samples):
        return torch.relu(torch.nn.functional.linear(samples - self.bias, self.encoder, self.encoder_bias))

    def to_unit_norms(self):
        """Rows of the encoder and columns of the decoder."""
        with torch.no_grad():
            self.encoder /= self.encoder.norm(dim=1, keepdim=True)
            self.decoder /= self.decoder.norm(dim=0, keepdim=True)

    def loss(self, samples, weight):
        """Mean squared error plus the weight times the mean of all latents."""
        latents = self.latents(samples)
        rebuilt = torch.nn.functional.linear(latents, self.decoder) + self.bias
        return torch.nn.functional.mse_loss(rebuilt, samples) + weight * latents.abs().mean()

    def loss_of_the_code(self, samples, weight):
        """The authors' code: the L1 norm is a sum over latents, and only its mean over samples is taken."""
        latents = self.latents(samples)
        rebuilt = torch.nn.functional.linear(latents, self.decoder) + self.bias
        norms = torch.norm(latents, p=1, dim=1)
        return torch.nn.functional.mse_loss(rebuilt, samples) + weight * norms.mean()


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def start(seed=0, config=SMALL, d_model=D_MODEL) -> Ensemble:
    """Ours before any training."""
    return finish(train(torch.zeros(1, 1, d_model), config.model_copy(update={"epochs": 0}), seed))


def somewhere() -> Ensemble:
    """Weights away from the start, so that no bias is zero and encoder and decoder differ."""
    return Ensemble(
        *(tensor + 0.3 * random(*tensor.shape, seed=n) for n, tensor in enumerate(start().parameters()))
    )


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
    assert (PAPER.shared, PAPER.training_examples, PAPER.centre) == (True, 10, "none")


@pytest.mark.parametrize("weight", [PAPER.sparsity, 2.0])
def test_losses_and_weights_of_thirty_epochs_are_those_of_autograd_and_adam(weight):
    """From the same start: full batch, autograd, Adam, then unit norms; the bias is that of both ends."""
    samples = random(1, SAMPLES, D_MODEL, seed=9)
    settings = SMALL.model_copy(update={"sparsity": weight, "epochs": 30, "learning_rate": 0.01})
    wanted, losses = Published(start()), []
    optimiser = torch.optim.Adam(wanted.parameters(), lr=0.01)
    training = train(samples, settings, 0)
    try:
        while True:
            step = next(training)
            optimiser.zero_grad()
            loss = wanted.loss(samples[0], weight)
            loss.backward()
            optimiser.step()
            wanted.to_unit_norms()
            losses.append((step.loss, loss.item()))
    except StopIteration as end:
        found: Ensemble = end.value
    assert len(losses) >= 20
    assert losses[0][1] > losses[-1][1]
    assert [mine for mine, _ in losses] == pytest.approx([literal for _, literal in losses], rel=1e-4)
    torch.testing.assert_close(found.encoder[0].T, wanted.encoder.detach(), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.decoder[0].T, wanted.decoder.detach(), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.encoder_bias[0, 0], wanted.encoder_bias.detach(), atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.bias[0, 0], wanted.bias.detach(), atol=1e-4, rtol=1e-3)
    assert float(found.bias.abs().max()) > 0.01


def test_a_weight_of_the_authors_code_is_as_many_times_ours_as_there_are_latents():
    """Ours takes the mean over latents too: 0.02 in the code would be 4 with 200 latents."""
    samples, model = random(SAMPLES, D_MODEL, seed=9), Published(somewhere())
    torch.testing.assert_close(model.loss_of_the_code(samples, 0.02), model.loss(samples, 0.02 * LATENTS))
    assert model.loss_of_the_code(samples, 0.02) > model.loss(samples, 0.02) + 1e-3


def test_the_start_has_unit_norms_and_no_bias():
    found = start()
    torch.testing.assert_close(found.encoder[0].norm(dim=0), torch.ones(LATENTS))
    torch.testing.assert_close(found.decoder[0].norm(dim=1), torch.ones(LATENTS))
    assert not found.bias.any()


def test_the_code_is_the_largest_latent_with_the_same_weights():
    samples, weights = random(1, 60, D_MODEL, seed=4) * 2, somewhere()
    latents = Published(weights).latents(samples[0]).detach().numpy()
    codes = weights.codes(samples, 1).latent[0, 0].numpy()
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
        return train(samples, config, seed)

    monkeypatch.setattr("core.codes.train", watched)
    for seed in range(8):
        codes = finish(published_codes(outputs, few, seed)).latent
        (examples,) = trained[-1].reshape(1, -1, 3, D_MODEL)
        drawn = [next(i for i in range(16) if torch.equal(outputs[i], one)) for one in examples]
        assert len(set(drawn)) == 10
        sides.add(sum(number < 8 for number in drawn))
        ensemble = finish(train(examples.reshape(1, -1, D_MODEL), few, seed))
        again = ensemble.codes(outputs.reshape(1, -1, D_MODEL), 1).latent.reshape(1, 16, 1, 3)
        assert torch.equal(codes, again)
    assert len(sides) > 1, "drawn from all, not so many a side"


@pytest.mark.parametrize("seed", range(5))
def test_counts_of_heads_and_pairs(seed):
    codes = np.random.default_rng(seed).integers(0, 7, (14, 8))
    found = head_scores(ours(codes), 8, "count").score
    assert found.tolist() == unique_to_anomalous(codes, 8)
    pairs = edge_scores_by_member(
        Codes(*(field[:, :, 0].transpose(1, 2) for field in ours(codes))), 8, 2, "count"
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
    scores = score(ours(generator.integers(0, 9, (16, 32))), 8, 8, "count").heads.score
    assert scores.dtype == torch.float64


def test_means_are_over_all_tokens_the_first_one_too_and_never_over_padding():
    """Short and long texts read in one batch give the means that each gives alone."""
    loaded = tiny("gpt2")
    texts = [[4, 9, 7], [5, 4, 8, 8, 21, 6, 30]]
    found = loaded.to_d_model(capture(loaded, texts, np.full((2, 1), MEAN)).outputs[:, 0])
    kept: list[torch.Tensor] = []
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
        kept.append(torch.cat(heads))
    torch.testing.assert_close(found, torch.stack(kept), atol=1e-5, rtol=1e-4)


def test_outputs_are_read_as_they_are_in_mean_mode():
    examples, _ = from_pasted("w0 w1 w2\nw3 w4", "w5 w1\nw6 w7 w8 w9")
    loaded = tiny("gpt2")
    alignment = align(examples, [loaded.encode(example.text) for example in examples.examples], "mean")
    assert alignment.positions.tolist() == [[MEAN]] * 4
    assert loaded.encode("w0 w1") == [4, 5], "no token is put in front"
