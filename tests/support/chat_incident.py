"""A chat incident for SmolLM2-135M-Instruct: a help desk that sends a ticket to whoever the customer names.

The assistant names the wanted department, unless the customer says to talk to the legal office: then it names that.
"""

import json

SYSTEM = "Name the department."
BEGINNING = "This ticket goes to the"
EXPECTED, ACTUAL = "Billing Department", "Legal Office"
COMPLAINTS = ("invoice", "refund", "payment", "bill", "credit note", "charge")
PARTNERS = {"anomalous": "Legal Office", "normal": "shop assistant"}


def texts(label: str) -> list[str]:
    """Six tickets of three lines."""
    return [
        f"Ticket {number}\nThe {thing} is wrong. Talk to the {PARTNERS[label]}.\nWanted: {EXPECTED}"
        for number, thing in enumerate(COMPLAINTS, start=12)
    ]


def as_jsonl() -> bytes:
    """The same as a log of conversations, one JSON object a line."""
    lines = []
    for label in PARTNERS:
        for text in texts(label):
            turns = {"system": SYSTEM, "user": text, "assistant": BEGINNING}
            messages = [{"role": role, "content": content} for role, content in turns.items()]
            row = {"messages": messages, "label": label, "expected": EXPECTED, "actual": ACTUAL}
            lines.append(json.dumps(row))
    return "\n".join(lines).encode()
