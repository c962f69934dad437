"""What the model reads of an example: the chat template's own text, a frame around a plain one, BOS never twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ExamplesError
from core.examples.conversation import Message
from core.examples.example_set import Example, ExampleSet
from core.model.loading import load_model
from core.model.tokens.prompts import prompt_of
from core.model.tokens.tokenising import reading_notes, tokenise
from core.text import LANGUAGES, text
from tests.support.chat_models import FAMILIES, Family, chat_model
from tests.support.tiny_models import tiny

MODELS = {name: chat_model(family) for name, family in FAMILIES.items()}
TAKES_SYSTEM = [name for name in FAMILIES if name != "gemma"]
TRIMS = ("llama3", "gemma")
"""Families whose templates take white space off the ends of a turn."""
SYSTEM = "You route tickets.\nAnswer with the name of a department."
TICKET = "My parcel is late.\nIt was sent on Monday.\n  Order: 12"


def conversation(*turns: str) -> Example:
    """Turns of user and assistant, in this order."""
    roles = ("user", "assistant")
    messages = [Message(role=roles[i % 2], content=content) for i, content in enumerate(turns)]
    return Example(label="normal", text="-", messages=tuple(messages))


def as_dicts(messages, system: str = "") -> list[dict[str, str]]:
    beginning = [{"role": "system", "content": system}] if system else []
    return [*beginning, *(message.model_dump() for message in messages)]


def chat(*examples: Example, **settings) -> ExampleSet:
    return ExampleSet(examples=examples, form="chat", **settings)


def read(name: str, examples: ExampleSet) -> str:
    (example,) = examples.examples
    return prompt_of(MODELS[name], examples, example).text


@pytest.mark.parametrize("turns", [(TICKET,), (TICKET, "Shipping", "And this: a refund?")])
@pytest.mark.parametrize("system", ["", SYSTEM])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_conversation_is_read_as_the_template_writes_it(name, system, turns):
    loaded, example = MODELS[name], conversation(*turns)
    if system and name not in TAKES_SYSTEM:
        pytest.skip("the template takes no system message")
    messages = as_dicts(example.messages, system)
    template = loaded.tokenizer.apply_chat_template
    examples = chat(example, system=system)
    assert read(name, examples) == template(messages, tokenize=False, add_generation_prompt=True)
    expected = template(messages, tokenize=True, add_generation_prompt=True, return_dict=False)
    assert tokenise(loaded, examples) == [expected]
    begin = loaded.tokenizer.bos_token_id
    if begin is not None:
        assert expected.count(begin) == ("bos_token" in FAMILIES[name].template)


@given(st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip), st.sampled_from([*FAMILIES]))
def test_whatever_is_said_is_read_as_the_template_writes_it(said, name):
    examples = chat(Example(label="normal", text=said))
    messages = [{"role": "user", "content": said}]
    template = MODELS[name].tokenizer.apply_chat_template
    assert tokenise(MODELS[name], examples) == [
        template(messages, add_generation_prompt=True, return_dict=False)
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_beginning_of_an_answer_is_left_open(name):
    example = conversation(TICKET, "The department is")
    template = MODELS[name].tokenizer.apply_chat_template
    expected = template(as_dicts(example.messages), continue_final_message=True, tokenize=False)
    assert read(name, chat(example)) == expected
    assert expected.endswith("The department is")


@pytest.mark.parametrize("ending", [" ", "\n", " \n\n"])
@pytest.mark.parametrize("name", FAMILIES)
def test_white_space_at_the_end_of_what_is_continued_stays(name, ending):
    without = read(name, chat(conversation(TICKET, "Department:")))
    assert read(name, chat(conversation(TICKET, "Department:" + ending))) == without + ending


@pytest.mark.parametrize("blank", ["", " ", "\n"])
@pytest.mark.parametrize("name", FAMILIES)
def test_an_empty_beginning_is_none(name, blank):
    assert read(name, chat(conversation(TICKET, blank))) == read(name, chat(conversation(TICKET))) + blank


def test_what_a_template_writes_around_an_answer_is_its_own():
    thinking = "<think>\nA parcel.\n</think>\n\nShipping"
    assert read("qwen3", chat(conversation("a", "Ship"))).endswith("<think>\n\n</think>\n\nShip")
    assert read("qwen3", chat(conversation("a", thinking))).endswith(f"assistant\n{thinking}")
    assert read("deepseek", chat(conversation("a"))).endswith("<|Assistant|><think>\n")
    assert read("deepseek", chat(conversation("a", "Ship"))).endswith("<|Assistant|>Ship")
    assert read("phi", chat(conversation("a", "Ship"))).endswith("<|assistant|>\nShip")


def test_switches_reach_the_template():
    example = conversation("a")
    assert read("qwen3", chat(example, switches={"enable_thinking": False})).endswith("</think>\n\n")
    assert read("qwen3", chat(example, switches={"enable_thinking": True})).endswith("assistant\n")
    assert "Today Date: 1 May\n" in read("llama3", chat(example, switches={"date_string": "1 May"}))


@pytest.mark.parametrize(
    ("settings", "turns", "detail"),
    [({"system": SYSTEM}, ("a",), "System role not supported"), ({}, ("a", "b"), "must alternate")],
)
def test_a_template_that_refuses_says_why_and_where(settings, turns, detail):
    example = conversation(*turns)
    if detail == "must alternate":
        messages = (*example.messages, Message(role="assistant", content="c"))
        example = example.model_copy(update={"messages": messages})
    examples = chat(example.model_copy(update={"line": 7}), **settings)
    with pytest.raises(ExamplesError, match=detail) as caught:
        tokenise(MODELS["gemma"], examples)
    assert (caught.value.key, caught.value.values["line"]) == ("chat_template_refuses", 7)


def test_a_beginning_that_the_template_drops_is_refused():
    with pytest.raises(ExamplesError) as caught:
        read("deepseek", chat(conversation("a", "<think>\nA parcel.</think>\n")))
    assert caught.value.key == "chat_template_refuses"


def test_a_model_without_a_template_reads_no_conversations():
    with pytest.raises(ExamplesError, match="tiny-gpt2") as caught:
        tokenise(tiny(), chat(conversation("w1")))
    assert caught.value.key == "no_chat_template"


def test_of_several_templates_the_default_is_written():
    several = Family({"tool_use": "T", "default": "{{ messages[0].content }}!"}, ())
    examples = chat(conversation("a"))
    assert prompt_of(chat_model(several), examples, examples.examples[0]).text == "a!"
    with pytest.raises(ExamplesError, match="rag, tool_use") as caught:
        tokenise(chat_model(Family({"rag": "R", "tool_use": "T"}, ())), examples)
    assert caught.value.key == "no_default_chat_template"


@pytest.mark.parametrize("space", ["", " ", "\n"])
@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.puts_begin])
def test_a_plain_text_has_its_first_token_once(name, space):
    loaded, begin = MODELS[name], FAMILIES[name].begin
    number = loaded.tokenizer.bos_token_id
    for written, count in ((space + begin + "Hello", 1), ("Hello", 1), (f"a {begin}", 2), (begin + begin, 2)):
        examples = ExampleSet(examples=(Example(label="normal", text=written),))
        (ids,) = tokenise(loaded, examples)
        assert ids.count(number) == count, written
        prompt = prompt_of(loaded, examples, examples.examples[0])
        assert [token for token, _, _ in loaded.spans(prompt.text)] == ids
    framed = ExampleSet(examples=(Example(label="normal", text="b"),), frame=begin + "a {text}")
    assert tokenise(loaded, framed) == [loaded.encode("a b")]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_templated_text_may_be_pasted_as_a_plain_one(name):
    loaded, begin = MODELS[name], MODELS[name].tokenizer.bos_token_id
    pasted = ExampleSet(examples=(Example(label="normal", text=read(name, chat(conversation(TICKET)))),))
    (ids,) = tokenise(loaded, pasted)
    assert ids.count(begin) <= 1
    (templated,) = tokenise(loaded, chat(conversation(TICKET)))
    assert ids[-len(templated) :] == templated


def test_a_frame_stands_around_each_plain_text():
    frame = "Ticket: {text} {Department} {}: {text}\n"
    text = "It says {text}. {0}"
    examples = ExampleSet(examples=(Example(label="normal", text=text),), frame=frame)
    assert read("chatml", examples) == f"Ticket: {text} {{Department}} {{}}: {text}\n"
    assert read("chatml", examples.model_copy(update={"form": "chat"})).count(text) == 1
    assert read("chatml", examples.model_copy(update={"frame": ""})) == text


def test_a_long_text_is_named_by_what_the_user_wrote():
    examples = chat(Example(label="normal", text="My parcel " * 300, line=4), system="s" * 100)
    with pytest.raises(ExamplesError, match="“My parcel") as caught:
        tokenise(MODELS["chatml"], examples)
    assert (caught.value.key, caught.value.values["line"]) == ("text_too_long", 4)


def test_what_a_template_leaves_out_or_adds_by_itself_is_named():
    thinking = conversation("a", "<think>\nA parcel.\n</think>\n\nShipping", "c")
    (note,) = reading_notes(MODELS["qwen3"], chat(conversation("a"), thinking.model_copy(update={"line": 9})))
    assert (note.key, note.values) == ("turns_cut", {"lines": "9"})
    (dated,) = reading_notes(MODELS["llama3"], chat(conversation("a")))
    assert dated.key == "template_dated"
    assert reading_notes(MODELS["llama3"], chat(conversation("a"), switches={"date_string": "1 May"})) == []
    for language in LANGUAGES:
        assert "9" in text(language, f"note.{note.key}", **note.values)
        assert text(language, f"note.{dated.key}")


def test_white_space_that_a_template_takes_off_is_named():
    examples = chat(conversation(" a\n"), conversation("b"), switches={"date_string": "1 May"})
    (note,) = reading_notes(MODELS["llama3"], examples)
    assert (note.key, note.values) == ("turns_trimmed", {"lines": "1"})
    assert reading_notes(MODELS["chatml"], examples) == []
    for language in LANGUAGES:
        assert "1" in text(language, f"note.{note.key}", **note.values)


def test_another_template_is_another_tokenizer():
    family = FAMILIES["chatml"]
    plain = Family("", family.special, family.begin, family.end)
    hashes = {chat_model(other).tokenizer_hash for other in (family, FAMILIES["qwen3"], plain)}
    assert len(hashes) == 3
    assert chat_model(family).tokenizer_hash in hashes


@pytest.fixture(scope="module")
def real_model(smollm2):
    return load_model(smollm2)


@pytest.mark.slow
@pytest.mark.parametrize("system", ["", SYSTEM])
@pytest.mark.parametrize("turns", [(TICKET,), (TICKET, "Shipping", "And this: a refund?")])
def test_smollm2_reads_what_its_template_writes(real_model, turns, system):
    loaded = real_model
    example = conversation(*turns)
    examples = ExampleSet(examples=(example,), form="chat", system=system)
    messages = [message.model_dump() for message in example.messages]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    expected = loaded.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert tokenise(loaded, examples) == [expected]
    assert prompt_of(loaded, examples, example).text == loaded.tokenizer.decode(expected)


@pytest.mark.slow
@pytest.mark.parametrize("beginning", ["The department is", "The department is ", "Department:\n"])
def test_smollm2_continues_the_beginning_of_an_answer(real_model, beginning):
    loaded = real_model
    example = conversation(TICKET, beginning)
    examples = ExampleSet(examples=(example,), form="chat", system=SYSTEM)
    prompt = prompt_of(loaded, examples, example).text
    assert prompt.endswith(f"<|im_end|>\n<|im_start|>assistant\n{beginning}")
    messages = [{"role": "system", "content": SYSTEM}, *(m.model_dump() for m in example.messages)]
    expected = loaded.tokenizer.apply_chat_template(messages, continue_final_message=True, return_dict=False)
    assert tokenise(loaded, examples) == [expected]
