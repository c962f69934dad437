"""The picture from words to answers: what is proven in it, how words are merged, and that nothing lies over another."""

from itertools import combinations, pairwise
from typing import Literal
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs.facts import Facts, facts
from core.schema import (
    EDGE_COLUMNS,
    Answer,
    BeforeAfter,
    CircuitRecord,
    Look,
    Manifest,
    Mechanism,
    MechanismsRecord,
    SeenWord,
    TextPath,
)
from core.story import Line, Node, Said, Story, Word, draw, story_of
from core.story.building import merged
from core.story.layout import Box, layout
from tests.support.made_result import evidence_result

VERDICTS = ("confirmed", "partly", "not_confirmed")


def record() -> MechanismsRecord:
    """One head that looks at a word of the only anomalous text and pushes its answer."""
    seen = SeenWord(word="refund", share=0.9, overall=0.9, texts=(1,))
    path = TextPath(
        example=1,
        label="anomalous",
        pieces=("The", " re", "fund", " is", " late"),
        differing=(1, 2),
        looks={"L1H0": (Look(token=1, share=0.3), Look(token=2, share=0.5))},
        effects={"L1H0": 0.4},
    )
    answers = (
        Answer(word=" Billing", direction="down", texts=(1,), pushes={"L1H0": -2.0}),
        Answer(word=" Legal", direction="up", texts=(1,), pushes={"L1H0": 0.1}),
    )
    units = {"L1H0": Mechanism(layer=1, head=0, looks_at=(seen,))}
    return MechanismsRecord(units=units, texts=(path,), answers=answers)


def told(mechanisms: MechanismsRecord | None, example: int | None = None, **edge: object) -> Story:
    result = evidence_result(0.5)
    heads = result.heads.assign(verdict=["confirmed", "partly"], effect=[0.5, 0.1])
    edges = result.edges.assign(**edge) if edge else result.edges
    made = facts(result.manifest, heads, edges.reindex(columns=list(EDGE_COLUMNS)))
    return story_of(made, result.examples, mechanisms, "en", example)


def test_a_refuted_edge_is_not_proven_and_off_by_default():
    story = told(record(), verdict="not confirmed")
    edge = next(line for line in story.lines if line.kind == "feeds")
    assert (edge.source, edge.target, edge.proven) == ("L0H1", "L1H0", False)
    assert edge not in [route.line for route in layout(story).routes]
    assert edge in [route.line for route in layout(story, unproven=True).routes]
    drawing = draw(story, "en", unproven=True)
    dotted = [tag for tag in drawing.split("<path")[1:] if 'data-line="feeds"' in tag]
    assert len(dotted) == 1 and "stroke-dasharray" in dotted[0]


def test_a_held_edge_is_proven_with_its_effect():
    edge = next(line for line in told(record(), verdict="partly").lines if line.kind == "feeds")
    assert edge.proven and edge.weight == 0.1


def test_pieces_of_a_word_are_one_word_and_its_shares_add_up():
    assert merged(("The", " re", "fund", " is"), 1) == merged(("The", " re", "fund", " is"), 2) == "refund"
    assert merged(("返", "金", "は"), 1) == "金"
    story = told(record(), example=1)
    assert [(word.text, word.trigger) for word in story.words] == [("refund", True)]
    reads = next(line for line in story.lines if line.kind == "reads")
    assert reads.weight == pytest.approx(0.8)
    assert story.nodes[0].effect == 0.4 and story.nodes[0].low is None


def test_answers_are_pushed_where_it_is_direct():
    story = told(record())
    assert story.answers == (Said("Legal", "up"), Said("Billing", "down"))
    pushes = [(line.target, line.weight) for line in story.lines if line.kind == "pushes"]
    assert pushes == [("Billing", -2.0)]  # the push of .1 is under 15 % of the largest


def test_a_run_without_mechanisms_has_no_words_and_answers_of_its_examples():
    story = told(None)
    assert story.words == () and [said.word for said in story.answers] == ["-1"]
    assert ElementTree.fromstring(draw(story, "ja")).tag.endswith("svg")


@st.composite
def stories(draw_one: st.DrawFn) -> Story:
    """Stories of 1 to 60 units over up to 30 layers, in both scripts."""
    count = draw_one(st.integers(1, 60))
    rng = draw_one(st.randoms(use_true_random=False))
    nodes = []
    for at in range(count):
        unit: Literal["head", "mlp"] = "mlp" if at % 7 == 6 else "head"
        title = rng.choice(("", "yesterday → Legal", "「返金」を読んで法務へ", "induction"))
        verdict, layer = rng.choice(VERDICTS), rng.randrange(min(30, count))
        nodes.append(Node(f"L{layer}H{at}", unit, layer, title, verdict, rng.uniform(-1, 1)))
    nodes.sort(key=lambda node: node.layer)
    words = tuple(
        Word(f"{rng.choice(('invoice', '請求書'))}{at}", True, (1,)) for at in range(rng.randrange(11))
    )
    answers = (Said("Legal", "up"), Said("経理", "down"))
    lines = [Line(word.text, rng.choice(nodes).name, "reads", rng.random(), True) for word in words]
    lines += [Line(a.name, b.name, "feeds", 0.2, True) for a, b in pairwise(nodes) if a.layer < b.layer]
    lines += [Line(node.name, rng.choice(answers).word, "pushes", 1.0, True) for node in nodes]
    return Story(words, tuple(nodes), tuple(lines), answers)


@settings(max_examples=40, deadline=None)
@given(stories())
def test_nothing_lies_over_another_and_lines_pass_beside_what_they_do_not_touch(story: Story):
    placed = layout(story, unproven=True)
    assert len([box for box in placed.boxes if box.node]) == len(story.nodes)
    for one, other in combinations(placed.boxes, 2):
        apart = (
            one.right <= other.left
            or other.right <= one.left
            or one.bottom <= other.top
            or other.bottom <= one.top
        )
        assert apart, (one, other)
    for box in placed.boxes:
        assert box.left >= 0 and box.right <= placed.width and box.bottom <= placed.height
        for route in placed.routes:
            if box.name not in (route.line.source, route.line.target):
                assert not any(crosses(box, *piece) for piece in pairwise(route.points)), (box, route)


def crosses(box: Box, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether a piece of a line, level or bending between these points, can touch the box."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    return left < box.right - 0.01 and right > box.left + 0.01 and top < box.bottom and bottom > box.top


def test_sixty_heads_stay_narrow_enough_and_one_head_is_drawn():
    many = tuple(Node(f"L{at // 2}H{at % 2}", "head", at // 2, "x", "confirmed", 0.1) for at in range(60))
    placed = layout(Story((), many, (), ()))
    assert placed.dense and len(placed.columns) <= 8
    assert all(not box.label for box in placed.boxes)
    assert "L0H0" in draw(Story((), many[:1], (), ()), "en")


def test_a_picture_without_proven_heads_says_so():
    weak = Story((), (Node("L0H0", "head", 0, "", "not_confirmed", 0.01),), (), ())
    assert "No head has been shown to matter." in draw(weak, "en")
    assert 'data-name="L0H0"' not in draw(weak, "en")
    assert 'data-name="L0H0"' in draw(weak, "en", unproven=True)
    untested = Story((), (Node("L0H0", "head", 0, "", "unchecked", None),), (), ())
    assert 'data-name="L0H0"' in draw(untested, "en") and "stroke-dasharray" in draw(untested, "en")


def test_a_text_tells_what_is_said_with_the_heads_off():
    said = {
        "label": "anomalous",
        "text": "a b",
        "after": {"next": [{"piece": " Billing", "probability": 1.0}]},
    }
    trial = BeforeAfter(heads=("L0H0",), mode="mean", counts={}, rows=(said,))
    circuit = CircuitRecord(state="done", before_after=trial)
    heads = pd.DataFrame(
        columns=["name", "layer", "selected", "verdict", "effect", "effect_low", "effect_high", "own_name"]
    )
    edges = pd.DataFrame(columns=["source", "target", "verdict", "selected", "effect"])
    examples = pd.DataFrame([{"example": 1, "label": "anomalous", "text": "a b", "expected": "Billing"}])
    path = TextPath(example=1, label="anomalous", pieces=("a", " b"))
    about = Facts(Manifest.model_construct(), heads, edges, circuit)
    story = story_of(about, examples, MechanismsRecord(texts=(path,)), "en")
    assert [text.after for text in story.texts] == ["Billing"]


def test_words_of_a_user_cannot_be_markup():
    story = Story((Word("<b>&", True, (1,)),), (), (), (Said('"<i>', "up"),))
    assert ElementTree.fromstring(draw(story, "en")) is not None
