"""What the command line prints: the verdict of a run first, then what it rests on; notes and progress on stderr."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from core.examples.reading import sentence as note_sentence
from core.report.sentences import verdict
from core.report.sentences.outcome import outcome
from core.report.sentences.when import when
from core.runs.result_reader import read_mechanisms, saved_examples, saved_facts
from core.runs.run_folder import RunFolder
from core.schema import Note, Progress
from core.sensitivity.sentences import details, limits, lines, sentence
from core.text import number, text

LANGUAGE = "en"


def result(folder: RunFolder) -> None:
    """The verdict, how far to trust it, where the result lies, and what it rests on."""
    facts = saved_facts(folder)
    trust = verdict.trust(facts, LANGUAGE)
    print(f"{verdict.headline(facts, saved_examples(folder), LANGUAGE)}.")
    if told := when(facts, read_mechanisms(folder), LANGUAGE):
        print(told)
    print(" ".join(part for part in (f"{trust.word}: {trust.reason}.", trust.advice) if part))
    counts = facts.manifest.counts
    print(f"{counts.selected_heads} of {counts.heads} heads selected; result in {folder.path}")
    for line in outcome(facts.manifest, facts.partners, LANGUAGE):
        print(line)


def remedy(folder: RunFolder) -> None:
    """What helps and at what price, once the circuit was checked."""
    if told := verdict.helps(saved_facts(folder), LANGUAGE):
        print(told)


def sweep(content: Mapping[str, Any], folder: RunFolder) -> None:
    """What a sweep over settings comes to, and where it lies."""
    quality = content["summary"]["by"]
    print(sentence(content, quality, LANGUAGE))
    print(*lines(content), *details(content, quality, LANGUAGE), limits(quality, LANGUAGE), sep="\n")
    print(f"{content['trained']} trainings in {number(content['seconds'])} s; result in {folder.path}")


def notes(of_examples: Sequence[Note], of_model: Sequence[Mapping[str, Any]] = ()) -> None:
    """How the examples and the model were read, once nothing is left to refuse: a refusal is one line alone."""
    for note in of_examples:
        print("note:", note_sentence(note, LANGUAGE), file=sys.stderr)
    for remark in of_model:
        print("note:", text(LANGUAGE, f"note.{remark['kind']}", **remark["values"]), file=sys.stderr)


def progress(record: Progress) -> None:
    """How far a job is, in one line that is written over, where somebody looks."""
    if not sys.stderr.isatty():
        return
    loss = f"  loss {number(record.metrics['loss'])}" if "loss" in record.metrics else ""
    print(f"\r\033[K{record.stage} {record.step}/{record.total}{loss}", end="", file=sys.stderr, flush=True)
