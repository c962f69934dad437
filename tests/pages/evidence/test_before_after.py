"""Before and after, text by text, as HTML."""

from core.schema import CircuitRecord
from pages.parts.evidence import before_after
from pages.parts.i18n import text


def word(key: str, **values: object) -> str:
    return text("en", key, **values)


def test_texts_are_shown_as_they_stand_and_marks_have_words(content: CircuitRecord) -> None:
    rows = [{**content.before_after.rows[0], "text": "<script>x</script>"}]
    page = before_after.table(rows, word)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert 'aria-label="the word that is at fault"' in page and 'aria-label="the expected word"' in page
    assert "☃" not in page
    unread = before_after.table([{**rows[0], "unread": "“☃<”"}], word)
    assert "does not know “☃&lt;”" in unread
    assert before_after.table(rows * 90, word).count("<tr class=") == before_after.MOST_ROWS
