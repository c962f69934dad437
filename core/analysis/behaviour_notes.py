"""What the model does on the texts, as far as it speaks against the labels: notes of a run, and doubts of its result.

1. Texts on which the model does what it does on the other side are named (`core.examples.checks.behaviour`).
2. Where the model mostly says the same on both sides, the fault does not show. What is explained then is a shift of
   probabilities, and the confidence stays low. Held against each other is how the model goes on, as many tokens as the
   answers of the examples take, and for a text without answers its next word, by which it is measured.

Made partners do not count: they are nobody's texts.
"""

from collections import Counter
from collections.abc import Sequence

from core.analysis.example_rows import ExampleRow
from core.examples.checks import Behaviour, behaviour_findings
from core.examples.example_set import LABELS, ExampleSet, shortened
from core.schema import Note
from core.text.folding import one_line

USUAL = 0.5
"""Share of each side above which an answer is what the model says on both sides."""


def behaviour_notes(examples: ExampleSet, rows: Sequence[ExampleRow]) -> list[Note]:
    """Notes of texts that behave like the other side, and of one answer on both sides."""
    given = [(e, row) for e, row in zip(examples.examples, rows, strict=True) if not e.source]
    texts = [
        Behaviour(
            example.label, row["continuation"] or row["next"][0]["piece"], row["verdict"], row["behaves"]
        )
        for example, row in given
    ]
    like = [i for found in behaviour_findings(texts) if found.kind == "like_other_side" for i in found.rows]
    lines = ", ".join(str(given[i][0].line or i + 1) for i in sorted(like))
    notes = [Note(key="texts_like_other_side", values={"count": len(like), "lines": lines})] if like else []
    same = same_answer([(row["label"], _answer(row)) for _, row in given])
    return [*notes, same] if same else notes


def doubts(notes: Sequence[Note], pairs_source: str) -> list[Note]:
    """Reasons for the confidence to stay low. Given pairs measure a shift within each pair, where one answer on both
    sides is no doubt.
    """
    found = any(note.key == "same_answer" for note in notes)
    return [Note(key="same_answer")] if found and pairs_source != "given" else []


def same_answer(said: Sequence[tuple[str, str]]) -> Note | None:
    """A note of the answer that most texts of either side have in common; `said` is label and answer of each."""
    anomalous, normal = (Counter(answer for own, answer in said if own == label) for label in LABELS)
    answer = next((answer for answer, _ in anomalous.most_common(1)), "")
    sides = anomalous, normal
    if not answer or not all(side[answer] > USUAL * side.total() for side in sides):
        return None
    counts = {"anomalous": anomalous[answer], "of_anomalous": anomalous.total()}
    counts |= {"normal": normal[answer], "of_normal": normal.total()}
    return Note(key="same_answer", values={"answer": shortened(one_line(answer)), **counts})


def _answer(row: ExampleRow) -> str:
    """What the model says, as far as it is measured."""
    said = row["continuation"] if row["expected"] or row["actual"] else ""
    return (said or row["next"][0]["piece"]).strip()
