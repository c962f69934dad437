"""Partners in a run: which texts need one, what is compared, and what the run folder keeps."""

from itertools import islice

import pytest

from core.analysis.partners import texts_without_partner
from core.analysis.pipeline import analyse
from core.config import make_config
from core.examples.alignment import align
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import from_rows, parse_examples
from core.model.loading import ModelPool
from core.model.tokens.tokenising import tokenise
from core.report.save import save
from core.runs.compared import compared_config, read_partners
from core.runs.run_folder import RunFolder
from core.scenarios.loader import load_scenario


def without_pairs(name: str, count: int = 8) -> ExampleSet:
    """The first texts of a bundled scenario, anomalous and normal ones of different pairs, without their names."""
    file = load_scenario(name).examples_file
    texts = parse_examples(file.read_bytes(), file.name).examples
    anomalous, normal = texts.of("anomalous"), texts.of("normal")
    kept = [*islice(anomalous, count), *normal[-count:]]
    return texts.with_examples(example.model_copy(update={"pair": ""}) for example in kept)


def test_texts_without_a_partner_of_their_own_length_need_one():
    rows = [{"label": "anomalous", "text": f"a{i}", "pair": pair} for i, pair in enumerate(("p", "q", ""))]
    rows += [{"label": "normal", "text": f"n{i}", "pair": pair} for i, pair in enumerate(("p", "q", ""))]
    examples = from_rows(rows)
    ids = [[1, 2], [3, 4], [5, 6], [1, 7], [3, 8, 8], [9]]
    config = make_config(model="m", examples=examples, pairing="given")
    assert texts_without_partner(config, align(examples, ids, pairing="given"), ids) == [1, 2]
    for values in ({"partners": "off"}, {"preset": "paper"}):
        other = make_config(model="m", examples=examples, **values)
        assert texts_without_partner(other, align(examples, ids), ids) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run without pairs on the tickets, saved."""
    scenario = "misrouted-tickets"
    config = make_config(
        model=str(load_scenario(scenario).model_folder),
        examples=without_pairs(scenario),
        preset="fast",
        pairing="given",
        device="cpu",
    )
    *_, result = analyse(config, ModelPool(size=1))
    run = RunFolder.create(tmp_path_factory.mktemp("made") / "run", config)
    save(result, run)
    return config, result, run


def test_a_run_without_pairs_compares_made_ones_and_says_so_everywhere(made):
    config, result, _ = made
    record = result.manifest.alignment
    assert (record.pairs_source, set(record.sources)) == ("made", {"made"})
    assert len(record.pairs) >= 6, "nearly every ticket gets a partner"
    assert "pairs_made" in {note.key for note in result.manifest.notes}
    assert result.manifest.counts.normal == config.examples.count("normal"), (
        "made texts are no normal examples"
    )
    partners = result.examples.iloc[len(config.examples.examples) :]
    assert set(partners["pair_source"]) == {"made"} and len(partners) == len(result.partners.made)
    assert set(result.codes["pair_source"]) == set(result.effects["pair_source"]) == {"made"}
    tokens = result.examples.set_index("example")["tokens"]
    assert all(tokens[one.text] == tokens[one.example] for one in result.partners.made)


def test_deeper_checks_compare_the_same_texts(made):
    config, result, run = made
    assert read_partners(run) == result.partners
    assert run.config().examples == config.examples, "the settings stay as they were submitted"
    compared = compared_config(run)
    loaded = ModelPool(size=1).get(config.model, "cpu")
    alignment = compared.align(tokenise(loaded, compared.examples))
    assert tuple(alignment.pairs) == result.manifest.alignment.pairs


def test_a_refused_text_is_not_made(made):
    config, result, _ = made
    refused = [
        Example.model_validate(e) for e in result.partners.examples["examples"] if e["source"] == "made"
    ]
    texts = {example.text for example in refused}
    examples = config.examples.model_copy(update={"refused": tuple(texts)})
    *_, again = analyse(
        config.model_copy(update={"examples": examples, "evidence": False}), ModelPool(size=1)
    )
    assert not texts & set(again.examples["text"])


def test_sides_that_do_not_differ_get_no_partners():
    scenario = "misrouted-tickets"
    texts = without_pairs(scenario)
    normal = texts.of("normal")
    shuffled = [example.model_copy(update={"label": "anomalous"}) for example in normal[:4]]
    config = make_config(
        model=str(load_scenario(scenario).model_folder),
        examples=texts.with_examples([*shuffled, *normal[4:]]),
        preset="fast",
        pairing="given",
        evidence=False,
    )
    *_, result = analyse(config, ModelPool(size=1))
    assert result.partners.state == "no_difference" and not result.partners.examples
    assert result.manifest.alignment.pairs_source == "none"
    assert "partners_no_difference" in {note.key for note in result.manifest.notes}
