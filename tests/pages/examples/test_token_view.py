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


def test_matched_tokens_stand_in_columns_with_what_matches_nothing_before_them() -> None:
    of_text: PreviewedText = {
        "label": "normal",
        "pieces": ["so", " Bob", " met", " Ann"],
        "differs": [False] * 4,
        "next": [{"piece": "x", "probability": 0.25}],
        "behaves": None,
    }
    other: PreviewedText = {**of_text, "pieces": ["Tom", " Sue"], "differs": [False] * 2}
    alignment = AlignmentRecord(
        mode="matched", slots=("1:Bob…", "2:met", "last"), positions=((1, 2, 3), (0, None, 1), ())
    )
    html = token_view.table(PreviewedTexts(alignment, [of_text, other, of_text]), word)
    rows = [row.split('<td class="')[3:] for row in html.split("<tr")[2:]]
    assert [len(row) for row in rows] == [3, 3, 1]
    assert ">so</span>" in rows[0][0] and '<span class="tok compared">Bob</span>' in rows[0][0]
    assert rows[1][1].startswith('matched absent" title="examples.absent">–<')
    assert "Sue" in rows[1][2] and "Tom" in rows[1][0]
    assert rows[2][0].startswith('running" dir="auto" colspan="3"')
    assert '<th colspan="3">' in html


def test_many_matched_tokens_stand_as_running_text() -> None:
    shown = preview(["a", "b"], mode="matched", pairs=())
    places = tuple(map(str, range(token_view.MOST_COLUMNS + 1)))
    alignment = shown.alignment.model_copy(update={"slots": places})
    assert '<td class="running"' in token_view.table(PreviewedTexts(alignment, shown.examples), word)


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


@pytest.mark.parametrize(
    ("piece", "shown"),
    [
        (" word", "word"),
        ("word", "word"),
        ("end\n", "end⏎"),
        ("end ", "end␣"),
        (" ", "␣"),
        ("", "␣"),
        (" \n", "␣⏎"),
        ("a\tb", "a⇥b"),
    ],
)
def test_white_space_that_the_eye_would_miss_has_a_sign(piece: str, shown: str) -> None:
    assert token_view.visible(piece) == shown


def conversation(text: str, answer: str = "Billing desk") -> PreviewedText:
    around = [
        "<|im_start|>",
        *["system", "You", "sort", "the", "tickets", "by", "department"],
        "<|im_end|>",
        "user",
    ]
    pieces = [*around, *text.split(), "<|im_end|>"]
    kinds = ["special", *["template"] * 7, "special", "template", *["text"] * len(text.split()), "special"]
    return {
        "label": "normal", "pieces": pieces, "kinds": kinds, "differs": [False] * len(pieces),
        "next": [{"piece": "B", "probability": 0.5}], "behaves": None, "continuation": answer,
    }  # fmt: skip


def test_what_stands_before_every_text_is_folded_and_special_tokens_are_set_apart() -> None:
    rows = [conversation("late invoice"), conversation("late parcel")]
    preview = PreviewedTexts(AlignmentRecord(mode="aligned", positions=((1,), (1,))), rows)
    assert token_view.folded_beginning(rows) == 10
    html = token_view.table(preview, word)
    assert html.count("examples.folded") == 2
    assert "system You" not in html.replace('title="&lt;|im_start|&gt;systemYou', "")
    assert html.count('<td class="tok special" dir="auto">&lt;|im_end|&gt;</td>') == 2
    assert html.count(">invoice</td>") == html.count(">parcel</td>") == 1
    assert "examples.legend_special" in token_view.legend(preview, word)


def test_own_words_that_all_texts_begin_with_are_never_folded() -> None:
    row = preview(["same"] * 20)
    assert token_view.folded_beginning(row.examples) == 0


def test_conversations_tell_what_the_model_says_instead_of_one_word() -> None:
    rows = [conversation("late invoice", "Billing\n<b>desk</b> " + "x" * 60)]
    html = token_view.table(PreviewedTexts(AlignmentRecord(positions=((1,),)), rows), word)
    assert "examples.says<" in html
    assert "Billing &lt;b&gt;desk" in html
    assert "<b>desk" not in html
    assert "…</span>" in html


def test_an_answer_that_would_go_on_ends_in_an_ellipsis_and_a_blank_that_comes_next_can_be_seen() -> None:
    shown = [
        token_view.table(PreviewedTexts(AlignmentRecord(positions=((1,),)), [row | {"end": end}]), word)
        for row, end in (
            (conversation("late", "Billing de"), "cut"),
            (conversation("late", "Billing"), "ended"),
        )
    ]
    assert "Billing de …<" in shown[0] and "Billing<" in shown[1]
    blank = preview(["a"]).examples[0] | {"next": [{"piece": " ", "probability": 0.71}]}
    html = token_view.table(PreviewedTexts(AlignmentRecord(positions=((0,),)), [blank]), word)
    assert "␣ <i>71\u00a0%</i>" in html


def test_tokens_that_a_mean_leaves_out_are_not_marked_as_compared() -> None:
    row = conversation("late") | {"kinds": []}
    marked = [
        token_view.table(PreviewedTexts(AlignmentRecord(positions=((position,),)), [row]), word).count(
            "compared"
        )
        for position in (-1, -1 - 10, 3)
    ]
    assert marked == [12, 2, 1]
