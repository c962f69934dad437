"""One number, one way of writing it: everywhere that a run tells the effect of a head, and in the source."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.report import tables
from core.report.html import report
from core.report.sentences import effects as effect_sentences
from core.runs.result_reader import read_mechanisms, saved_examples, saved_facts
from core.runs.run_folder import RunFolder
from core.scenarios.loader import load_scenario
from core.story import draw, story_of
from core.story.card import proven_cards
from core.text import LANGUAGES, percent
from pages.parts.charts.colours import LIGHT
from pages.parts.charts.shared import tooltips
from pages.parts.evidence import effects as effects_chart

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "core/text/__init__.py": "the place itself",
    "core/runs/cost_sheet.py": "money, and amounts as they were entered",
    "core/scenarios/build/": "logs and documents of whoever builds the samples",
    "core/benchmark/": "logs, Markdown and tables of whoever measures",
    "core/model/memory/": "sizes in a whole unit",
    "core/model/hub/": "sizes in a whole unit",
    "core/model/loading/apple.py": "a bound in an error",
    "core/model/architectures/checking.py": "a bound in an error",
    "core/inspection/head_view.py": "digits kept in a file",
    "core/sensitivity/plan.py": "values that a plan sets",
    "core/story/svg.py": "places in a drawing",
    "pages/parts/charts/drawings.py": "places in a drawing",
    "pages/parts/session/url_state.py": "a value in an address",
    "pages/parts/analysis/settings.py": "a field for input",
    "pages/parts/report/cost_sheet.py": "a field for input",
}
"""Files and folders with formats of their own, and why."""
FORMAT = re.compile(r"[+,]?(\.\d+)?~?[feEgG%]")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_effect_has_the_same_characters_everywhere(language: str) -> None:
    run = RunFolder(load_scenario("misrouted-tickets").finished[language])
    facts, examples, mechanisms = saved_facts(run), saved_examples(run), read_mechanisms(run)
    assert mechanisms is not None
    row = facts.heads.loc[facts.heads["effect"].abs().idxmax()]
    name, shown = row["name"], percent(row["effect"])

    of_table = next(cells for cells in tables.most_important(facts, language).rows if cells[0] == name)
    (card,) = (
        one for one in proven_cards(mechanisms, facts.heads, facts.edges, language) if one.name == name
    )
    picture = draw(story_of(facts, examples, mechanisms, language), language, still=True)
    chart = effects_chart.bars(effects_chart.tested(facts.heads), LIGHT, lambda key: key).to_dict()
    drawn = [cells for rows in chart["datasets"].values() for cells in rows if cells.get("name") == name]
    page = report(facts, examples, language=language)
    told = {
        "sentence": effect_sentences.effect_of_heads(facts, language),
        "table": " ".join(of_table),
        "card": " ".join(line.shown for line in card.lines),
        "picture": picture,
        "chart": " ".join(cells["effect_text"] for cells in drawn),
        "report": page,
    }
    assert {place for place, words in told.items() if shown not in words} == set()
    assert not re.search(r"\d\.0*[1-9]\d{3,}", re.sub(r"<[^>]*>", " ", page)), "a raw float in the report"


def test_a_chart_does_not_let_the_browser_write_a_measure() -> None:
    with pytest.raises(ValueError, match="score:Q"):
        tooltips({"name:N": "chart.head", "score:Q": "chart.score"}, lambda key: key)


def test_numbers_are_formatted_in_one_place() -> None:
    """Nothing outside of `ALLOWED` has a format of its own for numbers; and no permission has become needless."""
    own = {
        str(file.relative_to(ROOT)): formats
        for room in ("core", "pages")
        for file in (ROOT / room).rglob("*.py")
        if (formats := list(_formats(ast.parse(file.read_text(encoding="utf-8")))))
    }
    assert {file: formats for file, formats in own.items() if not file.startswith(tuple(ALLOWED))} == {}
    assert {place for place in ALLOWED if not any(file.startswith(place) for file in own)} == set()


def test_formats_are_seen_in_every_way_of_writing_them() -> None:
    source = (
        "f'{a:.2f}'; f'{a:+.{d}g}'; '{:.0%}'.format(a); '%.3g'; alt.Axis(format='.2~f'); alt.Axis(format='%')"
    )
    assert len(list(_formats(ast.parse(source)))) == 6
    assert list(_formats(ast.parse("f'{name:>8}'; logging(format='%(message)s'); '{a}, {b:d}'"))) == []


def _formats(tree: ast.AST) -> Iterator[str]:
    """Formats of decimals: in f-strings, in templates, after a percent sign, and given to a chart."""
    inside = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            parts = node.format_spec.values
            spec = "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in parts)
            if FORMAT.fullmatch(spec):
                yield spec
        elif isinstance(node, ast.keyword) and node.arg == "format" and isinstance(node.value, ast.Constant):
            if FORMAT.fullmatch(str(node.value.value)):
                yield str(node.value.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            template = re.search(rf"\{{\w*:({FORMAT.pattern})\}}", node.value)
            if template or re.fullmatch(r"%(\.\d+)?[fg]", node.value):
                yield node.value
