"""Turns of a conversation in one box of text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.examples.conversation import Message, from_transcript, transcript

WORDS = st.text(st.characters(exclude_characters=":：\r", codec="utf-8"), min_size=1)


def turns(text: str) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in from_transcript(text)]


def test_turns_begin_with_the_name_of_a_role():
    assert turns("System: Be brief.\nUser: My parcel\nis late\nAssistant: Shipping") == [
        ("system", "Be brief."), ("user", "My parcel\nis late"), ("assistant", "Shipping"),
    ]  # fmt: skip
    assert turns("Human: a\n\nAssistant:") == [("user", "a\n"), ("assistant", "")]
    assert turns("利用者：荷物が届かない\nアシスタント：配送") == [
        ("user", "荷物が届かない"),
        ("assistant", "配送"),
    ]
    assert turns("Customer: hi\nBot: hello\nCustomer: bye")[-1] == ("user", "bye")


@pytest.mark.parametrize(
    "ticket",
    [
        "My parcel is late.",
        "User: Jane\nOrder: 12\nMy parcel is late.",
        "Customer: Jane\nModel: X200\nIt does not start.",
        "User: Jane\nSystem: Windows 11\nIt does not start.",
        "Dear team\nuser: a\nassistant: b",
        "assistant: Shipping",
        "He said user: a, assistant: b",
        "",
    ],
)
def test_a_ticket_with_fields_stays_one_turn_and_whole(ticket):
    assert turns(ticket) == [("user", ticket)]


@given(
    st.booleans(), st.lists(st.tuples(st.sampled_from(["user", "assistant"]), WORDS), min_size=2, max_size=5)
)
def test_what_a_transcript_writes_is_read_back(with_system, said):
    messages = [Message(role="system", content="Be brief.")] * with_system
    messages += [Message(role=role, content=content) for role, content in said]
    assert list(from_transcript(transcript(messages))) == messages
