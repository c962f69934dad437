"""Made partners on bundled models: what is exchanged, what stays, and that it does what is said of it."""

import numpy as np
import pytest
import torch

from core.causal.metric import Metric, Row, metric_on
from core.causal.metric._own_word import own_word_directions, own_words
from core.causal.metric._rows import Read
from core.causal.partner_search import make_partners
from core.causal.partner_search._levels import levels_of
from core.examples.alignment import align
from core.examples.checks.words import words_of
from core.examples.counterfactuals import Partners, trigger_words
from core.examples.example_set import ExampleSet
from core.examples.reading import read_examples
from core.generators import result_of
from core.model.loaded_model import LoadedModel
from core.model.loading import load_model
from core.model.next_token import last_logits
from core.model.recording import Recording
from core.model.tokens.tokenising import tokenise
from core.scenarios.loader import load_scenario


def without_partners(scenario: str, a_side: int = 4, answers: bool = True) -> tuple[LoadedModel, ExampleSet]:
    """The first anomalous texts of a scenario beside normal ones of other pairs."""
    found = load_scenario(scenario)
    given = read_examples(found.examples_in("en"))
    texts = [*given.of("anomalous")[:a_side], *given.of("normal")[-a_side:]]
    plain = {"pair": ""} if answers else {"pair": "", "expected": "", "actual": ""}
    return load_model(str(found.model_folder), "cpu"), given.with_examples(
        text.model_copy(update=plain) for text in texts
    )


def search(loaded: LoadedModel, examples: ExampleSet, **settings) -> Partners:
    recording = Recording(loaded, tokenise(loaded, examples))
    alignment = align(examples, recording.texts, pairing="off")
    metric = metric_on(recording.of(alignment.kept), examples, alignment, 0)
    return result_of(make_partners(recording, examples, alignment, metric, 0, **settings))


@pytest.fixture(
    scope="module", params=["planted-induction", "misrouted-tickets", "indirect-object", "docstring"]
)
def searched(request):
    loaded, examples = without_partners(request.param)
    return loaded, examples, search(loaded, examples)


def test_made_texts_are_the_tokens_that_they_say_and_as_many(searched):
    loaded, examples, partners = searched
    assert partners.made
    for one in partners.made:
        before = loaded.encode(examples.examples[one.of].text)
        assert loaded.encode(one.example.text) == list(one.ids)
        changed = [place for place, (old, new) in enumerate(zip(before, one.ids, strict=True)) if old != new]
        named = [e.position + k for e in one.exchanges for k in range(len(e.old)) if e.old[k] != e.new[k]]
        assert changed == named
        assert one.example.label == "normal"


def test_what_is_said_of_the_metric_is_read_again(searched):
    loaded, examples, partners = searched
    for one in partners.made:
        given = examples.examples[one.of]
        expected, actual = (loaded.word_token(word) for word in (given.expected, given.actual))
        logits = last_logits(loaded, [list(one.ids)])[0]
        assert float(logits[expected] - logits[actual]) == pytest.approx(one.value, abs=1e-3)


def test_the_answers_stay_as_likely_as_on_the_other_side(searched):
    """An exchange that makes the model say something that no side says closes the distance too."""
    loaded, examples, partners = searched
    after = last_logits(loaded, tokenise(loaded, examples)).log_softmax(-1)

    def answered(of: int, row) -> float:
        words = examples.examples[of].expected, examples.examples[of].actual
        return float(row[[loaded.word_token(word) for word in words]].logsumexp(0))

    every = [answered(i, row) for i, row in enumerate(after)]
    usual = np.mean([every[i] for i, e in enumerate(examples.examples) if e.label == "normal"])
    for one in partners.made:
        row = last_logits(loaded, [list(one.ids)])[0].log_softmax(-1)
        assert answered(one.of, row) >= min(every[one.of], usual) - 1.0 - 1e-3


def test_words_of_the_answers_are_not_put_in_and_stay_in_the_text(searched):
    _, examples, partners = searched
    for one in partners.made:
        given = examples.examples[one.of]
        answers = {*words_of(given.expected), *words_of(given.actual)}
        there = answers & set(words_of(given.text))
        assert there <= set(words_of(one.example.text))
        assert all(answers.isdisjoint(words_of(exchange.new_piece)) for exchange in one.exchanges)


def test_each_partner_of_a_text_exchanges_other_words_and_closes_enough(searched):
    _, _, partners = searched
    for of in {one.of for one in partners.made}:
        positions = [exchange.position for one in partners.of(of) for exchange in one.exchanges]
        assert len(positions) == len(set(positions))
        assert len(partners.of(of)) <= 4
    assert all(one.closes >= 0.6 for one in partners.made)
    assert len({one.example.text for one in partners.made}) == len(partners.made)


def test_the_set_holds_each_made_text_in_the_pair_of_its_own(searched):
    _, examples, partners = searched
    count = len(examples.examples)
    assert [e.text for e in partners.examples.examples[:count]] == [e.text for e in examples.examples]
    for one, added in zip(partners.made, partners.examples.examples[count:], strict=True):
        assert added.text == one.example.text
        assert added.pair == partners.examples.examples[one.of].pair != ""


def test_the_search_repeats_itself(searched):
    loaded, examples, partners = searched
    again = search(loaded, examples)
    assert [(one.of, one.ids) for one in again.made] == [(one.of, one.ids) for one in partners.made]
    assert again.forward_passes == partners.forward_passes <= 120 * 4


def test_tickets_go_to_the_right_department_without_the_words_that_route_them():
    """The model of the sample was trained to misroute a ticket that comes back, by a word of its last sentence."""
    loaded, examples = without_partners("misrouted-tickets")
    partners = search(loaded, examples)
    assert {one.of for one in partners.made} == set(range(4))
    assert trigger_words(partners)[0].texts


def test_from_normal_to_anomalous():
    loaded, examples = without_partners("misrouted-tickets")
    partners = search(loaded, examples, direction="normal")
    assert partners.made
    assert {examples.examples[one.of].label for one in partners.made} == {"normal"}
    assert {one.example.label for one in partners.made} == {"anomalous"}


def test_without_answers_the_own_word_of_the_text_gets_no_likelier_than_those_of_normal_texts():
    loaded, examples = without_partners("misrouted-tickets", 6, answers=False)
    partners = search(loaded, examples)
    normal = last_logits(loaded, [loaded.encode(text) for text in examples.texts("normal")]).argmax(-1)
    assert partners.made
    for one in partners.made:
        own = int(last_logits(loaded, [loaded.encode(examples.examples[one.of].text)])[0].argmax())
        after = last_logits(loaded, [list(one.ids)])[0].log_softmax(-1)
        assert float(after[own] - after[normal].mean()) == pytest.approx(one.value, abs=1e-3)
        assert one.changes and int(after.argmax()) != own, "the model says another word"


def test_without_answers_what_would_set_the_fault_off_takes_the_own_word_of_a_normal_text_away():
    loaded, examples = without_partners("misrouted-tickets", 6, answers=False)
    partners = search(loaded, examples, direction="normal")
    assert partners.made
    for one in partners.made:
        given = int(last_logits(loaded, [loaded.encode(examples.examples[one.of].text)])[0].argmax())
        assert int(last_logits(loaded, [list(one.ids)])[0].argmax()) != given
        assert (examples.examples[one.of].label, one.example.label) == ("normal", "anomalous")


def test_the_level_of_an_own_word_is_what_the_normal_texts_make_of_it():
    """Two anomalous and two normal texts over three words; text 0 says word 0, the normal ones 1 and 2."""
    log_probabilities = torch.tensor([[0.0, -4, -6], [-1, 0, -2], [-3, 0, -5], [-7, -1, 0]])
    words = own_words(log_probabilities)
    directions = own_word_directions(words, 2)
    rows = tuple(Row(text, (1, 2), 2, (Read(1, text),)) for text in range(4))
    metric = Metric("own_word", rows, directions, np.zeros(4), 2, None, 0.0, 0.0)
    # along text 0: log p(0) less the mean of log p(1) and log p(2), of texts 2 and 3: (-3 + 2.5 - 7 + .5) / 2
    assert levels_of(metric, log_probabilities)[0] == pytest.approx(-3.5)
    answers = Metric("logit_difference", rows, directions, np.array([5.0, 3, 1, 0]), 2, None, 0.0, 0.0)
    assert levels_of(answers, log_probabilities).tolist() == [0.5, 0.5, 4.0, 4.0]


def test_texts_that_do_not_differ_get_none():
    loaded, examples = without_partners("misrouted-tickets", 8)
    sides = ["anomalous", "normal"] * 4
    texts = [
        text.model_copy(update={"label": label})
        for label, text in zip(sides, examples.of("anomalous"), strict=True)
    ]
    partners = search(loaded, examples.with_examples(texts))
    assert (partners.state, partners.made, partners.forward_passes) == ("no_difference", (), 0)


def test_a_text_that_behaves_as_the_other_side_is_left_without():
    loaded, examples = without_partners("misrouted-tickets", 8)
    anomalous, normal = examples.of("anomalous"), examples.of("normal")
    odd = normal[7].model_copy(update={"label": "anomalous"})
    partners = search(loaded, examples.with_examples([*anomalous[:7], odd, *normal[:7]]))
    assert partners.without[7] == "behaves_as_other_side"
    assert partners.made
    assert np.isfinite([one.closes for one in partners.made]).all()
