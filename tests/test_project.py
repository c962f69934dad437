"""README, Makefile, scenarios and code are in step, and the direction of dependencies holds."""

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import schema as results
from core.scenarios import FOLDER, load_truth, scenario_names
from tests.support.paths import ROOT

READMES = ("README.md", "README.ja.md")
TABLES = ("HEAD_COLUMNS", "EDGE_COLUMNS", "CODE_COLUMNS", "EXAMPLE_COLUMNS", "EFFECT_COLUMNS")
HEAVY = {"torch", "transformers", "tokenizers", "safetensors.torch"}
LARGEST_PICTURE = 300 * 1024


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> Iterator[str]:
    """Lines of the fenced blocks of a README, continued lines joined, comments left out."""
    for block in re.findall(r"^```\w*\n(.*?)^```", read(name), re.DOTALL | re.MULTILINE):
        for line in re.sub(r"\n +", " ", block).splitlines():
            yield line.split("#")[0].strip()


def imported(file: Path, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module_file(name: str) -> Path | None:
    """The file of a module of this project, or None for any other."""
    path = ROOT / Path(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def packages_of(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("readme", READMES)
def test_make_targets_of_the_readme_exist(readme):
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {line.split()[1] for line in blocks(readme) if line.startswith("make ")}
    named |= set(re.findall(r"`make ([a-z]+)", read(readme)))
    assert {"app", "test", "check", "benchmark"} <= named <= targets


@pytest.mark.parametrize("readme", READMES)
def test_command_line_of_the_readme_is_the_program_s(readme):
    from typer.main import get_command

    from core.cli import app

    commands = get_command(app).commands
    shown = {line.split()[3]: line for line in blocks(readme) if line.startswith("python -m core ")}
    assert set(shown) <= set(commands)
    for name, line in shown.items():
        options = {option for parameter in commands[name].params for option in parameter.opts}
        options |= {option for parameter in commands[name].params for option in parameter.secondary_opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= options


@pytest.mark.parametrize("readme", READMES)
def test_pip_way_of_the_readme_starts_what_make_app_starts(readme):
    line = next(shlex.split(line) for line in blocks(readme) if "streamlit run" in line)
    assert line[-3:] == ["--", "--scenario", "misrouted-tickets"]
    assert (ROOT / line[line.index("run") + 1]).is_file()
    assert "SCENARIO ?= misrouted-tickets" in read("Makefile")
    assert "streamlit run app.py" in read("Makefile")


@pytest.mark.parametrize("readme", READMES)
def test_every_picture_and_file_linked_exists(readme):
    links = re.findall(r"\]\(([^)#:]+)\)", read(readme))
    pictures = [ROOT / link for link in links if link.endswith(".png")]
    assert len(pictures) >= 5
    assert [link for link in links if not (ROOT / link).is_file()] == []
    assert [file.name for file in pictures if file.stat().st_size > LARGEST_PICTURE] == []


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("name", scenario_names())
def test_readme_tells_each_scenario_s_size(readme, name):
    model = tomllib.loads((FOLDER / name / "scenario.toml").read_text(encoding="utf-8"))["model"]
    config = json.loads((FOLDER / "models" / model / "config.json").read_text(encoding="utf-8"))
    truth = load_truth(name)
    row = next(line for line in read(readme).splitlines() if line.startswith(f"| `{name}` |"))
    cells = [cell.strip(" `") for cell in row.strip("|").split("|")]
    assert cells[1:3] == [model, f"{config['n_layer']} × {config['n_head']}"]
    assert [int(cell) for cell in cells[4:]] == [len(truth.heads), len(truth.edges)]


@pytest.mark.parametrize("readme", READMES)
def test_every_csv_column_is_documented(readme):
    text = read(readme)
    columns = {column for table in TABLES for column in getattr(results, table)}
    assert {column for column in columns if f"`{column}`" not in text} == set()


def test_core_imports_no_streamlit_and_nothing_of_the_pages():
    files = sorted((ROOT / "core").rglob("*.py"))
    assert len(files) > 30
    wrong = {
        file.name: found
        for file in files
        if (found := packages_of(imported(file)) & {"streamlit", "altair", "pages", "app"})
    }
    assert wrong == {}


def test_dashboard_never_loads_torch_or_transformers():
    """Neither by itself nor through a module of core that it imports."""
    waiting = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
    reached: dict[Path, Path | None] = dict.fromkeys(waiting)
    wrong = {}
    while waiting:
        file = waiting.pop()
        names = imported(file, top_level_only="core" in file.relative_to(ROOT).parts)
        if found := names & HEAVY or packages_of(names) & HEAVY:
            wrong[str(file.relative_to(ROOT))] = (sorted(found), reached[file])
        for other in filter(None, map(module_file, names)):
            if other not in reached:
                reached[other] = file
                waiting.append(other)
    assert wrong == {}
    assert any("core" in file.parts for file in reached)
