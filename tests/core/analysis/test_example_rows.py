"""Whether what the model says next fits the label of an example."""

import pytest

from core.config import make_config
from core.examples.reading import from_rows
from core.inspection.preview import preview
from core.model.tokens.continuations import BEYOND
from tests.support.tiny_runs import texts


def test_the_preview_tells_whether_the_model_behaves_as_the_labels_say(folder, models):
    rows = [e.model_dump() for e in texts().examples]
    config = make_config(model=str(folder), examples=from_rows(rows), device="cpu")
    next_words = [row["next"][0]["piece"] for row in preview(config, models)["examples"]]
    for row, word in zip(rows, next_words, strict=True):
        row["expected"] = word
    rows[1]["expected"] = "w59" if next_words[1] != "w59" else "w58"
    config = make_config(model=str(folder), examples=from_rows(rows), device="cpu")
    behaves = [row["behaves"] for row in preview(config, models)["examples"]]
    assert (behaves[0], behaves[1], behaves[3]) == (None, False, True)


def test_words_that_a_pair_shares_promise_nothing_of_a_single_row(folder, models):
    rows = [e.model_dump() | {"expected": "w50", "actual": "w51"} for e in texts().examples]
    config = make_config(model=str(folder), examples=from_rows(rows), device="cpu")
    assert all(row["behaves"] in (None, True) for row in preview(config, models)["examples"])


def test_rows_hold_what_the_model_says_and_how_likely_each_whole_answer_is(folder, models):
    rows = [e.model_dump() for e in texts().examples]
    config = make_config(model=str(folder), examples=from_rows(rows), device="cpu")
    says = [row["continuation"].split() for row in preview(config, models)["examples"]]
    assert all(len(words) == BEYOND for words in says)
    for row, words in zip(rows, says, strict=True):
        row["expected"], row["actual"] = " ".join(words[:3]), " ".join([*words[:2], "w59"])
    config = make_config(model=str(folder), examples=from_rows(rows), device="cpu")
    for row, words in zip(preview(config, models)["examples"], says, strict=True):
        assert (row["verdict"], row["behaves"]) == ("right", True)
        assert row["continuation"].split()[:4] == words
        assert len(row["continuation"].split()) == 3 + BEYOND
        assert [piece["piece"] for piece in row["expected"]["pieces"]] == words[:3]
        difference = row["difference"]
        assert (difference["shared"], difference["carried_by"], len(difference["by_place"])) == (2, 2, 1)
        ends = [row[side]["pieces"][2]["log_probability"] for side in ("expected", "actual")]
        assert difference["value"] == pytest.approx(ends[0] - ends[1])
        assert difference["value"] > 0, "the model says the expected answer"


def test_how_a_continuation_is_compared_is_a_setting(folder, models):
    rows = [e.model_dump() for e in texts().examples]
    config = make_config(model=str(folder), examples=from_rows(rows), device="cpu")
    for row, shown in zip(rows, preview(config, models)["examples"], strict=True):
        row["expected"] = shown["continuation"].split()[1]
    settings = {"model": str(folder), "examples": from_rows(rows), "device": "cpu"}
    verdicts = {
        match: [row["verdict"] for row in preview(make_config(**settings, match=match), models)["examples"]]
        for match in ("contains", "equals")
    }
    assert set(verdicts["contains"]) == {"right"}
    assert set(verdicts["equals"]) == {"fault"}
