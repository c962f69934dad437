"""Whether what the model says next fits the label of an example."""

from core.config import make_config
from core.examples.reading import from_rows
from core.inspection.preview import preview
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
