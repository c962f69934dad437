"""The picture from words to answers: what is drawn of made numbers, read back from the SVG."""

from xml.etree import ElementTree

from pages.parts.charts.colours import DARK, LIGHT
from pages.parts.result.drawing import Answer, Head, Way, svg
from pages.parts.result.picture import way_of
from tests.core.report.sentences.test_when import made
from tests.support.made_facts import with_effects

SVG = "{http://www.w3.org/2000/svg}"
WAY = Way(
    words=("invoice", "<b>"),
    heads=(Head("L0H1", 0, 0.04, "partly", "reads invoice"), Head("L1H2", 1, 0.64, "confirmed", "→ Legal")),
    answers=(Answer("Legal", "up"), Answer("Billing", "down")),
    reads={("invoice", "L0H1"): 0.9, ("<b>", "L0H1"): 0.1},
    feeds={("L0H1", "L1H2"): 0.2},
    pushes={
        ("L1H2", "Legal"): 4.0,
        ("L1H2", "Billing"): -2.0,
        ("L0H1", "Legal"): 0.2,
        ("L0H1", "Billing"): 3.0,
    },
)


def test_lines_are_those_that_were_measured() -> None:
    """One word looked at, one edge, two pushes towards the fault; a weak look, a weak push and a good one are none."""
    drawn = ElementTree.fromstring(svg(WAY, LIGHT))
    widths = [float(path.attrib["stroke-width"]) for path in drawn.iter(f"{SVG}path")]
    assert widths == [6.4, 4.0, 5.0, 3.0]


def test_words_numbers_and_signs_stand_in_it() -> None:
    for palette in (LIGHT, DARK):
        drawn = ElementTree.fromstring(svg(WAY, palette))
        texts = [str(text.text).replace("\u00a0", " ") for text in drawn.iter(f"{SVG}text")]
        assert [text for text in texts if text] == [
            *("invoice", "<b>"),
            *("4 %", "reads invoice", "L0H1", "64 %", "→ Legal", "L1H2"),
            *("▲ Legal", "▼ Billing"),
        ]
        rims = [circle for circle in drawn.iter(f"{SVG}circle") if "stroke" in circle.attrib]
        assert ["stroke-dasharray" in rim.attrib for rim in rims] == [True, False], (
            "partly confirmed is dashed"
        )
        assert float(rims[0].attrib["r"]) < float(rims[1].attrib["r"])


def test_nothing_is_drawn_outside_of_the_picture() -> None:
    many = Way(
        words=[f"word {n}" for n in range(6)],
        heads=[Head(f"L{n % 3}H{n}", n % 3, 0.5, "confirmed") for n in range(8)],
        answers=(Answer("a very long answer of many words", "up"),),
        reads={},
        feeds={},
        pushes={},
    )
    drawn = ElementTree.fromstring(svg(many, LIGHT))
    height = float(drawn.attrib["height"])
    for circle in drawn.iter(f"{SVG}circle"):
        assert 40 < float(circle.attrib["cy"]) < height - 20
    centres = {(circle.attrib["cx"], circle.attrib["cy"]) for circle in drawn.iter(f"{SVG}circle")}
    assert len(centres) == 8


def test_refuted_edges_and_unproven_heads_are_left_out() -> None:
    facts = with_effects()
    way = way_of(facts, made(), ("invoice", "yesterday"))
    assert [head.name for head in way.heads] == ["L2H1", "L0H1", "L1H0"]
    assert way.heads[0].title == "trigger", "the user's own name"
    assert way.feeds == {}, "no edge was tested"
    assert way.reads == {("yesterday", "L2H1"): 0.9}
    assert way.pushes == {("L2H1", "Legal"): 4.0, ("L0H1", "Legal"): 0.1}
