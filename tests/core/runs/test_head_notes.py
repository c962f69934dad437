"""Names, notes and groups of heads, and the files that carry them away."""

import pytest

from core.config import make_config
from core.errors import StorageError
from core.examples.reading import from_pasted
from core.runs.head_notes import (
    LONGEST_GROUP,
    HeadLabel,
    groups,
    read_labels,
    write_group,
    write_label,
)
from core.runs.run_folder import RunFolder

SET = from_pasted("a\nb\nc", "d\ne\nf").examples
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "r", make_config(model="m", examples=SET))


def test_labels_read_back_and_an_empty_one_is_removed(run):
    assert read_labels(run) == {}
    write_label(run, "L0H1", HeadLabel("  trigger \n detector ", " seen on every\ninvoice "))
    write_label(run, "L1H0", HeadLabel("直前の語"))
    assert read_labels(run) == {
        "L0H1": HeadLabel("trigger detector", "seen on every\ninvoice"),
        "L1H0": HeadLabel("直前の語"),
    }
    write_label(run, "L0H1", HeadLabel(" "))
    assert list(read_labels(run)) == ["L1H0"]


def test_heads_are_grouped_together_and_keep_what_else_is_said_of_them(run):
    write_label(run, "L0H1", HeadLabel("trigger", "a note"))
    write_group(run, ["L0H1", "L1H0"], "  early \n ones " + "x" * LONGEST_GROUP)
    early = ("early ones " + "x" * LONGEST_GROUP)[:LONGEST_GROUP]
    assert read_labels(run) == {
        "L0H1": HeadLabel("trigger", "a note", early),
        "L1H0": HeadLabel(group=early),
    }
    write_group(run, ["L2H2"], "a first one")
    assert groups(read_labels(run)) == {"a first one": ["L2H2"], early: ["L0H1", "L1H0"]}
    write_group(run, ["L0H1", "L1H0"], "")
    assert read_labels(run) == {
        "L0H1": HeadLabel("trigger", "a note"),
        "L2H2": HeadLabel(group="a first one"),
    }


def test_labels_written_before_there_were_groups_are_read(run):
    (run.path / "labels.json").write_text('{"format": 1, "heads": {"L0H1": {"name": "a", "note": "b"}}}')
    assert read_labels(run) == {"L0H1": HeadLabel("a", "b")}


@pytest.mark.parametrize("text", ["{half", "[]", '{"heads": 3}', '{"format": 99, "heads": {}}'])
def test_damaged_or_newer_labels_are_refused(run, text):
    (run.path / "labels.json").write_text(text)
    with pytest.raises(StorageError):
        read_labels(run)


def test_a_new_result_in_the_folder_does_not_keep_the_old_names(run):
    write_label(run, "L0H1", HeadLabel("old"))
    assert read_labels(RunFolder.create(run.path, run.config())) == {}
