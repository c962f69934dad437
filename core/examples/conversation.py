"""Conversations with a chat model: turns of messages, and how they are written in one box of text."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Role = Literal["system", "user", "assistant"]

ROLE_WORDS: dict[str, Role] = {
    **dict.fromkeys(("system", "developer", "システム"), "system"),
    **dict.fromkeys(("user", "human", "customer", "ユーザー", "利用者"), "user"),
    **dict.fromkeys(("assistant", "gpt", "bot", "model", "ai", "アシスタント", "回答"), "assistant"),
}
"""How a role is written in a file (ShareGPT writes `human` and `gpt`) or in a box."""

_FIELDS = ("developer", "model", "回答")
"""Roles of files that in a text are more often the name of a field (“Model: X200”)."""

_TURNS = ROLE_WORDS.keys() - {*_FIELDS}
_HEADING = re.compile(r"^[ \t]*([^\W\d_]+)[ \t]*[:：][ \t]?", re.MULTILINE)


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    content: str


def transcript(messages: Sequence[Message]) -> str:
    """A conversation as one text: a single user turn as it stands, else each turn behind the name of its role."""
    if len(messages) == 1 and messages[0].role == "user":
        return messages[0].content
    return "\n".join(f"{message.role}: {message.content}" for message in messages)


def first_role(text: str) -> Role | None:
    """Whose turn the first line of a text begins; None where it names nobody."""
    line = _HEADING.match(text)
    return ROLE_WORDS[line[1].lower()] if line and line[1].lower() in _TURNS else None


def from_transcript(text: str) -> tuple[Message, ...]:
    """The turns of a text: a line that begins with a role and a colon begins one; a text without is one user turn.

    A text is a conversation where it begins with such a line and has a second one, and only its first turn may be a
    system message: “User: Jane” above a ticket is a field of the ticket, and stays in it.
    """
    starts = [line for line in _HEADING.finditer(text) if line[1].lower() in _TURNS]
    roles = [ROLE_WORDS[line[1].lower()] for line in starts]
    if len(roles) < 2 or "system" in roles[1:] or text[: starts[0].start()].strip():
        return (Message(role="user", content=text),)
    ends = [*(line.start() for line in starts[1:]), len(text) + 1]
    return tuple(
        Message(role=role, content=text[line.end() : end - 1])
        for role, line, end in zip(roles, starts, ends, strict=True)
    )
