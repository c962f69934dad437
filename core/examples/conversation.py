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


def from_transcript(text: str) -> tuple[Message, ...]:
    """The turns of a text: a line that begins with a role and a colon begins one; a text without is one user turn."""
    starts = [found for found in _HEADING.finditer(text) if found[1].lower() in ROLE_WORDS]
    if not starts or text[: starts[0].start()].strip():
        return (Message(role="user", content=text),)
    ends = [*(found.start() for found in starts[1:]), len(text) + 1]
    return tuple(
        Message(role=ROLE_WORDS[found[1].lower()], content=text[found.end() : end - 1])
        for found, end in zip(starts, ends, strict=True)
    )
