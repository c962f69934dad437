"""The panel of checks: sentences in both languages; move, leave out, keep, undo."""

import pytest
from streamlit.testing.v1 import AppTest

from core.examples.checks import KINDS, Finding
from core.examples.example_set import Example, ExampleSet
from core.jobs.local_backend import LocalBackend
from pages.parts import i18n
from pages.parts.examples import findings
from pages.parts.i18n import entries
from pages.parts.session import state
from tests.pages.conftest import OpenApp, run_until, shown

ANOMALOUS = ["red one (Legal)", "the big two (Legal)", "my other three (Legal)", "a fourth (Shipping)"]
NORMAL = ["blue car (Shipping)", "his old book (Shipping)", "some warm soup (Shipping)"]
STRAY = "Line 4 “a fourth (Shipping)” is labelled anomalous, but the model says “Shipping”, as on the normal ones."


def opened(open_app: OpenApp, language: str = "en", pair: str = "") -> AppTest:
    """The examples page with one anomalous text that the model answers as it answers the normal ones."""
    app = open_app("model", language)
    examples = [
        Example(label=label, text=text, line=line, pair=pair if line == (4 if label == "anomalous" else 3) else "")
        for label, side in (("anomalous", ANOMALOUS), ("normal", NORMAL))
        for line, text in enumerate(side, start=1)
    ]  # fmt: skip
    app.session_state["draft"] = state.Draft(
        source="/models/mine", source_kind="folder", examples=ExampleSet(examples=tuple(examples))
    )
    app.switch_page("pages/examples.py").run()
    return answered(app, language)


def answered(app: AppTest, language: str = "en") -> AppTest:
    return run_until(app, lambda: entries(language)["text_check.title"] in shown(app))


def stray(app: AppTest) -> bool:
    return any("labelled anomalous, but" in point.value for point in app.markdown)


def button(app: AppTest, action: str) -> AppTest:
    """Click the button of the first point."""
    return app.button(key=f"check_{action}_0").click().run()


def labels(app: AppTest) -> list[tuple[str, str]]:
    return [(e.label, e.text) for e in app.session_state["draft"].examples.examples]


def test_text_on_the_wrong_side_is_named_first_and_moved_in_one_click(
    open_app: OpenApp, local: LocalBackend
) -> None:
    app = opened(open_app)
    assert [point.value for point in app.markdown if point.value.endswith(STRAY)]
    assert sum("labelled" in point.value for point in app.markdown) == 1
    answered(button(app, "move"))
    assert labels(app)[-1] == ("normal", "a fourth (Shipping)")
    assert len(labels(app)) == 7
    assert app.text_area(key="paste_normal").value.endswith("a fourth (Shipping)")
    assert not stray(app)
    assert "1 text was moved to the normal ones." in shown(app)
    app.button(key="check_undo").click().run()
    assert stray(answered(app))
    assert labels(app)[3] == ("anomalous", "a fourth (Shipping)")


def test_text_is_left_out_and_its_undone_pair_is_named(open_app: OpenApp, local: LocalBackend) -> None:
    app = opened(open_app, pair="p")
    answered(button(app, "drop"))
    assert [text for _, text in labels(app)] == [*ANOMALOUS[:3], *NORMAL]
    assert not any(example.pair for example in app.session_state["draft"].examples.examples)
    assert "1 text was left out. Its pair is undone." in shown(app)


def test_kept_text_is_not_named_again_until_it_changes(open_app: OpenApp, local: LocalBackend) -> None:
    app = opened(open_app)
    answered(button(app, "keep"))
    assert not stray(app)
    assert len(labels(app)) == 7
    assert "1 point was kept as it is." in shown(app)
    app.text_area(key="paste_anomalous").set_value("\n".join([*ANOMALOUS[:3], "a fifth (Shipping)"])).run()
    run_until(app, lambda: stray(app))
    app.button(key="check_keep_0").click().run()
    app.button(key="check_again").click().run()
    assert stray(answered(app))


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_points_speak_the_readers_language(open_app: OpenApp, language: str) -> None:
    app = opened(open_app, language)
    sentence = entries(language)["text_check.like_other_side"].format(
        row=entries(language)["text_check.row"].format(line=4, text=ANOMALOUS[3]),
        label=entries(language)["label.anomalous"],
        other=entries(language)["label.normal"],
        answer="Shipping",
    )
    assert any(point.value.endswith(sentence) for point in app.markdown)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_sentence(language: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "language", lambda: language)
    monkeypatch.setattr(findings, "t", lambda key, **values: i18n.text(language, key, **values))
    values: dict[str, str | int] = dict.fromkeys(
        ("answer", "frame", "own", "role", "words", "share", "script", "usual"), "latin"
    )
    values |= dict.fromkeys(("count", "total", "length", "median", "anomalous", "normal"), 1)
    values["first"] = 0
    finding = Finding(kind, (0,), {**values, "label": "normal", "other": "anomalous"})  # type: ignore[arg-type]
    examples = ExampleSet(examples=(Example(label="normal", text="x\ny " * 40, line=9),))
    sentence = findings.sentence_of(finding, examples)
    assert ("9" in sentence and "x y x y" in sentence) is ("{row" in entries(language)[f"text_check.{kind}"])


def test_many_points_of_a_kind_are_told_together(open_app: OpenApp, local: LocalBackend) -> None:
    app = open_app("model")
    texts = [("anomalous", f"{word} thing") for word in ("red", "big", "old")]
    texts += [("normal", f"{word}, if you please ") for word in ("car", "lamp", "soup", "book")]
    texts += [("normal", f"{word}, if you please") for word in "abcdefghijkl"]
    examples = ExampleSet(examples=tuple(Example(label=a, text=b) for a, b in texts))  # type: ignore[arg-type]
    app.session_state["draft"] = state.Draft(source="/m", source_kind="folder", examples=examples)
    app.switch_page("pages/examples.py").run()
    answered(app)
    (point,) = [point.value for point in app.markdown if "in a space" in point.value]
    assert "Line 4 (normal) “car, if you please”" in point
    assert point.endswith("The same holds of 3 more: 5 (normal), 6 (normal), 7 (normal).")
    place = next(
        i for i, p in enumerate(p for p in app.markdown if ":material/" in p.value) if p.value == point
    )
    app.button(key=f"check_drop_{place}").click().run()
    assert [text for _, text in labels(app)] == [text for _, text in texts if not text.endswith(" ")]


def test_text_that_is_named_is_marked_in_the_token_view(open_app: OpenApp, local: LocalBackend) -> None:
    app = opened(open_app)
    rows = [html.value for html in app.get("html") if "⚑" in str(html.value)]
    assert len(rows) == 1
    marked = [row for row in rows[0].split("<tr")[1:] if "⚑" in row]
    assert len(marked) == 1
    assert "fourth" in marked[0]
    answered(button(app, "keep"))
    assert not any("⚑" in str(html.value) for html in app.get("html"))
