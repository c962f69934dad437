"""Ablation files: against plain surgery, through generate, and as a program of somebody else uses one."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from core.causal.ablation_file import (
    ablated,
    make_ablation_file,
    read_ablation_file,
)
from core.config import make_config
from core.errors import ConfigError, ModelError
from core.examples.reading import read_examples
from core.heads import HeadId, MlpId
from core.inspection.ablated_generation import (
    what_if,
)
from core.scenarios.loader import load_scenario
from core.storage import local_model
from tests.support.paths import ROOT
from tests.support.surgery import Surgery
from tests.support.tiny_models import tiny

HEADS = [HeadId(0, 1), HeadId(2, 3)]


@pytest.fixture(params=["gpt2", "llama", "gpt_neox"], scope="module")
def loaded(request):
    return tiny(request.param, seed=2)


def means(loaded, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    shape = loaded.shape
    generator = torch.Generator().manual_seed(seed)
    size = (shape.n_layers, shape.n_heads, shape.d_head)
    return torch.randn(size, generator=generator), torch.randn(size, generator=generator)


def test_ablated_heads_write_what_the_file_says(loaded):
    values = means(loaded)
    ablation_file = make_ablation_file(loaded, HEADS, "mean", values)
    ids = torch.tensor([loaded.encode("w1 w2 w3 w4")])
    surgery = Surgery(loaded)
    plain = surgery.attend

    def attend(layer, z):
        z = z.clone()
        for head in HEADS:
            if head.layer == layer:
                z[0, :-1, head.head] = values[0][head.layer, head.head]
                z[0, -1, head.head] = values[1][head.layer, head.head]
        return plain(layer, z)

    surgery.attend = attend
    with torch.no_grad():
        wanted = surgery.run(ids)
        with ablated(loaded, ablation_file):
            got = loaded.model(ids).logits
        untouched = loaded.model(ids).logits
    assert got == pytest.approx(wanted, abs=1e-4)
    assert (untouched - got).abs().max() > 1e-3


def test_padded_rows_equal_single_ones(loaded):
    ablation_file = make_ablation_file(loaded, HEADS, "mean", means(loaded))
    short, long = loaded.encode("w1 w2"), loaded.encode("w5 w6 w7 w8")
    padded = torch.tensor([[*short, 0, 0], long])
    with torch.no_grad():
        with ablated(loaded, ablation_file, [2, 4]):
            both = loaded.model(padded).logits
        with ablated(loaded, ablation_file):
            alone = loaded.model(torch.tensor([short])).logits
    assert both[0, :2] == pytest.approx(alone[0], abs=1e-4)


def test_generate_of_transformers_works_under_an_ablation_file(loaded):
    ablation_file = make_ablation_file(loaded, HEADS, "zero", means(loaded))
    ids = torch.tensor([loaded.encode("w1 w2 w3")])
    with torch.no_grad(), ablated(loaded, ablation_file):
        written = loaded.model.generate(ids, max_new_tokens=4, do_sample=False, pad_token_id=0)
        step = loaded.model(ids).logits[0, -1].argmax()
    assert written[0, 3] == step
    assert all(
        value.everywhere == value.last == (0.0,) * loaded.shape.d_head
        for value in ablation_file.heads.values()
    )


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("kind", ["gpt2", "llama", "gpt_neox", "qwen3", "gemma2"])
def test_generation_with_and_without_a_cache_agrees(kind, earlier):
    """Behind the text the heads write one value, so no step depends on what was said before."""
    loaded = tiny(kind, seed=2)
    ablation_file = make_ablation_file(loaded, HEADS, "mean", [3 * mean for mean in means(loaded)])
    if earlier:
        ablation_file = replace(ablation_file, behind="last")
    ids = torch.tensor([loaded.encode("w1 w2 w3")])
    written = {}
    for starts in (None, [3]):
        for use_cache in (True, False):
            with torch.no_grad(), ablated(loaded, ablation_file, starts):
                said = loaded.model.generate(
                    ids,
                    max_new_tokens=6,
                    do_sample=False,
                    pad_token_id=0,
                    use_cache=use_cache,
                    output_scores=True,
                    return_dict_in_generate=True,
                )
            written[bool(starts), use_cache] = torch.stack(said.scores)
    told, by_cache, plain = written[True, True], written[False, True], written[True, False]
    torch.testing.assert_close(told, by_cache)
    torch.testing.assert_close(told, plain, rtol=1e-4, atol=1e-4)
    assert (written[False, False] - plain).abs().max() > 1e-3


@pytest.mark.parametrize("earlier", [False, True])
def test_the_last_value_stands_at_the_answer_alone_and_in_earlier_files_behind_it_too(
    loaded, earlier, tmp_path
):
    content = make_ablation_file(loaded, HEADS, "mean", means(loaded)).as_json()
    if earlier:  # as a version wrote it that knew no `behind`
        del content["behind"]
        content["format"] = 1
    file = tmp_path / "ablation.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    ablation_file = read_ablation_file(file)
    assert ablation_file.as_json() == content
    row = torch.tensor([loaded.encode("w1 w2 w3 w4 w5")])
    surgery = Surgery(loaded)
    plain = surgery.attend

    def attend(layer, z):
        z = z.clone()
        for head in HEADS:
            if head.layer == layer:
                z[0, :, head.head] = means(loaded)[0][head.layer, head.head]
                z[0, 2 : None if earlier else 3, head.head] = means(loaded)[1][head.layer, head.head]
        return plain(layer, z)

    surgery.attend = attend
    with torch.no_grad():
        wanted = surgery.run(row)
        with ablated(loaded, ablation_file, [3]):
            whole = loaded.model(row).logits
        with ablated(loaded, ablation_file):  # as generation does: the text, then token by token
            first = loaded.model(row[:, :3], use_cache=True)
            fourth = loaded.model(row[:, 3:4], cache=first.past_key_values)
            fifth = loaded.model(row[:, 4:], cache=fourth.past_key_values)
    by_token = torch.cat([first.logits, fourth.logits, fifth.logits], dim=1)
    torch.testing.assert_close(whole, wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(by_token, wanted, atol=1e-4, rtol=1e-4)


def test_a_text_whose_beginning_lies_in_a_cache_ends_with_the_last_value(loaded):
    ablation_file = make_ablation_file(loaded, HEADS, "mean", means(loaded))
    ids = torch.tensor([loaded.encode("w1 w2 w3 w4 w5")])
    for starts in (None, [5]):
        with torch.no_grad(), ablated(loaded, ablation_file, starts):
            whole = loaded.model(ids).logits[:, 2:]
        with torch.no_grad(), ablated(loaded, ablation_file, [5]):
            beginning = loaded.model(ids[:, :2], use_cache=True)
        with torch.no_grad(), ablated(loaded, ablation_file, starts):
            rest = loaded.model(ids[:, 2:], cache=beginning.past_key_values).logits
        torch.testing.assert_close(rest, whole, atol=1e-4, rtol=1e-4)


def test_ablation_file_is_read_as_it_was_written_and_other_weights_are_refused(tmp_path):
    loaded = tiny("gpt2", seed=2)
    ablation_file = make_ablation_file(loaded, HEADS, "mean", means(loaded), {"run": "r1"})
    file = tmp_path / "ablation.json"
    file.write_text(json.dumps(ablation_file.as_json()), encoding="utf-8")
    read = read_ablation_file(file)
    assert read.heads[HEADS[0]].last == pytest.approx(ablation_file.heads[HEADS[0]].last)
    assert (read.model, read.mode, read.about) == (ablation_file.model, "mean", {"run": "r1"})
    with pytest.raises(ModelError, match="other weights"), ablated(tiny("gpt2", seed=3), read):
        pass


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"format": 99, "mode": "mean", "heads": {}, "model": "m", "weights_hash": "h"},
        {"format": 3, "mode": "mean", "behind": "no", "heads": {}, "model": "m", "weights_hash": "h"},
        {"format": 1, "mode": "off", "heads": {}, "model": "m", "weights_hash": "h"},
        {"format": 1, "mode": "mean", "heads": {"seven": {}}, "model": "m", "weights_hash": "h"},
        {"format": 1, "mode": "mean", "heads": {"L0H1": {"last": []}}, "model": "m", "weights_hash": "h"},
    ],
)
def test_what_is_no_ablation_file_is_refused(content, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ConfigError, match="ablation file cannot be read"):
        read_ablation_file(file)
    with pytest.raises(ConfigError, match="ablation file cannot be read"):
        read_ablation_file(tmp_path / "none.json")


PROGRAM = """
import sys, torch
from core import load_model, read_recipe, switched_off
loaded, recipe = load_model(sys.argv[1]), read_recipe(sys.argv[2])
ids = torch.tensor([loaded.encode(sys.argv[3])])
with switched_off(loaded, recipe):
    written = loaded.model.generate(ids, max_new_tokens=1, do_sample=False, pad_token_id=0)
print(loaded.tokenizer.decode(written[0, ids.shape[1]:]))
"""


def test_documented_program_uses_an_ablation_file_outside(tmp_path):
    scenario = load_scenario("misrouted-tickets")
    examples = read_examples(scenario.examples_in("en"))
    config = make_config(model=str(scenario.model_folder), examples=examples)
    file = tmp_path / "ablation.json"
    comparison = what_if(config, [HeadId(1, 2), HeadId(0, 5)], "mean", new_tokens=1)
    file.write_text(json.dumps(comparison["ablation_file"]), encoding="utf-8")
    anomalous = examples.examples[0]
    command = [sys.executable, "-c", PROGRAM, config.model, str(file), anomalous.text]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.strip() == anomalous.expected


@pytest.mark.parametrize("mode", ["mean", "zero"])
def test_an_mlp_block_gives_what_the_file_says_beside_a_head(loaded, mode, tmp_path):
    values, width = means(loaded), loaded.shape.d_model
    of_mlp = torch.linspace(-1, 1, width), torch.linspace(2, 0, width)
    units = [HeadId(0, 1), MlpId(1)]
    made = make_ablation_file(loaded, units, mode, values, mlp_means=lambda _layer: of_mlp)
    file = tmp_path / "ablation.json"
    file.write_text(json.dumps(made.as_json()), encoding="utf-8")
    read = read_ablation_file(file)
    assert read.units == units
    ids = torch.tensor([loaded.encode("w1 w2 w3 w4")])
    surgery, used = Surgery(loaded), mode == "mean"
    plain, plain_mlp = surgery.attend, surgery.mlp

    def attend(layer, z):
        z = z.clone()
        if layer == 0:
            z[0, :-1, 1], z[0, -1, 1] = values[0][0, 1] * used, values[1][0, 1] * used
        return plain(layer, z)

    def mlp(layer, x):
        usual = plain_mlp(layer, x)
        if layer == 1:
            usual = torch.cat([of_mlp[0].expand(3, -1), of_mlp[1][None]])[None] * used
        return usual

    surgery.attend, surgery.mlp = attend, mlp
    with torch.no_grad():
        wanted = surgery.run(ids)
        with ablated(loaded, read):
            torch.testing.assert_close(loaded.model(input_ids=ids).logits, wanted, atol=1e-4, rtol=1e-4)
        with ablated(loaded, read):  # as generation reads a text: first all of it, then token by token
            first = loaded.model(input_ids=ids, use_cache=True)
            longer = loaded.model(input_ids=torch.tensor([[9]]), cache=first.past_key_values).logits
        whole = torch.tensor([[*ids[0].tolist(), 9]])
        with ablated(loaded, read, [4]):
            torch.testing.assert_close(
                loaded.model(input_ids=whole).logits[:, -1:], longer, atol=1e-4, rtol=1e-4
            )


def test_files_of_heads_alone_stay_readable_for_earlier_versions_and_missing_mlp_blocks_are_refused(loaded):
    alone = make_ablation_file(loaded, HEADS, "zero", means(loaded)).as_json()
    assert alone["format"] == 1 and "mlps" not in alone
    width = loaded.shape.d_model
    with pytest.raises(ConfigError, match="MLP9"):
        make_ablation_file(
            loaded, [MlpId(9)], "zero", means(loaded), mlp_means=lambda _: (torch.zeros(width),) * 2
        )


def test_bundled_model_is_named_without_the_path_of_this_installation():
    folder = str(load_scenario("planted-induction").model_folder)
    loaded = tiny("gpt2", seed=2)
    loaded.name = folder
    content = make_ablation_file(loaded, HEADS, "zero", means(loaded)).as_json()
    assert content["model"] == "bundled:planted"
    assert local_model(content["model"]) == folder
