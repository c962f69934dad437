"""The tables of the READMEs are those of the measured result that the package holds."""

import importlib.util

import pytest

from tests.support.made_benchmark import make_benchmark
from tests.support.paths import ROOT

MEASURED = ROOT / "core" / "benchmark" / "measured"
SPEC = importlib.util.spec_from_file_location(
    "benchmark_tables", ROOT / "docs" / "tools" / "benchmark_tables.py"
)
assert SPEC is not None
assert SPEC.loader is not None
tables = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tables)


def test_numbers_are_written_short():
    assert tables.short(0.9876) == ".988"
    assert tables.short(1.0) == "1.000"
    assert tables.short(0.9996) == "1.000"
    assert tables.short(0.5, 2) == ".50"
    assert tables.short(float("nan")) == "–"


def test_a_table_has_a_row_for_every_case_and_the_mean_of_them(tmp_path):
    make_benchmark(tmp_path)
    lines = list(tables.cases(tmp_path, tables.HEADERS["en"]))
    found = tables.read(tmp_path, "summary")
    part = found[(found["unit"] == "head") & (found["examples"] == 8)]
    assert len(lines) == 2 + len(part[["task", "model"]].drop_duplicates()) + 1
    mean = part.loc[part["method"] == "headlight-standard"].groupby(["task", "model"])["auc"].mean().mean()
    assert f"**{tables.short(mean)}**" in lines[-1]


@pytest.mark.parametrize(("readme", "language"), [("README.md", "en"), ("README.ja.md", "ja")])
@pytest.mark.parametrize(
    "name", ["goals", "cases", "methods", "sizes", "evidence", "sweep", "switch", "speed"]
)
def test_the_readme_holds_the_measured_tables(readme, language, name):
    text = (ROOT / readme).read_text(encoding="utf-8")
    lines = list(getattr(tables, name)(MEASURED, tables.HEADERS[language]))
    assert len(lines) > 2
    assert "\n".join(lines) in text
