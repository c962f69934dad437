"""The token table as HTML."""

from typing import Any

import pytest

from core.schema import AlignmentRecord
from pages.parts.examples import token_view
from pages.parts.examples.previewed_texts import PreviewedText, PreviewedTexts


def word(key: str, **values: Any) -> str:
    return key


def preview(
    pieces: list[str], mode: str = "aligned", pairs: tuple[tuple[int, int], ...] = ((1, 0),)
) -> PreviewedTexts:
    normal: PreviewedText = {
        "label": "normal",
        "pieces": pieces,
        "differs": [index == 1 for index in range(len(pieces))],
        "next": [{"piece": " <b>x</b>", "probability": 0.25}],
        "behaves": False,
    }
    anomalous: PreviewedText = {**normal, "label": "anomalous", "behaves": None}
    return PreviewedTexts(
        AlignmentRecord(mode=mode, pairs=pairs, positions=((1,), (1,))), [normal, anomalous]
    )


def test_text_of_a_user_cannot_become_markup() -> None:
    html = token_view.table(preview(["<script>alert(1)</script>", "&amp;"]), word)
    assert "<script" not in html
    assert "<b>x" not in html
    assert "&lt;script&gt;" in html
    assert "&amp;amp;" in html


def test_paired_texts_stand_together_anomalous_first() -> None:
    html = token_view.table(preview(["a", "b"]), word)
    assert html.index('class="anomalous"') < html.index('class="normal"')


def test_differing_and_compared_tokens_are_marked() -> None:
    html = token_view.table(preview(["a", "b"]), word)
    assert html.count('<td class="tok" dir="auto">a</td>') == 2
    assert html.count('<td class="tok differs compared" dir="auto">b</td>') == 2


def test_label_that_the_model_contradicts_has_a_sign_and_a_word() -> None:
    html = token_view.table(preview(["a", "b"]), word)
    assert html.count("⚠") == 1
    assert "examples.not_as_labelled" in html


@pytest.mark.parametrize("pairs", [((1, 0),), ()])
def test_legend_names_partners_only_where_there_are_some(pairs: tuple[tuple[int, int], ...]) -> None:
    html = token_view.legend(preview(["a", "b"], pairs=pairs), word)
    assert ("examples.legend_differs" in html) is bool(pairs)
    assert "examples.legend_compared" in html


def test_rest_of_a_split_character_is_told_from_a_letter() -> None:
    html = token_view.table(preview(["ず", "っ", "…"], mode="pairs"), word)
    assert html.count('class="tok rest" title="examples.rest_of_character">…<') == 2
    assert html.count(" rest") == 2


def test_spaces_and_line_breaks_can_be_seen() -> None:
    html = token_view.table(preview([" ", "\n", " c"], mode="pairs"), word)
    assert "␣" in html
    assert "⏎" in html
