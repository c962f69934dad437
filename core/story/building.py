"""A run's tables and mechanisms.json as a story: the words that matter, what was shown to matter, the answers.

A line is `proven` where interventions hold it: from a word to a proven head, between heads where the edge's own effect
was confirmed or partly confirmed, from a proven unit to an answer that it moves by itself.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from core.runs.facts import Facts
from core.schema import MechanismsRecord, TextPath
from core.story.story import Line, Node, Said, Story, StoryText, Word
from core.story.titles import title

PROVEN = ("confirmed", "partly")
LEAST_SHARE = 0.1  # Of a head's attention, for a line from a word
LEAST_PUSH = 0.15  # Of the largest push of any unit, for a line to an answer
MOST_UNPROVEN = 8


def story_of(
    facts: Facts,
    examples: pd.DataFrame,
    mechanisms: MechanismsRecord | None,
    language: str,
    example: int | None = None,
) -> Story:
    """The story of a run, or of its anomalous text number `example`; without mechanisms.json there are no words."""
    path = _path(mechanisms, example)
    nodes = tuple(_nodes(facts, mechanisms, language, path))
    proven = {node.name: node.proven for node in nodes}
    answers = tuple(_answers(examples, mechanisms, example))
    reads = list(_reads(mechanisms, proven, path))
    words = tuple(_words(mechanisms, reads, path))
    known = {word.text for word in words}
    lines = [line for line in reads if line.source in known]
    lines += _feeds(facts.edges, proven)
    lines += _pushes(mechanisms, proven, {answer.word for answer in answers})
    return Story(words, nodes, tuple(lines), answers, tuple(_texts(examples, facts, mechanisms)))


def merged(pieces: tuple[str, ...], token: int) -> str:
    """The whole word that a token belongs to: pieces that no space begins go on with the word before them."""
    first = last = token
    while first > 0 and _goes_on(pieces[first]) and _latin(pieces[first - 1]):
        first -= 1
    while last + 1 < len(pieces) and _goes_on(pieces[last + 1]) and _latin(pieces[last]):
        last += 1
    return "".join(pieces[first : last + 1]).strip()


def _goes_on(piece: str) -> bool:
    return _latin(piece) and not piece.startswith(" ")


def _latin(piece: str) -> bool:
    return piece.strip().isascii() and piece.strip().isalnum()


def _path(mechanisms: MechanismsRecord | None, example: int | None) -> TextPath | None:
    if mechanisms is None or example is None:
        return None
    return next((path for path in mechanisms.texts if path.example == example), None)


def _nodes(
    facts: Facts, mechanisms: MechanismsRecord | None, language: str, path: TextPath | None
) -> Iterable[Node]:
    heads = facts.heads
    proven = heads[heads["verdict"].isin(PROVEN)]
    others = heads[heads["selected"].astype(bool) & ~heads["verdict"].isin(PROVEN)].head(MOST_UNPROVEN)
    rows = [*proven.to_dict("records"), *others.to_dict("records")]
    mlps = facts.mlps
    rows += [] if mlps is None else mlps[mlps["verdict"].isin(PROVEN)].to_dict("records")
    for row in rows:
        name, high = str(row["name"]), _number(row["effect_high"])
        unit = "mlp" if name.startswith("MLP") else "head"
        told = title(mechanisms, name, language) if mechanisms else ""
        effect = _number(row["effect"]) if path is None else path.effects.get(name)
        yield Node(
            name,
            unit,  # type: ignore[arg-type]
            int(row["layer"]),
            str(row.get("own_name") or "") or ("" if unit == "mlp" else told),
            str(row["verdict"]),
            effect,
            _number(row["effect_low"]) if path is None else None,
            high if path is None else None,
            works_against=high is not None and high < 0,
        )


def _number(value: object) -> float | None:
    return None if pd.isna(value) else float(value)  # type: ignore[arg-type]


def _reads(
    mechanisms: MechanismsRecord | None, proven: dict[str, bool], path: TextPath | None
) -> Iterable[Line]:
    """Lines from words to the heads that look at them, the largest shares first."""
    shares: dict[tuple[str, str], float] = {}
    said: dict[tuple[str, str], float] = {}
    for name in proven if mechanisms else ():
        if path is not None:
            for look in path.looks.get(name, ()):
                word = merged(path.pieces, look.token)
                if any(letter.isalnum() for letter in word):
                    shares[word, name] = shares.get((word, name), 0.0) + look.share
        elif mechanisms and name in mechanisms.units:
            for seen in mechanisms.units[name].looks_at:
                if seen.kind == "word":
                    shares[seen.word, name] = seen.overall or seen.share
                    said[seen.word, name] = seen.share
    for (word, name), share in sorted(shares.items(), key=lambda pair: -pair[1]):
        if share >= LEAST_SHARE:
            yield Line(word, name, "reads", share, proven[name], "", said.get((word, name)))


def _words(mechanisms: MechanismsRecord | None, reads: list[Line], path: TextPath | None) -> Iterable[Word]:
    """Words that partners have otherwise and those that proven heads look at, the most attended first.

    Of all texts together: a word that one text's partner alone has otherwise, and that no head looks at, is left out
    where there are others; the fewest exchanges that change the answer may fall on a word beside the cause.
    """
    if mechanisms is None:
        return
    places: dict[str, set[int]] = {}
    for text in [path] if path else [text for text in mechanisms.texts if text.label == "anomalous"]:
        for token in text.differing:
            if word := merged(text.pieces, token):
                places.setdefault(word, set()).add(text.example)
    triggers = set(places)
    for unit in mechanisms.units.values():
        for seen in unit.looks_at:
            places.setdefault(seen.word, set()).update(seen.texts)
    weights: dict[str, float] = {}
    for line in reads:
        if line.proven or line.source in triggers:
            weights[line.source] = weights.get(line.source, 0.0) + line.weight
    told = {word for word in triggers if path or not weights or len(places[word]) > 1}
    for word in sorted({*weights, *told}, key=lambda word: (-weights.get(word, 0.0), word)):
        yield Word(word, word in triggers, tuple(sorted(places.get(word, ()))))


def _feeds(edges: pd.DataFrame, proven: dict[str, bool]) -> Iterable[Line]:
    for row in edges.to_dict("records"):
        held = row["verdict"] in PROVEN
        if row["source"] in proven and row["target"] in proven and (held or row["selected"]):
            both = held and proven[row["source"]] and proven[row["target"]]
            weight = _number(row["effect"]) or 0.0
            yield Line(row["source"], row["target"], "feeds", weight, both, row["verdict"])


def _answers(
    examples: pd.DataFrame, mechanisms: MechanismsRecord | None, example: int | None
) -> Iterable[Said]:
    """What the fault makes likelier, then what should come; from examples.csv where nothing else tells."""
    if mechanisms is not None and mechanisms.answers:
        for answer in sorted(mechanisms.answers, key=lambda answer: answer.direction == "down"):
            if example is None or example in answer.texts:
                yield Said(answer.word.strip(), answer.direction)
        return
    rows = examples[examples["label"] == "anomalous"]
    rows = rows if example is None else rows[rows["example"].astype(int) == example]
    for column, direction in (("actual", "up"), ("expected", "down")):
        for word in dict.fromkeys(rows.get(column, ())):
            if str(word).strip():
                yield Said(str(word).strip(), direction)  # type: ignore[arg-type]


def _pushes(
    mechanisms: MechanismsRecord | None, proven: dict[str, bool], answers: set[str]
) -> Iterable[Line]:
    shown = [answer for answer in mechanisms.answers if answer.word.strip() in answers] if mechanisms else []
    largest = max((abs(push) for answer in shown for push in answer.pushes.values()), default=0.0)
    for answer in shown:
        for name, push in answer.pushes.items():
            if name in proven and abs(push) >= LEAST_PUSH * largest > 0:
                yield Line(name, answer.word.strip(), "pushes", push, proven[name], "")


def _texts(examples: pd.DataFrame, facts: Facts, mechanisms: MechanismsRecord | None) -> Iterable[StoryText]:
    trial = facts.circuit.before_after if facts.circuit else None
    after: dict[str, Any] = {str(row["text"]): row["after"] for row in trial.rows} if trial else {}
    for path in mechanisms.texts if mechanisms else ():
        rows = examples[examples["example"].astype(int) == path.example]
        if path.label == "anomalous" and len(rows):
            row = rows.iloc[0]
            then = (after.get(str(row["text"])) or {}).get("next") or [{}]
            said = str(row.get("actual") or row.get("next_word") or "").strip()
            said_after = str(then[0].get("piece") or "").strip()
            expected = str(row.get("expected") or "").strip()
            yield StoryText(path.example, path.pieces, path.differing, said, said_after, expected)
