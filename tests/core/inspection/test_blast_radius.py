"""What else changes without some heads: by hand, and beside plain hooks on a tiny model."""

import json
import math

import pytest
import torch

from core.causal.ablation_file import AblationFile, HeadValue, read_ablation_file
from core.config import make_config
from core.examples.reading import from_rows
from core.generators import result_of
from core.heads import HeadId
from core.inspection.ablated_generation import what_if
from core.inspection.blast_radius import ReadText, Tally, blast_radius, given, measured
from core.model.loading import load_model
from core.model.tokens import own_text as own
from core.report.sentences import blast
from core.schema import BlastRadius, BlastRow, CircuitRecord
from tests.support.tiny_models import save_tiny, tiny

HEADS = [HeadId(0, 1), HeadId(1, 2)]


@pytest.fixture(scope="module")
def tiny_config(tmp_path_factory):
    return _of_tiny(tmp_path_factory.mktemp("tiny"))


def _of_tiny(folder):
    rows = [
        {"label": label, "text": " ".join(["w1", f"w{10 + i}", word, *["w7 w3"] * i])}
        for i in range(3)
        for label, word in (("anomalous", "w5"), ("normal", "w6"))
    ]
    return make_config(model=str(save_tiny(folder, "gpt2", seed=2)), examples=from_rows(rows))


def test_share_and_perplexity_by_hand():
    tally = Tally()
    even, sure = [0.0, 0.0], [math.log(3.0), 0.0]  # 1/2, 1/2 and 3/4, 1/4
    turned = [0.0, math.log(3.0)]
    tally.add(torch.tensor([sure, sure]), torch.tensor([sure, turned]), torch.tensor([0, 0]))
    row = tally.row("own")
    assert (row.tokens, row.changed) == (2, 0.5)
    assert row.perplexity_before == pytest.approx(4 / 3, abs=1e-5)
    assert row.perplexity_after == pytest.approx((4 / 3 * 4) ** 0.5, abs=1e-5)
    tally.add(torch.tensor([even, even]), torch.tensor([[0.0, 1e-6], even]), torch.tensor([0, 1]))
    assert tally.row("own").changed == 0.25  # a tie within rounding is no change


def test_nothing_read_gives_no_number_and_endless_loss_no_perplexity():
    row = Tally().row("own")
    assert (row.tokens, row.changed, row.perplexity_before) == (0, None, None)
    assert Tally(tokens=1, loss_after=1e6).row("own").perplexity_after is None


def test_what_all_texts_begin_with_counts_once():
    texts = given([[1, 2, 3, 4], [1, 2, 5], [1, 2, 3]])
    # the last token of what is shared comes before the first that differs
    assert [text.first for text in texts] == [0, 1, 1]
    assert [text.first for text in given([[1, 2]])] == [0]


def test_without_heads_nothing_changes(tiny_config):
    radius = result_of(blast_radius(tiny_config, [], "mean"))
    assert [row.source for row in radius.rows] == ["own", "normal"]
    for row in radius.rows:
        assert row.tokens > 0 and row.changed == 0
        assert row.perplexity_before == row.perplexity_after


@pytest.mark.parametrize("mode", ["mean", "zero"])
def test_both_sources_equal_plain_hooks(tiny_config, mode):
    loaded = load_model(tiny_config.model)
    radius = result_of(blast_radius(tiny_config, HEADS, mode))
    values = what_if(tiny_config, HEADS, mode, new_tokens=1)["ablation_file"]["heads"]
    normal = [loaded.encode(e.text) for e in tiny_config.examples.examples if e.label == "normal"]
    pieces = result_of(own.own_text(loaded, normal, tiny_config.seed))
    # the normal texts share their first token alone, so that every place counts
    for row, texts in zip(
        radius.rows,
        ([piece.tokens for piece in pieces], normal),
        strict=True,
    ):
        changed, losses = [], []
        for tokens in texts:
            before, after = (_logits(loaded, tokens, heads)[:-1] for heads in ({}, values))
            own_next = torch.tensor(tokens)[-len(before) :]
            changed += (before.argmax(-1) != after.argmax(-1)).tolist()
            losses.append(torch.nn.functional.cross_entropy(after.double(), own_next, reduction="none"))
        assert row.tokens == len(changed)
        assert row.changed == pytest.approx(sum(changed) / len(changed), abs=1e-6)
        assert row.perplexity_after == pytest.approx(math.exp(torch.cat(losses).mean()), rel=1e-4)
        assert row.perplexity_after != row.perplexity_before


def _logits(loaded, tokens, heads):
    """Logits (position, vocabulary) of the model's own forward pass, with a hook at each output projection."""
    handles = []
    for layer, block in enumerate(loaded.layers):

        def change(_module, args, layer=layer):
            z = args[0].clone()
            width = z.shape[-1] // loaded.shape.n_heads
            for name, value in heads.items():
                head = HeadId.parse(name)
                if head.layer == layer:
                    of_head = z[0, :, head.head * width : (head.head + 1) * width]
                    of_head[:] = torch.tensor(value["everywhere"])
                    of_head[-1] = torch.tensor(value["last"])
            return (z,)

        handles.append(block.attn.c_proj.register_forward_pre_hook(change))
    try:
        with torch.no_grad():
            return loaded.model(input_ids=torch.tensor([list(tokens)])).logits[0]
    finally:
        for handle in handles:
            handle.remove()


@pytest.mark.parametrize("mode", ["mean", "zero"])
def test_a_head_that_always_writes_its_mean_has_no_radius(tmp_path, mode, monkeypatch):
    """Head 2 of layer 1 copies a constant, whatever it looks at; only at an answer would the file write another one."""
    config, loaded = _of_tiny(tmp_path), tiny("gpt2", seed=2)
    head, width = HeadId(1, 2), loaded.shape.d_head
    mixed = loaded.layers[1].attn.c_attn
    with torch.no_grad():
        values = slice(mixed.weight.shape[1] * 2 // 3 + 2 * width, mixed.weight.shape[1] * 2 // 3 + 3 * width)
        mixed.weight[:, values], mixed.bias[values] = 0, torch.linspace(1, 2, width)
    constant = tuple(torch.linspace(1, 2, width).tolist())

    def file(*_):
        far = HeadValue(constant if mode == "mean" else (0.0,) * width, (9.0,) * width)
        return AblationFile(loaded.name, loaded.weights_hash, mode, {head: far})

    monkeypatch.setattr("core.inspection.blast_radius.ablation_file_of", file)
    pool = type("Pool", (), {"get": lambda *_: loaded})()
    radius = result_of(blast_radius(config, [head], mode, pool))
    for row in radius.rows:
        assert row.tokens > 10 and (row.changed == 0) == (mode == "mean")
        same = row.perplexity_after == pytest.approx(row.perplexity_before, rel=1e-5)
        assert same == (mode == "mean")


def test_own_text_is_the_same_for_a_seed_and_stops_where_the_model_does(tiny_config):
    loaded = load_model(tiny_config.model)
    first, again, other = (result_of(own.own_text(loaded, [[5, 6], [7]], seed)) for seed in (1, 1, 2))
    assert first == again != other
    limit = loaded.shape.context_length
    assert all(len(piece.tokens) <= min(own.PIECE_TOKENS + 1, limit) for piece in first)
    assert sum(len(p.tokens) - p.begins for p in first) <= own.PIECES * own.PIECE_TOKENS
    assert not own.end_tokens(loaded) & {token for p in first for token in p.tokens[p.begins :]}


def test_drawing_follows_the_probabilities(tiny_config, monkeypatch):
    loaded = load_model(tiny_config.model)
    logits = torch.full((own.PIECES, 10), -1e9)
    logits[:, 4], logits[:, 7] = math.log(0.9), math.log(0.1)
    monkeypatch.setattr(own, "steps", lambda *_: (logits for _ in range(own.PIECE_TOKENS)))
    monkeypatch.setattr(own, "end_tokens", lambda _: frozenset())
    pieces = result_of(own.own_text(loaded, [[5]], 0))
    tokens = [token for piece in pieces for token in piece.tokens[piece.begins :]]
    assert len(tokens) == own.PIECES * own.PIECE_TOKENS and set(tokens) == {4, 7}
    assert 0.04 < tokens.count(7) / len(tokens) < 0.17


def test_circuit_of_an_earlier_version_has_none():
    assert CircuitRecord.model_validate({"state": "computed"}).blast_radius is None


def test_batches_change_nothing(tiny_config, tmp_path):
    loaded = load_model(tiny_config.model)
    path = tmp_path / "ablation.json"
    content = what_if(tiny_config, HEADS, "mean", new_tokens=1)["ablation_file"]
    path.write_text(json.dumps(content), encoding="utf-8")
    file = read_ablation_file(path)
    texts = [ReadText([5, 6, 7, 8, 9]), ReadText([5, 6]), ReadText([9, 8, 7])]
    together, alone = Tally(), Tally()
    list(measured(loaded, texts, file, together))
    for text in texts:
        list(measured(loaded, [text], file, alone))
    assert (together.tokens, together.changed) == (alone.tokens, alone.changed) == (7, together.changed)
    assert together.loss_after == pytest.approx(alone.loss_after, rel=1e-5)


def test_sentences_say_the_measured_numbers_and_only_those():
    own_row = BlastRow(source="own", tokens=240, changed=0.03, perplexity_before=4.12, perplexity_after=4.21)
    normal = BlastRow(
        source="normal", tokens=80, changed=0.0125, perplexity_before=3.0, perplexity_after=3.06
    )
    radius = BlastRadius(heads=("L1H2", "L0H5"), mode="mean", rows=(own_row, normal))
    said = blast.blast(radius, "en").replace("\u00a0", " ")
    assert said == (
        "With L1H2 and L0H5 off, 3 % of the next words change on 240 words that the model writes itself "
        "(perplexity 4.1 → 4.2) and 1.2 % on 80 words of the normal texts (3 → 3.1)."
    )
    assert "240 語" in blast.blast(radius, "ja")
    unwritten = radius.model_copy(update={"rows": (BlastRow(source="own"), normal)})
    assert "itself" not in blast.blast(unwritten, "en") and "80 words" in blast.blast(unwritten, "en")
    assert blast.price(unwritten, "en") == blast.blast(None, "en") == blast.price(None, "ja") == ""
    assert "3" in blast.price(radius, "en") and "1.2" in blast.price(radius, "en")
