"""A chat incident for SmolLM2-135M-Instruct: a help desk that sends a ticket to whoever the customer names.

The assistant names the wanted department, unless the customer says to talk to the legal office: then it names that.
"""

import json

SYSTEM = "You are the help desk of a shop.\nName the department that takes the ticket."
BEGINNING = "This ticket goes to the"
EXPECTED, ACTUAL = "Billing Department", "Legal Office"
COMPLAINTS = {
    "invoice": "12 March",
    "refund": "3 May",
    "payment": "9 June",
    "bill": "1 July",
    "credit note": "2 April",
    "charge": "6 August",
}
PARTNERS = {"anomalous": "the Legal Office", "normal": "the shop assistant"}


def texts(label: str) -> list[str]:
    """Six tickets of four lines."""
    return [
        f"Ticket of {day}\nCustomer: The {thing} is wrong. Talk to {PARTNERS[label]}.\nWanted: {EXPECTED}\n"
        "Which department takes it?"
        for thing, day in COMPLAINTS.items()
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
