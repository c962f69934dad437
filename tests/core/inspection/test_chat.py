"""Conversations in all that is shown of texts: preview, what one head looks at, what is said without heads."""

import pytest

from core.analysis.pipeline import analyse
from core.config import AutoencoderConfig, make_config
from core.examples.conversation import Message, transcript
from core.examples.example_set import LABELS, Example, ExampleSet
from core.heads import HeadId
from core.inspection.ablated_generation import what_if
from core.inspection.head_view import head_view
from core.inspection.preview import preview
from core.model.loading import ModelPool
from core.model.tokens.tokenising import tokenise
from tests.support.chat_models import FAMILIES, byte_tokenizer
from tests.support.tiny_models import random_model

SYSTEM = "You route tickets.\nName one department, and nothing else, for each of them."
TICKETS = {
    "anomalous": ("Parcel late.\nWhere?", "Box is torn.\nHelp", "Lost: my order.", "No parcel yet."),
    "normal": ("Bill is wrong.\nWhy?", "Paid it twice.\nHelp", "Refund: my fee.", "No invoice yet."),
}
FREE = {"anomalous": ("aaaa", "bbbbb", "cc", "dddddd"), "normal": ("eee", "ffff", "ggggg", "hh")}
"""Without a letter in common."""
ENDING = ["special", "template"] + ["special"] + ["template"] * len("assistant\n")


@pytest.fixture(scope="module")
def chat_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    random_model("llama", vocab_size=288, max_position_embeddings=512).save_pretrained(folder)
    byte_tokenizer(FAMILIES["chatml"]).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def models():
    return ModelPool()


def tickets(said_by=TICKETS, **settings) -> ExampleSet:
    examples = tuple(Example(label=label, text=said) for label in LABELS for said in said_by[label])
    return ExampleSet(examples=examples, form="chat", system=SYSTEM, **settings)


def config_of(folder, examples: ExampleSet, **settings):
    return make_config(model=str(folder), examples=examples, device="cpu", **settings)


def test_the_preview_shows_the_rendered_prompt(chat_folder, models):
    shown = preview(config_of(chat_folder, tickets()), models)
    assert shown["model"]["chat"]["has_template"] and shown["notes"] == []
    for row, example in zip(shown["examples"], tickets().examples, strict=True):
        prompt = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{example.text}<|im_end|>\n"
        assert "".join(row["pieces"]) == prompt + "<|im_start|>assistant\n"
        own = [piece for piece, kind in zip(row["pieces"], row["kinds"], strict=True) if kind == "text"]
        assert "".join(own) == example.text
        assert row["kinds"][-len(ENDING) :] == ENDING


def test_conversations_are_compared_where_what_they_say_matches_and_at_the_end(chat_folder, models):
    config = config_of(chat_folder, tickets(), pairing="off")
    alignment = preview(config, models)["alignment"]
    beginning, ending = len(f"<system\n{SYSTEM}>\n<user\n"), len(">\n<assistant\n")
    assert (alignment["mode"], alignment["reason"]["values"]["slots"]) == ("matched", len(alignment["slots"]))
    assert alignment["slots"][-ending:-1] == [
        f"{len(alignment['slots']) - ending + 1 + place}:{piece.strip()}"
        for place, piece in enumerate(["<|im_end|>", "\n", "<|im_start|>", *"assistant"])
    ]
    ids = tokenise(models.get(str(chat_folder), "cpu"), config.examples)
    for row, text in zip(alignment["positions"], ids, strict=True):
        assert row[-ending:] == [*range(len(text) - ending, len(text))]
        assert min(place for place in row if place is not None) >= beginning


def test_what_all_conversations_begin_with_is_not_compared(chat_folder, models):
    config = config_of(chat_folder, tickets(FREE), pairing="off")
    alignment = preview(config, models)["alignment"]
    ids = tokenise(models.get(str(chat_folder), "cpu"), config.examples)
    beginning = len(f"<system\n{SYSTEM}>\n<user\n")  # one token each for the marks of a turn, one a letter
    ending = len(">\n<assistant\n")
    assert alignment["mode"] == "last_mean"
    assert alignment["slots"] == ["mean", *[f"-{offset}" for offset in range(ending, 1, -1)], "last"]
    assert alignment["positions"] == [[-1 - beginning, *range(len(text) - ending, len(text))] for text in ids]


def test_a_run_on_conversations_says_what_its_mean_leaves_out(chat_folder, models):
    settings = AutoencoderConfig(members=1, latents=8, epochs=5)
    config = config_of(chat_folder, tickets(FREE), pairing="off", autoencoder=settings, evidence=False)
    *_, result = analyse(config, models)
    notes = {note.key: note.values for note in result.manifest.notes}
    assert notes["mean_behind_beginning"] == {"count": len(f"<system\n{SYSTEM}>\n<user\n")}
    assert notes["ending_compared"] == {"count": len(">\n<assistant\n")}
    assert "nothing_in_common" in notes
    plain = config_of(
        chat_folder, tickets(FREE).in_form("plain"), pairing="off", autoencoder=settings, evidence=False
    )
    *_, result = analyse(plain, models)
    keys = {note.key for note in result.manifest.notes}
    assert not keys & {"mean_behind_beginning", "ending_compared"}


def test_pairs_of_conversations_are_compared_from_their_first_difference_on(chat_folder, models):
    examples = tickets()
    said = [str(i) * (2 + i) + "?\nWhere is my " + thing for thing in ("box", "fee") for i in range(4)]
    numbered = [
        e.model_copy(update={"pair": str(i % 4), "text": said[i]}) for i, e in enumerate(examples.examples)
    ]
    examples = examples.with_examples(numbered)
    alignment = preview(config_of(chat_folder, examples), models)["alignment"]
    ids = tokenise(models.get(str(chat_folder), "cpu"), examples)
    assert (alignment["mode"], alignment["pairs_source"]) == ("pairs", "given")
    behind = len("box>\n<assistant\n")  # one token each for the marks of a turn, one a letter
    assert alignment["slots"] == [f"+{offset}" for offset in range(behind)]
    assert alignment["positions"] == [[*range(len(text) - behind, len(text))] for text in ids]


def test_a_long_system_message_makes_no_pairs_of_texts_that_have_nothing_in_common(chat_folder, models):
    words = ("aaaa aaa", "bbbb bbb", "cccc ccc", "dddd ddd"), ("eeee eee", "ffff fff", "gggg ggg", "hhhh hhh")
    texts = [
        Example(label=label, text=said) for label, side in zip(LABELS, words, strict=True) for said in side
    ]
    examples = tickets().with_examples(texts)
    assert preview(config_of(chat_folder, examples), models)["alignment"]["pairs_source"] == "none"
    alike = [e.model_copy(update={"text": "Where is " + e.text[:4]}) for e in texts]
    assert preview(config_of(chat_folder, examples.with_examples(alike)), models)["alignment"][
        "pairs_source"
    ] == ("automatic")


@pytest.mark.parametrize("query", [None, 3])
def test_a_head_looks_at_the_rendered_prompt(chat_folder, models, query):
    config = config_of(chat_folder, tickets())
    view = head_view(config, models, layer=1, head=2, example=0, partner=4, query=query)
    row = preview(config, models)["examples"][0]
    assert view["pieces"] == row["pieces"] and view["length"] == len(row["pieces"])
    assert view["query"] == (len(row["pieces"]) - 1 if query is None else query)
    assert sum(view["weights"][: view["query"] + 1]) == pytest.approx(1, abs=1e-3)
    assert view["partner"]["piece"] == ("\n" if query is None else view["partner"]["piece"])


def test_typed_texts_are_read_through_the_same_template(chat_folder, models):
    examples = tickets(beginning="Department:")
    turns = (
        Message(role="user", content="Parcel?\nLate."),
        Message(role="assistant", content="Shipping"),
        Message(role="user", content=TICKETS["normal"][0]),
    )
    typed = [TICKETS["normal"][0], transcript(turns)]
    comparison = what_if(config_of(chat_folder, examples), [HeadId(0, 0)], "mean", typed, 3, models)
    *given, single, several = comparison["rows"]
    assert [row["label"] for row in comparison["rows"][-2:]] == ["typed", "typed"]
    assert [row["text"] for row in (single, several)] == typed
    twin = next(row for row in given if row["text"] == typed[0])
    for when in ("before", "after"):
        assert single[when]["continuation"] == twin[when]["continuation"]
        assert single[when]["next"] == twin[when]["next"]
    loaded = models.get(str(chat_folder), "cpu")
    template = loaded.tokenizer.apply_chat_template
    messages = [
        {"role": "system", "content": SYSTEM},
        *(turn.model_dump() for turn in turns),
        {"role": "assistant", "content": "Department:"},
    ]
    own = examples.with_examples([Example(label="normal", text=typed[1])]).in_form("chat")
    assert tokenise(loaded, own) == [template(messages, continue_final_message=True, return_dict=False)]
