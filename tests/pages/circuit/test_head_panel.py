"""The panel of a head: what it looks at and writes, its neighbours, in both languages."""

import json
from typing import Any

import pandas as pd
import pytest

from core.examples.example_set import LABELS
from core.heads import HeadId
from core.jobs.backend import Answer
from core.jobs.local_backend import LocalBackend
from core.runs.result_reader import MECHANISMS_FILE
from core.runs.run_folder import RunFolder, runs_folder
from core.schema import AlignmentRecord, Mechanism, MechanismsRecord, SeenWord, SideCounts, WrittenWord
from core.text import percent
from pages.parts import i18n
from pages.parts.circuit import code_strip as codes
from pages.parts.circuit import head_panel, head_words
from pages.parts.data import results
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, run_until, shown
from tests.support.made_runs import make_run


def word(key: str, **values: Any) -> str:
    return " ".join([key, *map(str, values.values())])


def view(**changes: Any) -> dict[str, Any]:
    """An answer of the worker: the head looks from the last of three words mostly at the first."""
    side = {
        "up": [{"piece": " <b>Legal", "change": 1.25}],
        "down": [{"piece": "Billing", "change": -0.5}],
        "between": {"expected": " Billing", "actual": " Legal", "change": 1.75},
    }
    answer = {
        "query": 2,
        "first": 0,
        "length": 3,
        "pieces": ["<b>A", " tax", "\n"],
        "weights": [0.75, 0.0, 0.25],
        "writes": side,
        "partner": {"query": 1, "piece": " parcel", **side, "between": side["between"] | {"change": -0.5}},
        "more": [{"piece": " law", "change": 2.0}],
    }
    return answer | changes


def test_tokens_are_shaded_by_their_share_of_the_strongest_and_told_in_a_table() -> None:
    shades = head_words.shades(view(), "panel_token_r_1_2_0")
    assert (
        f"button:nth-of-type(1){{background:color-mix(in srgb,{head_words.SHADE} {head_words.DARKEST}%"
        in shades
    )
    assert "nth-of-type(2){background" not in shades
    assert shades.endswith("margin-left:.28em}</style>")  # " tax" stands apart from the token before it
    assert (
        f"button:nth-of-type(3){{background:color-mix(in srgb,{head_words.SHADE} {head_words.DARKEST // 3}%"
        in shades
    )
    html = head_words.looks(view(), word)
    assert "<b>A" not in html.replace("<b>&lt;b&gt;A", "")
    assert html.index(percent(0.75)) < html.index(percent(0.25))
    assert html.count("<tr>") == 3  # the head, and the two words that get attention


def test_word_with_hardly_any_attention_is_not_named() -> None:
    named = head_words.looks(view(weights=[0.995, 0.005, 0.0]), word).split("</p>")[0]
    assert "tax" not in named


@pytest.mark.parametrize(
    ("label", "first", "second"), [("anomalous", "⏎", "parcel"), ("normal", "parcel", "⏎")]
)
def test_anomalous_side_comes_first_and_words_are_escaped(label: str, first: str, second: str) -> None:
    html = head_words.writes(view(), label, word)
    assert "<b>Legal" not in html
    assert html.index(f"panel.at {first}") < html.index(f"panel.at {second}")
    assert html.index("side anomalous") < html.index("side normal")
    assert "+1.2" in html
    assert "−0.5" in html
    assert "panel.between Legal Billing" in html
    assert "law <b>+2</b>" in html


def test_text_without_partner_has_one_side_and_nothing_to_compare() -> None:
    html = head_words.writes(
        view(partner=None, more=[], writes=view()["writes"] | {"between": None}), "normal", word
    )
    assert "side anomalous" not in html
    assert "panel.more" not in html
    assert "panel.between" not in html


def test_same_words_on_both_texts_are_said_to_be_the_same() -> None:
    assert "panel.nothing_more" in head_words.writes(view(more=[]), "anomalous", word)
    assert "panel.nothing_more" not in head_words.writes(view(), "anomalous", word)


@pytest.mark.parametrize(("value", "words"), [(1.25, "+1.2"), (-0.031, "−0.031"), (0.0, "0")])
def test_change_has_its_sign(value: float, words: str) -> None:
    assert head_words.signed(value) == words


def test_default_word_is_where_the_head_was_read() -> None:
    alignment = AlignmentRecord(slots=("+0", "-1", "mean"), positions=((4, 9, -1), ()))
    assert head_panel.default_query(alignment, "+0", 0) == 4
    assert head_panel.default_query(alignment, "-1", 0) == 9
    assert head_panel.default_query(alignment, "mean", 0) is None
    assert head_panel.default_query(alignment, "+0", 1) is None
    assert head_panel.default_query(alignment, "+7", 0) is None
    assert head_panel.default_query(AlignmentRecord(), "+0", 0) is None
    lacking = AlignmentRecord(slots=("1:the", "last"), positions=((None, 4),))
    assert head_panel.default_query(lacking, "1:the", 0) is None
    assert head_panel.default_query(lacking, "last", 0) == 4


def test_partner_is_found_from_both_sides() -> None:
    alignment = AlignmentRecord(pairs=((0, 3), (1, 2)))
    assert [head_panel.partner_of(alignment, index) for index in range(5)] == [3, 2, 1, 0, None]
    assert head_panel.partner_of(AlignmentRecord(), 0) is None
    made = AlignmentRecord.model_validate({"pairs": [[0, 5]], "sources": ["made"], "further": [[0, 6]]})
    assert [head_panel.partner_of(made, index) for index in (0, 5, 6, 1)] == [5, 0, 0, None]


def test_made_partners_are_named_as_such():
    examples = pd.DataFrame({"label": ["anomalous", "normal"], "example": [1, 2], "text": ["late", "early"]})
    names = head_panel.names_of(examples, given=1)
    assert names[0].endswith("1 · late") and names[1].endswith("2 · made partner · early")


def test_clearest_row_is_the_code_that_most_anomalous_examples_share_alone() -> None:
    rows = [(0, "7", "7", "7", "7"), (1, "4", "4", "silent", "4"), (2, "5", "5", "silent", "silent")]
    table = pd.DataFrame(
        [
            {"member": member, "example": place, "label": label, "code": code}
            for member, *row in rows
            for place, (label, code) in enumerate(zip(["anomalous"] * 2 + ["normal"] * 2, row, strict=True))
        ]
    )
    assert codes.most_shared(table) == codes.Shared(2, 0, 2, 2)
    assert codes.most_shared(table[table["member"] < 2]) == codes.Shared(2, 1, 2, 2)
    silent = table.assign(code="silent")
    assert codes.most_shared(silent) == codes.Shared(0, 0, 2, 2)
    lacking = table.assign(code=table["code"].where(table["example"] > 0, "absent"))
    assert codes.most_shared(lacking) == codes.Shared(1, 0, 1, 2)


def test_cells_are_own_codes_shared_ones_or_silent_each_with_its_sign() -> None:
    cells = [
        (0, 1, "anomalous", "3"), (0, 2, "anomalous", "4"), (0, 3, "normal", "4"), (0, 4, "normal", "silent"),
        (1, 1, "anomalous", "7"), (1, 2, "anomalous", "7"), (1, 3, "normal", "2"), (1, 4, "normal", "absent"),
    ]  # fmt: skip
    table = pd.DataFrame(cells, columns=["member", "example", "label", "code"])
    assert list(codes.kinds(table)) == ["own", "shared", "shared", "silent", "own", "own", "own", "absent"]
    assert codes.clearest(table) == 1
    texts = pd.DataFrame({"example": ["1", "2", "3", "4"], "text": ["a <b>", "b", "c", "d"]})
    html = codes.rows(table, texts, word)
    clearest, rest = html.split("<details>")
    assert clearest.count('class="code-cell own"') == 3 + 1  # and one in the legend
    assert rest.count('class="code-row"') == 2
    assert "panel.all_rows 2" in rest
    assert "panel.row 2 1" in clearest
    assert 'title="a &lt;b&gt;"' in html
    assert "<details>" not in codes.rows(table[table["member"] == 0], texts, word)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_panel_tells_what_the_head_looks_at_and_writes(open_app: OpenApp, language: str) -> None:
    app = open_app("circuit", language, make_run(runs_folder()).run_id)
    run_until(app, lambda: 'class="writes"' in shown(app))
    words = shown(app)
    for key in ("looks_line", "writes_line"):
        assert entries(language)[f"panel.{key}"] in words
    halves = {entries(language)[f"panel.{key}"] for key in ("looks", "writes")}
    assert halves <= {tab.label for tab in app.tabs}
    assert "&lt;i&gt;anomalous" in words
    assert "<i>anomalous" not in words
    assert any(str(group.key).startswith("panel_token_") for group in app.button_group)


def test_two_words_in_a_row_can_be_chosen(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", run=run.run_id)
    run_until(app, lambda: 'class="writes"' in shown(app))
    name = app.session_state["head"]
    key = f"panel_token_{run.run_id}_{name[1:].replace('H', '_')}_0"
    assert app.button_group(key=key).value == 6
    for place in (1, 3):
        app.button_group(key=key).set_value(place).run()
        token = run.config().examples.examples[0].text.split(" ")[place]
        words = entries("en")["panel.at"].format(token=token)
        run_until(app, lambda words=words: words in shown(app))
    app.radio(key=f"panel_example_{run.run_id}").set_value(1).run()
    run_until(app, lambda: "“late”" in shown(app))
    assert app.radio(key=f"panel_example_{run.run_id}").value == 1


def test_card_of_a_head_stands_in_the_panel_with_the_text_folded(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    name = results.load(run).selected["name"].iloc[0]
    layer, head = HeadId.parse(name)
    counts = {label: SideCounts(texts=4, judged=4, fault_before=4, fault_after=1) for label in LABELS}
    unit = Mechanism(
        layer=layer,
        head=head,
        looks_at=(SeenWord(word="<late>", share=0.9, overall=0.9, texts=(1,)),),
        likelier=(WrittenWord(word="Legal", change=2.54),),
        without=counts,
    )
    run.write_model(MECHANISMS_FILE, MechanismsRecord(units={name: unit}))
    app = open_app("circuit", run=run.run_id)
    words = shown(app)
    assert 'class="mech"' in words
    assert "&lt;late&gt;" in words
    assert "at fault 4 → 1" in words
    assert "Legal +2.5" in words
    assert 'class="writes"' not in words  # the fold is closed, so the worker is not asked
    other = results.load(run).heads["name"].iloc[-1]
    app.selectbox(key="head").set_value(other).run()
    assert entries("en")["panel.no_card"] in shown(app)


def test_an_mlp_block_opens_in_the_panel_with_its_card_alone(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    heads = pd.read_csv(run.path / "heads.csv", encoding="utf-8-sig")
    block = {
        "layer": 1,
        "unit": "mlp",
        "effect": 0.312,
        "effect_low": 0.2,
        "effect_high": 0.4,
        "verdict": "confirmed",
    }
    rows = pd.concat([heads.assign(unit="head"), pd.DataFrame([block])])
    rows.to_csv(run.path / "heads.csv", index=False, encoding="utf-8-sig")
    unit = Mechanism(unit="mlp", layer=1, through="later", likelier=(WrittenWord(word="Legal", change=2.54),))
    run.write_model(MECHANISMS_FILE, MechanismsRecord(units={"MLP1": unit}))
    app = open_app("circuit", run=run.run_id)
    assert "MLP1" in app.selectbox(key="head").options
    app.selectbox(key="head").set_value("MLP1").run()
    assert not app.exception
    assert "Legal +2.5" in shown(app)
    assert "31\N{NO-BREAK SPACE}%" in shown(app)
    assert not any(fold.label == entries("en")["panel.in_text"] for fold in app.expander)


def test_neighbour_opens_on_a_click(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    edge = results.load(run).candidate_edges.iloc[0]
    app = open_app("circuit", run=run.run_id)
    app.selectbox(key="head").set_value(edge["source"]).run()
    app.button(key=f"feeds_{edge['target']}").click().run()
    assert app.session_state["head"] == edge["target"]
    assert app.selectbox(key="head").value == edge["target"]
    app.button(key=f"fed_by_{edge['source']}").click().run()
    assert app.selectbox(key="head").value == edge["source"]


def test_model_that_is_gone_is_explained_and_the_page_stays_whole(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    settings = run.read_json("config.json")
    run.write_bytes("config.json", json.dumps(settings | {"model": "/models/gone"}).encode())
    app = open_app("circuit", run=run.run_id)
    run_until(app, lambda: bool(app.error))
    assert "There is no folder /models/gone" in app.error[0].value.replace("\\", "")
    assert any(button.key == "next_circuit" for button in app.button)
    app.button(key="panel_again").click().run()
    run_until(app, lambda: bool(app.error))


def test_page_does_not_wait_for_a_worker_that_is_busy(
    open_app: OpenApp, local: LocalBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def busy(kind: str, payload: Any, again: bool = False) -> Answer:
        asked.append((kind, payload))
        return Answer()

    run = make_run(runs_folder())
    monkeypatch.setattr(local, "ask", busy)
    app = open_app("circuit", run=run.run_id)
    assert entries("en")["panel.reading"] in shown(app)
    assert app.session_state["polling"]
    assert any(button.key == "next_circuit" for button in app.button)
    payload = next(payload for kind, payload in asked if kind == "head")
    assert RunFolder(payload["run"]).run_id == run.run_id
    assert (payload["example"], payload["partner"], payload["query"]) == (0, 1, None)


def test_model_without_direct_effect_says_why(open_app: OpenApp, local: LocalBackend, monkeypatch) -> None:
    reason = {"key": "no_direct_effect", "values": {"architecture": "opt"}}
    answer = view(writes=None, partner=None, more=[], no_writes=reason)
    monkeypatch.setattr(local, "ask", lambda *question, **options: Answer(False, answer))
    app = open_app("circuit", run=make_run(runs_folder()).run_id)
    assert "In opt models what a head writes is not simply added" in shown(app)
    assert 'class="writes"' not in shown(app)
