"""Partners asked for before a run: what the worker answers, and what edited and refused ones do."""

import pytest

from core.causal.metric import metric_of_sides
from core.config import make_config
from core.examples.example_set import ExampleSet
from core.examples.made_texts import partners_of, refusing, with_text
from core.examples.reading import read_examples
from core.inspection.partners import make_draft_partners
from core.model.activation_store import ActivationStore
from core.model.loading import ModelPool
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from core.scenarios.loader import load_scenario
from core.schema import PartnersRecord


@pytest.fixture(scope="module")
def models():
    return ModelPool(size=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return ActivationStore(tmp_path_factory.mktemp("store"))


def tickets():
    """Five texts a side of the sample without their pairs."""
    scenario = load_scenario("misrouted-tickets")
    given = read_examples(scenario.examples_in("en"))
    texts = [*given.of("anomalous")[:5], *given.of("normal")[5:10]]
    examples = given.with_examples(text.model_copy(update={"pair": ""}) for text in texts)
    return make_config(model=str(scenario.model_folder), examples=examples, pairing="given", device="cpu")


def with_examples(config, examples: ExampleSet):
    return config.model_copy(update={"examples": examples})


@pytest.fixture(scope="module")
def made(models, store):
    config = tickets()
    answer = make_draft_partners(config, models=models, store=store)
    record = PartnersRecord.model_validate(answer["record"])
    return with_examples(config, ExampleSet.model_validate(record.examples)), record


def asked(config, models, store, **values) -> tuple[PartnersRecord, list[int]]:
    answer = make_draft_partners(config, models=models, store=store, **values)
    return PartnersRecord.model_validate(answer["record"]), answer["tokens"]


def test_every_text_gets_one_that_is_in_the_set(made):
    config, record = made
    assert record.state == "computed"
    assert {one.text for one in record.made} == {1, 2, 3, 4, 5}
    for one in record.made:
        text = config.examples.examples[one.example - 1]
        assert text.source == "made"
        assert text.pair == config.examples.examples[one.text - 1].pair
    assert config.examples.check()


def test_partners_of_the_set_are_read_as_the_search_has_read_them(made, models, store):
    config, record = made
    again, _ = asked(config, models, store, make=False)
    assert {one.example for one in again.made} == {one.example for one in record.made}
    of = {one.example: one for one in again.made}
    for one in record.made:
        assert of[one.example].closes == pytest.approx(one.closes, abs=2e-3)
        assert of[one.example].before == pytest.approx(one.before, abs=2e-3)
        assert [(e.position, e.old, e.new) for e in of[one.example].exchanges] == [
            (e.position, e.old, e.new) for e in one.exchanges
        ]
        assert of[one.example].likelihood == pytest.approx(one.likelihood, abs=2e-2)


def test_an_edited_partner_is_read_by_the_metric_of_its_text(made, models, store):
    config, record = made
    first = config.examples.made[0]
    exchange = next(one for one in record.made if one.text != 1).exchanges[0]
    text = config.examples.examples[0].text
    assert exchange.old in text
    edited = first.model_copy(update={"text": text.replace(exchange.old, exchange.new)})
    changed = with_examples(config, with_text(config.examples, first.text, edited))
    read, _ = asked(changed, models, store, make=False)
    one = next(one for one in read.made if one.example == len(config.examples.given) + 1)
    recording = Recording(
        models.get(config.model, "cpu"), tokenise(models.get(config.model, "cpu"), changed.examples)
    )
    values = metric_of_sides(recording, changed.examples, [0, one.example - 1], range(5, 10), 0).values
    assert (one.before, one.after) == pytest.approx(values[:2].tolist(), abs=2e-3)
    assert [(e.old, e.new) for e in one.exchanges] == [(exchange.old, exchange.new)]


def test_a_longer_text_is_told_by_its_tokens_and_not_read(made, models, store):
    config, _ = made
    first = config.examples.made[0]
    longer = first.model_copy(update={"text": f"Well well, {first.text}"})
    read, tokens = asked(
        with_examples(config, with_text(config.examples, first.text, longer)), models, store, make=False
    )
    place = len(config.examples.given)
    assert tokens[place] > tokens[0]
    assert place + 1 not in {one.example for one in read.made}


def test_refused_partners_are_not_made_again_and_only_what_lacks_one_is_searched(made, models, store):
    config, _ = made
    examples = config.examples
    refused = [e.text for e in partners_of(examples, examples.examples[0])]
    for text in refused:
        examples = refusing(examples, text)
    again, _ = asked(with_examples(config, examples), models, store)
    now = ExampleSet.model_validate(again.examples)
    assert set(refused).isdisjoint(e.text for e in now.made)
    before = {e.text for e in config.examples.made} - set(refused)
    assert before <= {e.text for e in now.made}
    assert {one.text for one in again.made if one.example > len(examples.examples)} <= {1}


def test_what_would_set_it_off(models, store):
    record, _ = asked(tickets(), models, store, direction="normal")
    assert record.made
    texts = ExampleSet.model_validate(record.examples).examples
    for one in record.made:
        assert (texts[one.text - 1].label, texts[one.example - 1].label) == ("normal", "anomalous")
