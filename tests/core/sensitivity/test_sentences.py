"""What a sweep comes to, in sentences."""

import pytest

from core.sensitivity.sentences import details, lines, sentence, verdict_words
from core.sensitivity.summary import needs_care, summary
from tests.support.made_sweep import BY_HAND


@pytest.mark.parametrize("language", ["en", "ja"])
def test_sentences_follow_the_verdicts(language):
    content = {"summary": summary(BY_HAND), "complete": False, "trained": 4, "trainings": 9}
    so_far = sentence(content, "agreement", language)
    assert "0.2" in so_far and "16" in so_far and "2" in so_far
    assert "0.2" in verdict_words(content["summary"]["settings"]["sparsity"]["agreement"], language)
    at_end = sentence({**content, "complete": True}, "agreement", language)
    assert at_end in so_far and "4" in so_far.replace(at_end, "") and "9" in so_far.replace(at_end, "")
    assert len(details(content, "agreement", language)) == 1  # another seed alone; there is no map
    fine = {"summary": summary(BY_HAND.assign(agreement=1.0)), "complete": True}
    assert not any(needs_care(by["agreement"]) for by in fine["summary"]["settings"].values())
    assert sentence(fine, "agreement", language) != so_far
    assert sentence({"summary": summary(BY_HAND.iloc[:0])}, "agreement", language)


def test_table_for_the_command_line_names_the_values():
    text = lines({"summary": summary(BY_HAND)})
    assert [line.split("  ")[0] for line in text] == ["setting", "sparsity", "members"]
    assert "0.2 to 20" in text[1] and "mind this: from 0.2 down" in text[1]
    assert "0.930 to 0.940" in text[1] and "0.7 to 0.8" in text[1]
