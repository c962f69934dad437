"""mechanisms.json of whole runs: the planted circuit with its known roles, and the sample with its known answers."""

import json

import pytest
import torch

from core.analysis import pipeline
from core.analysis.pipeline import analyse
from core.causal.ablation_file import ablated, make_ablation_file
from core.causal.patching import Patching
from core.config import AutoencoderConfig, make_config
from core.examples.reading import read_examples
from core.heads import HeadId, parse_unit
from core.inspection.head_view import changes_at, read_head
from core.model.loading import ModelPool
from core.model.next_token import last_logits
from core.model.recording import Recording
from core.scenarios.loader import load_scenario, load_truth
from tests.support.tiny_models import save_tiny
from tests.support.tiny_runs import texts


def told(name: str):
    scenario = load_scenario(name)
    config = make_config(
        model=str(scenario.model_folder),
        examples=read_examples(scenario.examples_file),
        preset="fast",
        device="cpu",
    )
    return list(analyse(config))[-1], config


@pytest.fixture(scope="module")
def sample():
    return told("misrouted-tickets")


def test_the_planted_heads_have_the_roles_they_were_built_for():
    result, _ = told("planted-induction")
    assert result.mechanisms is not None
    roles = {name: one.role for name, one in result.mechanisms.units.items()}
    assert {name for name, role in roles.items() if role == "previous_token"} == {"L0H1", "L0H4"}
    assert {name for name, role in roles.items() if role == "induction"} == {"L2H0", "L2H3"}
    truth = load_truth("planted-induction")
    assert truth is not None
    others = set(roles) - set(map(str, truth.heads))
    assert not {roles[name] for name in others} & {"induction", "copying", "negative", "duplicate_token"}
    copies = next(one for one in result.mechanisms.units["L2H0"].roles if one.role == "copying")
    assert copies.score > copies.least


def test_a_head_that_reads_a_word_at_the_end_is_told_by_it(sample):
    result, _ = sample
    legal = result.mechanisms.units["L1H2"]
    assert legal.at_end
    assert legal.through == "direct"
    assert {word.word for word in legal.looks_at[:3]} == {"yesterday", "Monday", "twice"}
    assert legal.looks_at[0].share > 0.9
    assert sorted(number for word in legal.looks_at[:3] for number in word.texts) == list(range(1, 9))
    assert legal.likelier[0].word == "Legal"
    assert "Billing" in [word.word for word in legal.unlikelier]
    assert legal.role == ""


def test_an_earlier_head_is_read_where_what_it_writes_matters(sample):
    result, _ = sample
    subject = result.mechanisms.units["L0H3"]
    assert not subject.at_end
    assert subject.through == "later"
    assert set(subject.place.split(", ")) == {"yesterday", "Monday", "twice"}
    assert {word.word for word in subject.looks_at[:3]} == {"invoice", "refund", "package"}


def test_answers_and_pushes_add_up_to_what_the_head_writes(sample):
    result, _ = sample
    by_word = {answer.word: answer for answer in result.mechanisms.answers}
    assert by_word["Legal"].direction == "up"
    assert by_word["Billing"].direction == "down"
    assert by_word["Legal"].texts == tuple(range(1, 9))
    unit = result.mechanisms.units["L1H2"]
    assert by_word["Legal"].pushes["L1H2"] == pytest.approx(unit.likelier[0].change, abs=2e-3)
    assert unit.given == by_word["Legal"].pushes["L1H2"]
    wanted = [(len(one.texts), one.pushes["L1H2"]) for one in by_word.values() if one.direction == "down"]
    assert unit.wanted == pytest.approx(sum(count * push for count, push in wanted) / 8, abs=1e-3)
    earlier = result.mechanisms.units["L0H3"]
    assert earlier.given == pytest.approx(
        next(w.change for w in earlier.likelier if w.word == "Legal"), abs=2e-3
    )
    assert earlier.wanted < 0


def test_counts_without_a_head_are_those_of_the_model_with_it_ablated(sample):
    result, config = sample
    loaded = ModelPool().get(config.model, "cpu")
    examples = config.examples.examples
    recording = Recording(loaded, [loaded.encode(example.text) for example in examples])
    order = [i for label in ("anomalous", "normal") for i, e in enumerate(examples) if e.label == label]
    count = sum(example.label == "anomalous" for example in examples)
    patching = Patching(recording.of(order), count, True, heads=())
    means = patching.replacements.means
    for name in ("L1H2", "L0H3", "MLP0"):
        file = make_ablation_file(loaded, [parse_unit(name)], "mean", means, None, patching.mlp_outputs.means)
        said = []
        for example in examples:
            with ablated(loaded, file), torch.no_grad():
                token = int(last_logits(loaded, [loaded.encode(example.text)])[0].argmax())
            said.append(loaded.pieces([token])[0].strip())
        without = result.mechanisms.units[name].without
        for label in ("anomalous", "normal"):
            own = [(e, word) for e, word in zip(examples, said, strict=True) if e.label == label]
            assert without[label].fault_after == sum(
                word == e.actual and e.actual != e.expected for e, word in own
            )
            assert without[label].right_after == sum(word == e.expected for e, word in own)
    assert result.mechanisms.units["L1H2"].without["anomalous"].fault_before == 8


def test_the_way_through_a_text(sample):
    result, config = sample
    path = result.mechanisms.texts[0]
    assert "".join(path.pieces).strip() == config.examples.examples[path.example - 1].text.strip()
    assert [path.pieces[token].strip() for token in path.differing] == ["invoice"]
    assert path.pieces[path.looks["L1H2"][0].token].strip() == "yesterday"
    effects = result.effects
    own = effects[
        (effects.example == path.example) & (effects.direction == "noising") & (effects.kind == "head")
    ]
    own = own[(own.source_layer == 1) & (own.source_head == 2) & (own.ablation == "resample")]
    assert path.effects["L1H2"] == pytest.approx(float(own.iloc[0]["effect"]), abs=1e-3)


def test_mlp_blocks_are_told_without_a_place_or_a_role(sample):
    result, _ = sample
    blocks = {name: one for name, one in result.mechanisms.units.items() if one.unit == "mlp"}
    assert blocks
    assert all(not one.looks_at and not one.role and one.through == "later" for one in blocks.values())
    assert all(one.without["anomalous"].texts == 8 for one in blocks.values())


def test_the_record_is_plain_json(sample):
    result, _ = sample
    again = type(result.mechanisms)(**json.loads(result.mechanisms.model_dump_json()))
    assert again == result.mechanisms


@pytest.mark.parametrize("kind", ["gemma2", "gpt_neox", "bloom", "qwen3"])
def test_what_a_head_writes_itself_is_what_its_view_shows(kind, tmp_path):
    """The mean of the anomalous texts less that of their partners, for whatever norms and weights a type has."""
    folder = save_tiny(tmp_path, kind, seed=1)
    settings = AutoencoderConfig(members=2, latents=8, epochs=5)
    examples = texts(5)
    config = make_config(model=str(folder), examples=examples, autoencoder=settings, device="cpu")
    record = list(analyse(config))[-1].mechanisms
    loaded = ModelPool().get(config.model, "cpu")
    direct = [
        (name, unit) for name, unit in record.units.items() if unit.through == "direct" and unit.likelier
    ]
    assert direct
    name, unit = direct[0]
    changes = {label: [] for label in ("anomalous", "normal")}
    for example in examples.examples:
        ids = loaded.encode(example.text)
        reading = read_head(loaded, ids, HeadId.parse(name))
        changes[example.label].append(changes_at(loaded, reading, len(ids) - 1))
    mean = torch.stack(changes["anomalous"]).mean(0) - torch.stack(changes["normal"]).mean(0)
    for word in unit.likelier[:2]:
        token = loaded.word_token(word.word)
        assert word.change == pytest.approx(float(mean[token]), abs=2e-3)


def test_a_run_whose_memory_ends_there_goes_on_without(monkeypatch, tmp_path):
    def ends(*_about):
        raise MemoryError
        yield

    monkeypatch.setattr(pipeline, "mechanisms", ends)
    settings = AutoencoderConfig(members=2, latents=8, epochs=5)
    folder = save_tiny(tmp_path, seed=1)
    config = make_config(model=str(folder), examples=texts(5), autoencoder=settings, device="cpu")
    result = list(analyse(config))[-1]
    assert result.mechanisms is None
    assert result.manifest.evidence == "computed"
