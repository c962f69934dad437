"""Tables of a finished run, read back from its files."""

import pandas as pd
import pytest

from core.errors import StorageError
from core.report.sentences import circuit, overview
from core.runs.facts import VERDICTS
from core.runs.result_reader import (
    saved_codes,
    saved_edges,
    saved_effects,
    saved_examples,
    saved_facts,
    saved_heads,
    saved_mlps,
)
from core.text import LANGUAGES
from tests.support.old_runs import old_run


def test_an_old_run_opens_with_every_sentence(tmp_path):
    run = old_run(tmp_path)
    facts = saved_facts(run)
    assert (facts.state, len(facts.tested)) == ("tested", 4)
    for language in LANGUAGES:
        assert len(overview.three_sentences(facts, language)) == 3
        assert circuit.whole(facts, language)
    assert len(saved_examples(run)) == 16


def test_a_run_without_units_has_heads_alone(tmp_path):
    run = old_run(tmp_path)
    heads = saved_heads(run)
    assert len(heads) == len(pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig"))
    assert set(heads["unit"]) == {"head"} and heads["head"].dtype == int
    assert saved_mlps(run).empty


def test_former_directions_of_effects_are_read_as_the_new_ones(tmp_path):
    effects = saved_effects(old_run(tmp_path))
    assert set(effects["direction"]) == {"noising", "denoising"}


def test_codes_and_examples_are_read_as_they_were_written(tmp_path):
    run = old_run(tmp_path)
    codes, examples = saved_codes(run), saved_examples(run)
    assert set(codes["position"]) == {"+1"}
    assert set(codes["pair"]) == {str(pair) for pair in range(1, 9)}
    assert [text for text in examples["text"] if text.startswith("'")] == []


def test_edges_and_heads_are_named_with_a_verdict_in_every_row(tmp_path):
    facts = saved_facts(old_run(tmp_path))
    first = facts.edges.iloc[0]
    assert first["name"] == f"{first['source']}>{first['target']}"
    for table in (facts.heads, facts.edges):
        assert set(table["verdict"]) <= set(VERDICTS)
        assert table["selected"].dtype == bool


@pytest.mark.parametrize("read", [saved_heads, saved_edges, saved_codes, saved_examples, saved_effects])
def test_a_missing_or_damaged_table_is_refused_with_its_run(tmp_path, read):
    run = old_run(tmp_path)
    file = run.path / f"{read.__name__.removeprefix('saved_')}.csv"
    for content in (b"", b'"', b"\xff\xfe,", None):
        file.unlink() if content is None else file.write_bytes(content)
        with pytest.raises(StorageError) as caught:
            read(run)
        assert caught.value.key == "damaged_run"
