"""Before and after, text by text, as HTML."""

import pytest

from core.schema import CircuitRecord
from pages.parts.evidence import before_after
from pages.parts.i18n import text


def word(key: str, **values: object) -> str:
    return text("en", key, **values)


def test_texts_are_shown_as_they_stand_and_marks_have_words(content: CircuitRecord) -> None:
    rows = [{**content.before_after.rows[0], "text": "<script>x</script>"}]
    page = before_after.table(rows, word)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert 'aria-label="the answer that is at fault"' in page and 'aria-label="the expected answer"' in page
    assert "☃" not in page
    unread = before_after.table([{**rows[0], "unread": "“☃<”"}], word)
    assert "does not know “☃&lt;”" in unread
    assert before_after.table(rows * 90, word).count("<tr class=") == 90, "no text is left out"


def statement(continuation: str, verdict: str = "", first: str = "", **more: object) -> dict[str, object]:
    likely = [{"token": 1, "piece": first or continuation.split()[0], "probability": 0.5}]
    return {"next": likely, "continuation": continuation, "verdict": verdict, **more}


def row(before: dict[str, object], after: dict[str, object], **more: object) -> dict[str, object]:
    answers = {"expected": "the billing desk", "actual": "Legal"}
    return {
        "label": "normal", "text": "t", **answers, "before": before, "after": after, "changed": True, **more
    }  # fmt: skip


def test_the_answer_is_set_apart_from_what_the_model_goes_on_to_say() -> None:
    one = row(statement(" Legal\nTicket", "fault"), statement(" It is the billing desk.", "right", " It"))
    assert before_after.spoken(one, one["before"]) == ("", "Legal", "\nTicket")
    assert before_after.spoken(one, one["after"]) == ("It is ", "the billing desk", ".")
    other = statement(" Shipment is late", "other", " Ship")
    assert before_after.spoken(one, other) == ("", "Shipment", " is late")
    silent = statement("", "other", "<|end|>", end="ended", end_token="<|end|>")
    assert before_after.spoken(one, silent) == ("", "", "")
    page = before_after.table([row(silent, one["after"])], word)
    assert "says nothing" in page and "by &lt;|end|&gt;" in page
    cut = before_after.table([row(statement(" Legal de", "fault", end="cut"), silent)], word)
    assert "<strong>Legal</strong>" in cut and "de …<" in cut, "the model would go on"
    assert page.count("50") == 0, "the share of a first token stands beside an answer of one token alone"


def test_how_far_the_expected_answer_is_ahead_stands_where_two_answers_are_named() -> None:
    before, after = (statement(" Legal", "fault", difference=value) for value in (-3.14, 2.0))
    page = before_after.table([row(before, after), row(statement(" a"), statement(" a"))], word)
    assert "−3.1 → +2" in page and page.count('<td class="ahead">') == 2
    assert "ahead" not in before_after.table([row(statement(" a"), statement(" a"))], word)


def test_texts_of_many_lines_keep_them_and_what_all_begin_with_is_folded() -> None:
    frame = "You sort the tickets of a shop.\nName one department.\n\nTicket: {}\nDepartment:"
    rows = [row(statement(" a"), statement(" a"), text=frame.format(own)) for own in ("late <b>", "early")]
    page = before_after.table(rows, word)
    assert "<summary>… late &lt;b&gt;\nDepartment:</summary>" in page
    assert "<mark>early\nDepartment:</mark>" in page
    assert "Name one department.\n\nTicket: " in page
    typed = row(statement(" a"), statement(" a"), text="A text of my own") | {"label": "typed"}
    page = before_after.table([rows[0], typed, rows[1]], word)
    order = [page.index(part) for part in ("late &lt;b&gt;\nDep", ">A text of my own<", "early\nDep")]
    assert order == sorted(order) and page.count("<summary>") == 2


@pytest.mark.parametrize(
    ("before", "after", "changed", "became"),
    [
        ("fault", "right", True, "mended"),
        ("other", "right", True, "mended"),
        ("right", "fault", True, "harmed"),
        ("right", "other", True, "harmed"),
        ("other", "fault", True, "harmed"),
        ("fault", "other", False, "changed"),
        ("", "", True, "changed"),
        ("fault", "fault", False, "same"),
        ("right", "right", True, "changed"),
        ("", "", False, "same"),
    ],
)
def test_what_became_of_a_text(before: str, after: str, changed: bool, became: str) -> None:
    one = row(statement(" a", before), statement(" b", after), changed=changed)
    assert before_after.outcome(one) == became
    page = before_after.table([one], word)
    assert f'<td class="outcome {became}">' in page and word(f"whatif.outcome_{became}") in page
    assert ('class="good" aria-hidden' in page) is (became == "mended"), "harm is never green"


def test_rows_that_changed_come_first_and_the_rest_is_folded() -> None:
    same, mended, harmed = (
        row(statement(" a", before), statement(" b", after), changed=before != after, text=text)
        for text, before, after in (("s", "right", "right"), ("m", "fault", "right"), ("h", "right", "fault"))
    )
    typed = same | {"label": "typed", "text": "t"}
    rows = before_after.ordered([same, mended, typed, harmed])
    assert [one["text"] for one in rows] == ["t", "h", "m", "s"]
    page = before_after.table(rows, word)
    head, folded = page.split("<details>")
    assert head.count("<tr class=") == 3 and folded.count("<tr class=") == 1
    assert "Texts that stay as they are: 1" in folded
    assert "No text changes" in before_after.table([same], word)
