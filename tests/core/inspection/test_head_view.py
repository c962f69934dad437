"""What a head looks at and which words it makes likelier, against the model's own numbers."""

import math
from contextlib import ExitStack

import pytest
import torch
from torch import Tensor
from transformers import AttentionInterface

from core.config import make_config
from core.errors import ConfigError, ModelError
from core.examples.reading import from_rows
from core.heads import HeadId
from core.inspection.head_view import (
    MOST_TOKENS,
    changes_at,
    corresponding,
    head_view,
    read_head,
    words,
)
from core.model.attention_calls import on_weights
from core.model.hooks import after, before
from core.model.loaded_model import LoadedModel
from core.model.logit_attribution import final_norm, logit_changes, through_norm
from core.model.tokens.words import spaced
from tests.support.tiny_models import CONFIGS, random_model, tiny, word_tokenizer

IDS = [5, 9, 7, 12, 8, 30]


class Pool:
    """Gives one model, whatever it is asked for."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded

    def get(self, source: str, device: str = "auto", adapter: str = "") -> LoadedModel:
        return self.loaded


def config(**words_of_rows: str):
    rows = [
        {"label": label, "text": f"w1 w2 {word} w{row}", "pair": str(row), **words_of_rows}
        for row in range(3)
        for label, word in (("anomalous", "w40"), ("normal", "w50"))
    ]
    return make_config(model="/models/tiny", examples=from_rows(rows), preset="fast")


@pytest.mark.parametrize("kind", CONFIGS)
def test_attention_is_causal_sums_to_one_and_leaves_the_model_as_it_was(kind: str) -> None:
    loaded = tiny(kind)
    usual = loaded.model.config._attn_implementation
    weights = read_head(loaded, IDS, HeadId(1, 2)).weights
    assert weights.shape == (len(IDS), len(IDS))
    assert torch.allclose(weights.sum(-1), torch.ones(len(IDS)), atol=1e-5)
    assert weights.triu(1).abs().max() == 0
    assert loaded.model.config._attn_implementation == usual
    hooks = [m for m in loaded.model.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert hooks == []


def test_the_lookup_of_attention_is_as_it_was_after_an_error() -> None:
    loaded, usual = tiny("llama"), AttentionInterface.get_interface
    with pytest.raises(ZeroDivisionError), on_weights(loaded, [0], lambda *_: None):
        assert AttentionInterface.get_interface is not usual
        raise ZeroDivisionError
    assert AttentionInterface.get_interface is usual


def test_attention_of_gpt2_is_the_softmax_of_its_queries_and_keys() -> None:
    loaded = tiny("gpt2")
    layer, head, width = 2, 1, loaded.shape.d_head
    seen: dict[str, Tensor] = {}

    def keep(module, output):
        seen["qkv"] = output[0]
        return output

    with after(loaded.attention(layer).c_attn, keep), torch.inference_mode():
        loaded.model(input_ids=torch.tensor([IDS]))
    q, k, _ = seen["qkv"].split(loaded.shape.d_model, dim=-1)
    mine = slice(head * width, (head + 1) * width)
    scores = q[:, mine] @ k[:, mine].T / math.sqrt(width)
    scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf)
    assert torch.allclose(read_head(loaded, IDS, HeadId(layer, head)).weights, scores.softmax(-1), atol=1e-6)


@pytest.mark.parametrize("kind", CONFIGS)
def test_heads_of_a_layer_and_the_bias_make_up_what_its_attention_adds(kind: str) -> None:
    loaded = tiny(kind)
    layer, seen = 1, {}

    def keep(module, output):
        seen["added"] = output[0] if isinstance(output, tuple) else output
        return output

    writer = loaded.norm_behind(layer) or loaded.attention(layer)
    with after(writer, keep), torch.inference_mode():
        loaded.model(input_ids=torch.tensor([IDS]))
    updates = sum(read_head(loaded, IDS, HeadId(layer, head)).update for head in range(loaded.shape.n_heads))
    bias = getattr(loaded.projection(layer), "bias", None)
    expected = seen["added"][0] - (0 if bias is None else bias)
    if kind == "bloom":  # its attention adds the residual stream itself
        expected = expected - stream_into(loaded, layer)
    assert torch.allclose(updates, expected, atol=1e-4)


def stream_into(loaded: LoadedModel, layer: int) -> Tensor:
    seen: dict[str, Tensor] = {}

    def keep(module, args, kwargs):
        seen["stream"] = args[0] if args else kwargs["hidden_states"]

    with before(loaded.layers[layer], keep), torch.inference_mode():
        loaded.model(input_ids=torch.tensor([IDS]))
    return seen["stream"][0]


@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "opt"])
def test_direct_effects_of_all_parts_add_up_to_the_logits(kind: str) -> None:
    loaded = tiny(kind)
    mlps: list[Tensor] = []

    def keep(module, output):
        mlps.append(output.reshape(len(IDS), -1))
        return output

    with ExitStack() as stack, torch.inference_mode():
        for block in loaded.layers:
            stack.enter_context(after(block.fc2 if kind == "opt" else block.mlp, keep))
        logits = loaded.model(input_ids=torch.tensor([IDS])).logits[0]
    heads = [
        read_head(loaded, IDS, HeadId(layer, head))
        for layer in range(loaded.shape.n_layers)
        for head in range(loaded.shape.n_heads)
    ]
    biases = [getattr(loaded.projection(layer), "bias", None) for layer in range(loaded.shape.n_layers)]
    parts = [stream_into(loaded, 0), *mlps, *(reading.update for reading in heads)]
    parts += [bias.expand_as(parts[0]) for bias in biases if bias is not None]
    told = sum(logit_changes(loaded, part, heads[0].stream) for part in parts)
    norm = final_norm(loaded)[1]
    if getattr(norm, "bias", None) is not None:
        told = told + loaded.model.get_output_embeddings()(norm.bias)
    assert torch.allclose(told, logits, atol=1e-4)


@pytest.mark.parametrize("kind", CONFIGS)
def test_whole_stream_gives_the_logits_of_every_architecture(kind: str) -> None:
    loaded = tiny(kind)
    reading = read_head(loaded, IDS, HeadId(0, 0))
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([IDS])).logits[0]
    told = logit_changes(loaded, reading.stream, reading.stream)
    norm = final_norm(loaded)[1]
    if getattr(norm, "bias", None) is not None:
        told = told + loaded.model.get_output_embeddings()(norm.bias)
    cap = getattr(loaded.model.config, "final_logit_softcapping", None)
    assert torch.allclose(torch.tanh(told / cap) * cap if cap else told, logits, atol=1e-4)


def test_soft_cap_comes_after_the_change() -> None:
    """With a cap so low that every logit is bent, the changes still add up to the logits before it."""
    loaded = tiny("gemma2")
    assert loaded.model.config.final_logit_softcapping == 30.0
    loaded.model.config.final_logit_softcapping = 1.0
    reading = read_head(loaded, IDS, HeadId(0, 0))
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([IDS])).logits[0]
    told = logit_changes(loaded, reading.stream, reading.stream)
    assert told.abs().max() > 1
    assert torch.allclose(torch.tanh(told), logits, atol=1e-4)


def test_norm_of_a_part_by_hand() -> None:
    norm = torch.nn.LayerNorm(2, eps=0.0)
    norm.weight.data = torch.tensor([2.0, 3.0])
    norm.bias.data = torch.tensor([7.0, 7.0])
    whole, part = torch.tensor([6.0, 2.0]), torch.tensor([4.0, 0.0])
    assert through_norm(norm, part, whole).tolist() == [2.0, -3.0]  # centred [2, -2], the scale is 2
    assert through_norm(None, part, whole) is part


def test_projection_behind_the_stream_is_passed() -> None:
    """An OPT whose words are narrower than its stream."""
    from tests.support.tiny_models import config_of

    settings = config_of("opt")
    settings.word_embed_proj_dim = 12
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    loaded = LoadedModel(AutoModelForCausalLM.from_config(settings), word_tokenizer(), "narrow")
    reading = read_head(loaded, IDS, HeadId(0, 0))
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor([IDS])).logits[0]
    told = logit_changes(loaded, reading.stream, reading.stream)  # the norm's bias is 0 in a fresh model
    assert torch.allclose(told, logits, atol=1e-5)


def test_model_that_normalises_its_stream_shows_attention_alone() -> None:
    model = random_model("opt", do_layer_norm_before=False)
    view = head_view(config(), Pool(LoadedModel(model, word_tokenizer(), "post")), layer=0, head=0, example=0)
    assert sum(view["weights"]) == pytest.approx(1, abs=1e-3)
    assert view["writes"] is None
    assert view["no_writes"] == {"key": "no_direct_effect", "values": {"architecture": "opt"}}


def test_missing_weights_and_too_long_a_text_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = tiny("llama")
    monkeypatch.setattr("core.model.attention_calls.AttentionCall.weights", lambda call: None)
    with pytest.raises(ModelError, match="llama models do not tell"):
        read_head(loaded, IDS, HeadId(0, 0))
    monkeypatch.setattr("core.inspection.head_view.MOST_WEIGHTS", 4 * 5**2)
    with pytest.raises(ModelError, match="6 tokens.* at most 5"):
        read_head(loaded, IDS, HeadId(0, 0))


def test_words_are_the_largest_changes_each_in_one_spelling() -> None:
    loaded = tiny()
    change = -torch.arange(64.0)
    change[[10, 20, 30]] = torch.tensor([3.0, 5.0, 4.0])
    assert words(loaded, change, 2) == [{"piece": "w16", "change": 5.0}, {"piece": "w26", "change": 4.0}]
    assert loaded.pieces([0]) == ["<pad>"]
    spelled = {10: " ", 20: " a", 30: "a", 1: "\ufffd"}
    loaded.pieces = lambda ids: [spelled.get(token, f"t{token}") for token in ids]
    assert [word["piece"] for word in words(loaded, change, 2)] == [" a", "t2"]


def test_partner_token_is_the_same_or_as_far_from_the_end() -> None:
    assert corresponding(2, 6, 6) == 2
    assert corresponding(5, 6, 9) == 8
    assert corresponding(0, 6, 3) == 0


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("Kate left, so", ["Kate", "left", ",", "so"], ["Kate", " left", ",", " so"]),
        ("Kate left", ["<s>", "Kate", " left"], ["<s>", "Kate", " left"]),
        ("a a\nb", ["a", " a", "\n", "b"], ["a", " a", "\n", "b"]),
        ("a b c", ["a ", "b", " ", "c"], ["a ", "b", " ", "c"]),
        ("ずっと", ["ず", "っ", "…", "と"], ["ず", "っ", "…", "と"]),
    ],
)
def test_words_stand_apart_as_in_the_text(text: str, pieces: list[str], expected: list[str]) -> None:
    assert spaced(text, pieces) == expected


def test_view_of_a_pair_names_words_tokens_and_the_difference() -> None:
    loaded = tiny("llama")
    view = head_view(
        config(expected="w3", actual="w4"), Pool(loaded), layer=1, head=3, example=0, partner=1, query=3
    )
    texts = [loaded.encode(f"w1 w2 {word} w0") for word in ("w40", "w50")]
    here, there = (changes_at(loaded, read_head(loaded, text, HeadId(1, 3)), 3).clone() for text in texts)
    assert (view["query"], view["first"], view["length"]) == (3, 0, 4)
    assert [piece.strip() for piece in view["pieces"]] == ["w1", "w2", "w40", "w0"]
    assert len(view["writes"]["up"]) == 8
    assert len(view["partner"]["down"]) == 5
    assert view["partner"]["piece"].strip() == "w0"
    special = loaded.tokenizer.all_special_ids
    here[special], there[special] = here.mean(), there.mean()  # no words, and tested on their own
    best = int(here.argmax())
    assert view["writes"]["up"][0]["piece"] == loaded.pieces([best])[0]
    assert view["writes"]["up"][0]["change"] == pytest.approx(float(here.max()), rel=1e-3)
    assert view["writes"]["down"][0]["change"] == pytest.approx(float(here.min()), rel=1e-3)
    assert view["more"] == words(loaded, here - there, 8)
    assert view["writes"]["between"]["change"] == pytest.approx(float(here[8] - here[7]), rel=1e-3)
    assert view["partner"]["between"]["change"] == pytest.approx(float(there[8] - there[7]), rel=1e-3)
    from_the_other = head_view(config(), Pool(loaded), layer=1, head=3, example=1, partner=0, query=3)
    assert from_the_other["more"] == view["more"]
    assert from_the_other["writes"]["up"] == view["partner"]["up"]
    assert from_the_other["writes"]["between"] is None


def test_expected_and_actual_word_are_compared_at_the_last_token_alone() -> None:
    told = config(expected="w3", actual="w4")
    view = head_view(told, Pool(tiny("llama")), layer=1, head=3, example=0, partner=1, query=2)
    assert view["weights"][3] == 0
    assert view["partner"]["piece"].strip() == "w50"
    assert view["more"]
    before = head_view(told, Pool(tiny("llama")), layer=1, head=3, example=0, partner=1, query=1)
    assert before["more"] == []  # the two texts are the same up to there
    assert view["writes"]["between"] is None
    assert view["partner"]["between"] is None


def test_last_token_looks_where_none_is_chosen_and_without_partner_nothing_is_compared() -> None:
    view = head_view(config(), Pool(tiny("gpt2")), layer=0, head=1, example=2)
    assert (view["query"], view["partner"], view["more"]) == (3, None, [])


@pytest.mark.parametrize("wrong", [{"query": 4}, {"query": -1}, {"example": 6}, {"partner": -2}])
def test_question_out_of_bounds_is_refused(wrong: dict[str, int]) -> None:
    question = {"layer": 0, "head": 0, "example": 0} | wrong
    with pytest.raises(ConfigError, match="expected 0 to"):
        head_view(config(), Pool(tiny()), **question)


@pytest.mark.parametrize(("query", "first"), [(0, 0), (10, 5), (31, 22)])
def test_of_a_long_text_the_tokens_around_the_chosen_one_are_told(
    monkeypatch: pytest.MonkeyPatch, query: int, first: int
) -> None:
    assert MOST_TOKENS > 100
    monkeypatch.setattr("core.inspection.head_view.MOST_TOKENS", 10)
    rows = [
        {"label": label, "text": " ".join([f"w{start + row}"] * 32)}
        for row in range(3)
        for label, start in (("anomalous", 0), ("normal", 30))
    ]
    texts = make_config(model="/models/tiny", examples=from_rows(rows), preset="fast")
    view = head_view(texts, Pool(tiny()), layer=0, head=0, example=0, query=query)
    assert (view["first"], len(view["pieces"]), len(view["weights"])) == (first, 10, 10)
    assert view["first"] <= query < view["first"] + 10
