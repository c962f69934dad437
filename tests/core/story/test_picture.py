"""The picture from words to answers: what is proven in it, how words are merged, and that nothing lies over another."""

import re
from itertools import combinations, pairwise
from typing import Literal
from unicodedata import east_asian_width
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
from core.story import Line, Node, Said, Story, Word, draw, routes, story_of
from core.story.building import merged
from core.story.layout import Box, layout
from core.story.svg import sign, spoken
from tests.support.made_result import evidence_result

SVG = "{http://www.w3.org/2000/svg}"
SPOKEN = ("invoice", "請求書", "a", 9 * "保守契約")
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
    assert edge not in [route.line for route in layout(story, "en").routes]
    assert edge in [route.line for route in layout(story, "en", unproven=True).routes]
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


def test_a_word_of_one_partner_alone_that_no_head_looks_at_is_no_word_of_all_texts():
    one = record()
    late = TextPath(example=2, label="anomalous", pieces=("The", " refund", " is", " late"), differing=(3,))
    assert [word.text for word in told(one.model_copy(update={"texts": (*one.texts, late)})).words] == [
        "refund"
    ]
    twice = late.model_copy(update={"example": 3})
    both = one.model_copy(update={"texts": (*one.texts, late, twice)})
    assert [word.text for word in told(both).words] == ["refund", "late"]
    assert [word.text for word in told(both, example=2).words] == ["late"]
    unread = both.model_copy(update={"units": {}})
    assert {word.text for word in told(unread).words} == {"refund", "late"}


def test_the_share_that_a_line_tells_is_that_of_the_card():
    one = record()
    seen = SeenWord(word="refund", share=0.74, overall=0.37, texts=(1,))
    units = {"L1H0": Mechanism(layer=1, head=0, looks_at=(seen,))}
    story = told(one.model_copy(update={"units": units}))
    assert next(line.weight for line in story.lines if line.kind == "reads") == 0.37
    assert "refund → L1H0 · 74\u00a0%" in draw(story, "en")


def test_columns_of_one_layer_have_one_heading_between_them():
    nodes = tuple(
        Node(f"L0H{head}", "head", 0, "", "confirmed", 0.5 - head / 100, 0.1, 0.9) for head in range(14)
    )
    places = layout(Story((), nodes, (), (Said("Legal", "up"),), ()), "en")
    columns = {box.x for box in places.boxes if box.node}
    (heading,) = [one for one in places.headings if one.label == "layer 0"]
    assert len(columns) > 1 and min(columns) < heading.x < max(columns)


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
        title = rng.choice(("", "yesterday → Legal", "「返金」を読んで法務へ", "induction", 20 * "長い名前"))
        verdict, layer = rng.choice(VERDICTS), rng.randrange(min(30, count))
        nodes.append(Node(f"L{layer}H{at}", unit, layer, title, verdict, rng.uniform(-1, 1)))
    nodes.sort(key=lambda node: node.layer)
    words = tuple(
        Word(f"{rng.choice(('invoice', '請求書', 'a', 9 * '保守契約'))}{at}", True, (1,))
        for at in range(rng.randrange(11))
    )
    answers = (Said("Legal", "up"), Said("経理", "down"))
    lines = [Line(word.text, rng.choice(nodes).name, "reads", rng.random(), True) for word in words]
    lines += [Line(a.name, b.name, "feeds", 0.2, True) for a, b in pairwise(nodes) if a.layer < b.layer]
    lines += [Line(node.name, rng.choice(answers).word, "pushes", 1.0, True) for node in nodes]
    return Story(words, tuple(nodes), tuple(lines), answers)


@settings(max_examples=15, deadline=None)
@given(stories())
def test_nothing_lies_over_another_and_lines_pass_beside_what_they_do_not_touch(story: Story):
    placed = layout(story, "en", unproven=True)
    assert len([box for box in placed.boxes if box.node]) == len(story.nodes)
    for one, other in combinations(placed.boxes, 2):
        places = [(box.left, box.top, box.right, box.bottom) for box in (one, other)]
        assert apart(*places), (one, other)
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
    placed = layout(Story((), many, (), ()), "en")
    columns = {box.x for box in placed.boxes}
    assert len(placed.boxes) == 60 and len(columns) <= 8
    assert all(not box.label for box in placed.boxes)
    assert placed.width < 2 * placed.height, "about as high as it is wide, to be read in one place"
    assert "L0H0" in draw(Story((), many[:1], (), ()), "en")


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("unproven", [True, False])
@settings(max_examples=8, deadline=None)
@given(story=stories())
def test_no_text_lies_over_another_or_over_a_sign(story: Story, unproven: bool, language: str):
    drawn = ElementTree.fromstring(draw(story, language, unproven=unproven))
    width, height = (float(drawn.attrib[side]) for side in ("width", "height"))
    texts = [extent(text) for text in drawn.iter(f"{SVG}text")]
    for left, top, right, bottom in texts:
        assert left >= 0 and right <= width and top >= 0 and bottom <= height
    for one, other in combinations(texts, 2):
        assert apart(one, other), (one, other)
    for group in drawn.iter(f"{SVG}g"):
        inside = {id(text) for text in group.iter(f"{SVG}text")}
        others = [extent(text) for text in drawn.iter(f"{SVG}text") if id(text) not in inside]
        assert all(apart(shape(group), text) for text in others)


def extent(text: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a text whose letters are half as wide as high, those of full width twice that."""
    size, x, y = (float(text.attrib[name]) for name in ("font-size", "x", "y"))
    wide = size * sum(1.1 if east_asian_width(letter) in "WF" else 0.55 for letter in str(text.text))
    left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attrib["text-anchor"]] * wide
    return left, y - 0.8 * size, left + wide, y + 0.2 * size


def shape(group: ElementTree.Element) -> tuple[float, float, float, float]:
    """The same of a circle, a square or a chip."""
    circle, box = group.find(f"{SVG}circle"), group.find(f"{SVG}rect")
    if circle is not None:
        x, y, r = (float(circle.attrib[name]) for name in ("cx", "cy", "r"))
        return x - r, y - r, x + r, y + r
    assert box is not None
    x, y, wide, high = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
    return x, y, x + wide, y + high


def apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("count", [1, 3, 5, 40])
def test_lines_of_one_gap_keep_apart_within_it(count: int):
    levels = routes.apart([100.0 + number % 3 for number in range(count)], (90.0, 130.0))
    assert len(set(levels)) == count
    assert all(90.0 <= level <= 130.0 for level in levels)
    assert all(after > before for before, after in pairwise(levels))
    assert routes.apart([95.0, 120.0], (90.0, 130.0)) == [95.0, 120.0], "where there is room, none is moved"


def test_verdicts_differ_by_more_than_their_colour():
    painted = [sign(verdict, "#ffffff") for verdict in ("confirmed", "partly", "not_confirmed")]
    looks = [re.sub("#(?!ffffff)[0-9A-F]{6}", "colour", one) for one in painted]
    assert len(set(looks)) == 3
    assert sign("not_confirmed", "#ffffff").replace("#9CA3AF", "") == sign("unchecked", "#ffffff").replace(
        "#5B7FA6", ""
    )


def test_of_many_units_the_strongest_are_spoken():
    many = tuple(Node(f"L0H{at}", "head", 0, "", "confirmed", at / 60) for at in range(60))
    assert spoken(Story((), many, (), (Said("Legal", "up"),)), "en") == (
        "From the words – through L0H59, L0H58, L0H57, L0H56, L0H55, L0H54, L0H53, L0H52 and 52 more "
        "to the answers ▲ Legal."
    )


def test_every_column_is_a_step_of_its_own_and_no_step_is_empty():
    nodes = tuple(Node(f"L{at // 9}H{at}", "head", at // 9, "", "confirmed", 0.1) for at in range(27))
    for words in ((), (Word("refund", True, (1,)),)):
        placed = layout(Story(words, nodes, (), (Said("Legal", "up"),)), "en")
        steps = {box.step: box.x for box in placed.boxes}
        assert sorted(steps) == list(range(len({box.x for box in placed.boxes})))
        assert len({box.x for box in placed.boxes}) > 4, "layers of nine take several columns"


def test_long_names_are_shortened_in_the_picture_and_whole_for_who_hears_it():
    name = "とても長い名前のヘッドでどこまでも続きます"
    node = Node("L0H0", "head", 0, name, "confirmed", 0.5)
    word = "Donaudampfschifffahrtsgesellschaft"
    drawn = draw(Story((Word(word, True, (1,)),), (node,), (), ()), "ja")
    texts = [str(text.text) for text in ElementTree.fromstring(drawn).iter(f"{SVG}text")]
    assert name[:11] + "…" in texts and word[:17] + "…" in texts
    assert f"L0H0 {name}" in drawn and f"：{word}" in drawn


def test_a_picture_without_proven_heads_says_so():
    weak = Story((), (Node("L0H0", "head", 0, "", "not_confirmed", 0.01),), (), ())
    assert "No head has been shown to matter." in draw(weak, "en")
    assert 'data-name="L0H0"' not in draw(weak, "en")
    assert 'data-name="L0H0"' in draw(weak, "en", unproven=True)
    assert spoken(weak, "en") == "Words: –. Answers: –. No head has been shown to matter."
    assert "影響が示されたヘッドはありません" in spoken(weak, "ja")
    untested = Story((), (Node("L0H0", "head", 0, "", "unchecked", None),), (), ())
    assert "No head has been tested." in draw(untested, "en") and "tested" in spoken(untested, "en")
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
