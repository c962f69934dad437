"""What passes through MLP blocks, in one sentence."""

import pytest

from core.report.sentences.mlps import mlp_sentence
from core.schema import BlocksRecord, LayerShares
from core.text import LANGUAGES
from tests.support.made_facts import STATES

ONLY = "Only attention heads carry the difference from word to word"
BESIDE = ONLY + ". Beside them, the"


def sentence(*shares: float | None, reason: str = "", language: str = "en") -> str:
    layers = tuple(LayerShares(layer=layer, mlp=share) for layer, share in enumerate(shares))
    blocks = BlocksRecord(layers=layers, reason=reason)
    manifest = STATES["tested"].manifest.model_copy(update={"blocks": blocks})
    return mlp_sentence(manifest, language).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (
            (0.29, 0.01, None),
            BESIDE + " MLP block of layer 0 passes on 29 % of it and was not broken down.",
        ),
        (
            (0.56, 0.794, 0.099),
            ONLY
            + ". Beside them, the MLP blocks of layers 0 and 1 pass on 56 % and 79 % of it and were not broken down.",
        ),
        (
            (0.2, -0.5, 0.1, 0.3, 0.11),
            ONLY
            + ". Beside them, the MLP blocks of layers 0, 1 and 3 pass on 20 %, −50 % and 30 % of it, and 2 more at"
            " least 10 % each; they were not broken down.",
        ),
        ((0.0, -0.09), ONLY + "; no MLP block passes on as much as 10 % of it."),
    ],
)
def test_the_largest_blocks_are_named_in_the_order_of_their_layers(shares, expected):
    assert sentence(*shares) == expected


def test_without_blocks_it_says_why_and_runs_that_measured_none_say_nothing():
    assert "cannot be told" in sentence(reason="layer 0 does not hand on its input")
    assert mlp_sentence(STATES["tested"].manifest, "en") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_have_every_form(language):
    forms = {sentence(*shares, language=language) for shares in ((0.2,), (0.2, 0.3), (0.2,) * 5, (0.0,))}
    assert len(forms) == 4 and all(forms)
