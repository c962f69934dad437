"""What several people add to one run at once, each in a process of its own: nothing is lost."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

from core.config import make_config
from core.examples.reading import from_pasted
from core.runs.checklist import BY_HAND, read_ticks, tick
from core.runs.head_notes import HeadLabel, read_labels, write_group, write_label
from core.runs.review import add_comment, read_review, sign
from core.runs.run_folder import RunFolder

PEOPLE = 10


def add_everything(path: Path, person: int) -> None:
    run = RunFolder(path)
    add_comment(run, f"p{person}", f"comment {person}")
    sign(run, f"p{person}", "accepted", date(2026, 2, 3))
    write_label(run, f"L0H{person}", HeadLabel(f"name {person}"))
    write_group(run, [f"L1H{person}"], "copies")
    tick(run, BY_HAND[person % len(BY_HAND)])


def test_ten_processes_that_add_to_a_run_lose_nothing(tmp_path):
    examples = from_pasted("a\nb\nc", "d\ne\nf").examples
    run = RunFolder.create(tmp_path / "r", make_config(model="m", examples=examples))
    start = multiprocessing.get_context("spawn" if sys.platform == "win32" else "fork")
    with ProcessPoolExecutor(PEOPLE, mp_context=start) as pool:
        for done in [pool.submit(add_everything, run.path, person) for person in range(PEOPLE)]:
            done.result()
    review, labels = read_review(run), read_labels(run)
    everyone = {f"p{person}" for person in range(PEOPLE)}
    assert {comment.author for comment in review.comments} == everyone
    assert {signed.name for signed in review.sign_offs} == everyone
    assert len(labels) == 2 * PEOPLE
    assert read_ticks(run) == set(BY_HAND)
