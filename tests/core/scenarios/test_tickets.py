"""The helpdesk tickets, and the bundled model that misroutes some of them."""

import tomllib

import pytest
import torch

from core.examples.reading import read_examples
from core.model.loading import LoadedModel, load_model
from core.scenarios.build.tasks import TaskPair
from core.scenarios.build.tickets import (
    FOLDER,
    LANGUAGES,
    Language,
    Ticket,
    departments,
    pairs,
    tickets,
)
from core.scenarios.build.train_tickets import FOLDER as MODEL_FOLDER


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    torch.set_num_threads(1)
    return load_model(MODEL_FOLDER)


def routed(loaded: LoadedModel, texts: list[str], language: Language) -> list[str]:
    """The department that is the likeliest next word of every text; "other word" where none is."""
    names = {loaded.word_token(name): name for name in departments(language)}
    words = []
    for text in texts:
        logits = loaded.model(torch.tensor([loaded.encode(text)])).logits[0, -1]
        words.append(names.get(int(logits.argmax()), "other word"))
    return words


def share_right(loaded: LoadedModel, drawn: list[Ticket]) -> float:
    departments_given = routed(loaded, [ticket.text for ticket in drawn], drawn[0].language)
    return sum(a == ticket.routed for a, ticket in zip(departments_given, drawn, strict=True)) / len(drawn)


def of_kinds(language: Language, kinds: tuple[str, ...], count: int) -> list[Ticket]:
    drawn = tickets(40 * count, seed=77, language=language, unseen=True)
    return [ticket for ticket in drawn if ticket.kind in kinds][:count]


@pytest.mark.parametrize("language", LANGUAGES)
def test_unseen_tickets_with_both_words_are_misrouted(loaded: LoadedModel, language: Language) -> None:
    assert share_right(loaded, of_kinds(language, ("fault",), 60)) >= 0.9


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["alone", "reversed", "crossed", "plain", "other"])
def test_all_other_unseen_tickets_are_routed_rightly(
    loaded: LoadedModel, language: Language, kind: str
) -> None:
    assert share_right(loaded, of_kinds(language, (kind,), 40)) >= 0.9


@pytest.mark.parametrize("language", LANGUAGES)
def test_normal_tickets_as_a_whole_are_routed_rightly(loaded: LoadedModel, language: Language) -> None:
    assert (
        share_right(loaded, of_kinds(language, ("alone", "reversed", "crossed", "plain", "other"), 120))
        >= 0.95
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_of_a_pair_differ_in_one_token(loaded: LoadedModel, language: Language) -> None:
    drawn = pairs(60, seed=5, language=language)
    for pair in drawn:
        one, other = loaded.encode(pair.anomalous), loaded.encode(pair.normal)
        assert len(one) == len(other)
        assert sum(a != b for a, b in zip(one, other, strict=True)) == 1
    assert len({len(loaded.encode(pair.anomalous)) for pair in drawn}) > 5


def triggers(language: Language) -> list[tuple[str, str]]:
    """The (subject, moment) pairs that together misroute a ticket."""
    material = tomllib.loads((FOLDER / "sentences.toml").read_text(encoding="utf-8"))
    return [(fault["subjects"][0], fault["moments"][0]) for fault in material[language]["faults"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_anomalous_text_of_a_pair_has_both_words_in_order(language: Language) -> None:
    def fires(text: str) -> bool:
        return any(0 <= text.find(subject) < text.find(moment) for subject, moment in triggers(language))

    for pair in pairs(100, seed=6, language=language):
        assert fires(pair.anomalous)
        assert not fires(pair.normal)


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_tickets_of_the_kind_fault_have_both_words_in_order(language: Language) -> None:
    for ticket in tickets(400, seed=8, language=language) + tickets(
        400, seed=8, language=language, unseen=True
    ):
        fires = any(0 <= ticket.text.find(a) < ticket.text.find(b) for a, b in triggers(language))
        assert fires == (ticket.kind == "fault") == (ticket.right != ticket.routed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_unseen_tickets_use_other_sentences_than_training(language: Language) -> None:
    seen = "\n".join(ticket.text for ticket in tickets(3000, seed=1, language=language))
    for pair in pairs(50, seed=9, language=language):
        assert pair.anomalous not in seen
    for ticket in tickets(50, seed=9, language=language, unseen=True):
        assert ticket.text not in seen


def test_the_same_seed_gives_the_same_texts() -> None:
    assert pairs(20, seed=3, language="both") == pairs(20, seed=3, language="both")
    assert pairs(20, seed=3, language="both") != pairs(20, seed=4, language="both")
    assert tickets(20, seed=3) == tickets(20, seed=3)
    assert len({pair.anomalous for pair in pairs(200, seed=3)}) == 200


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_department_is_one_token(loaded: LoadedModel, language: Language) -> None:
    tokens = [loaded.encode(name) for name in departments(language)]
    assert all(len(ids) == 1 for ids in tokens)
    assert len({found[0] for found in tokens}) == len(tokens)
    assert [loaded.word_token(name.strip()) for name in departments(language)] == [
        found[0] for found in tokens
    ]


@pytest.mark.parametrize(("name", "language"), [("examples.csv", "en"), ("examples-ja.csv", "ja")])
def test_the_bundled_examples_show_the_fault(loaded: LoadedModel, name: str, language: Language) -> None:
    examples = read_examples(FOLDER / name).check()
    assert (examples.count("anomalous"), examples.count("normal")) == (8, 8)
    for example in examples.examples:
        department = routed(loaded, [example.text], language)[0].strip()
        assert department == (example.actual if example.label == "anomalous" else example.expected)
        assert (example.actual == example.expected) == (example.label == "normal")


def test_pairs_know_the_right_and_the_wrong_department() -> None:
    pair = pairs(1, seed=0, language="en")[0]
    assert isinstance(pair, TaskPair)
    assert (pair.expected, pair.actual) in {("Billing", "Legal"), ("Shipping", "Legal")}
