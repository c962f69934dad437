"""Tables of a finished run, read back from its files."""

from core.report.sentences import circuit, overview
from core.runs.result_reader import saved_effects, saved_examples, saved_facts
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


def test_former_directions_of_effects_are_read_as_the_new_ones(tmp_path):
    effects = saved_effects(old_run(tmp_path))
    assert set(effects["direction"]) == {"noising", "denoising"}
