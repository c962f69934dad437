"""What passes through MLP blocks, in one sentence."""

from dataclasses import replace

import pytest

from core.report.sentences.mlps import mlp_sentence, together
from core.report.sentences.notes import unknown
from core.schema import AddingUp, BlocksRecord, LayerShares
from core.text import LANGUAGES
from tests.support.made_facts import STATES

ONLY = "Only attention heads carry the difference from word to word"
BESIDE = ONLY + ". Beside them, the"


def sentence(
    *shares: float | None, reason: str = "", language: str = "en", unclear: tuple[int, ...] = ()
) -> str:
    layers = tuple(
        LayerShares(layer=layer, mlp=share, clear=layer not in unclear) for layer, share in enumerate(shares)
    )
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
            BESIDE + " MLP blocks of layers 0, 3 and 4 pass on 20 %, 30 % and 11 % of it, and 1 more at"
            " least 10 % each; they were not broken down. The one of layer 1 works against it.",
        ),
        ((0.0, -0.09), ONLY + "; no MLP block clearly passes on as much as 10 % of it."),
    ],
)
def test_the_largest_blocks_are_named_in_the_order_of_their_layers(shares, expected):
    assert sentence(*shares) == expected


def test_shares_that_could_be_none_are_not_named():
    assert "layer 1 passes on 30 %" in sentence(0.2, 0.3, unclear=(0,))
    assert "no MLP block clearly" in sentence(0.2, 0.3, unclear=(0, 1))


def test_every_result_says_something_of_mlp_blocks_and_a_run_without_a_difference_nothing():
    assert "cannot be told" in sentence(reason="layer 0 does not hand on its input")
    manifest = STATES["tested"].manifest
    assert mlp_sentence(manifest, "en") == "MLP blocks were not measured in this run."
    assert "測っていません" in mlp_sentence(manifest, "ja")
    assert mlp_sentence(manifest.model_copy(update={"evidence": "no_difference"}), "en") == ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_have_every_form(language):
    forms = {sentence(*shares, language=language) for shares in ((0.2,), (0.2, 0.3), (0.2,) * 5, (0.0,))}
    assert len(forms) == 4 and all(forms)


@pytest.mark.parametrize(
    ("sums", "part"),
    [
        ((0.9, 0.1, 0.02), "add up to that (heads 90 %, MLP blocks 10 %)."),
        ((1.6, 0.4, -1.0), "add up to more (heads 160 %, MLP blocks 40 %): what one passes on"),
        ((0.3, 0.2, 0.5), "add up to less (heads 30 %, MLP blocks 20 %): some stand in"),
        ((None, 0.2, None), "both 100 %."),
    ],
)
@pytest.mark.parametrize("directions", [1, 2])
def test_what_all_do_together_stands_beside_the_sums(sums, part, directions):
    heads, mlps, interaction = sums
    numbers = {"sum_heads": heads, "sum_mlps": mlps, "interaction": interaction}
    row = AddingUp(direction="noising", heads=0.8, mlps=0.3, both=1.0, **numbers)
    blocks = BlocksRecord(adding_up=(row,) * directions)
    manifest = STATES["tested"].manifest.model_copy(update={"blocks": blocks})
    line = together(manifest, "en").replace("\u00a0", " ")
    way = "Exchanged" if directions == 2 else "Switched off"
    assert line.startswith(f"{way} all together, the heads") and part in line
    assert together(manifest, "ja") != line
    assert together(STATES["tested"].manifest, "en") == ""


def test_what_is_not_known_does_not_say_that_heads_alone_were_looked_at_where_blocks_were_measured():
    known = STATES["tested"]
    alone = "only attention heads were looked at"
    assert any(alone in line for line in unknown(known, "en"))
    blocks = BlocksRecord(layers=(LayerShares(layer=0, mlp=0.2, clear=True),))
    measured = replace(known, manifest=known.manifest.model_copy(update={"blocks": blocks}))
    lines = unknown(measured, "en")
    assert not any(alone in line for line in lines)
    assert mlp_sentence(measured.manifest, "en") in lines
