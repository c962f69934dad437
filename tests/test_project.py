"""README, Makefile and code are in step, and the direction of dependencies holds."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

READMES = ("README.md", "README.ja.md")
DOCUMENTS = [*READMES, *sorted(str(file.relative_to(ROOT)) for file in (ROOT / "docs").rglob("*.md"))]
MOST_LINES = 150
HEAVY = {"torch", "transformers", "tokenizers", "safetensors.torch"}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def shown(name: str) -> Iterator[str]:
    """Lines of the fenced blocks of a document, comments left out."""
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", read(name), re.DOTALL | re.MULTILINE):
        yield from (line.split("#")[0].strip() for line in block.splitlines())


def imported(file: Path, top_level_only: bool = False) -> set[str]:
    """Full names of the modules that a file imports."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_file(name: str) -> Path | None:
    """The file of a module of this project, or None for any other."""
    path = ROOT / Path(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def packages_of(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


@pytest.mark.parametrize("readme", READMES)
def test_a_first_reader_finishes_the_readme(readme):
    assert len(read(readme).splitlines()) <= MOST_LINES


@pytest.mark.parametrize("document", DOCUMENTS)
def test_make_targets_exist(document):
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {line.split()[1] for line in shown(document) if line.startswith("make ")}
    assert named | set(re.findall(r"`make ([a-z]+)", read(document))) <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_and_their_options_exist(document):
    from typer.main import get_command

    from core.cli import app

    commands = get_command(app).commands
    for line in shown(document):
        program = re.match(r"(?:python -m core|headlight) (.*)", line)
        if program:
            name, *arguments = shlex.split(program[1])
            parameters = commands[name].params
            options = {one for it in parameters for one in (*it.opts, *it.secondary_opts)}
            assert {word for word in arguments if word.startswith("--")} <= options


@pytest.mark.parametrize("readme", READMES)
def test_the_ways_without_make_start_what_make_app_starts(readme):
    starts = [line.split() for line in shown(readme) if line.startswith(".venv") and "headlight app" in line]
    assert len(starts) == 2
    for start in starts:
        assert start[1:] == ["app", "--scenario", "misrouted-tickets"]
    assert "-m core app" in read("Makefile")
    assert "SCENARIO ?= misrouted-tickets" in read("Makefile")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_linked_exists(document):
    links = re.findall(r"\]\(([^)#:]+)[)#]", read(document))
    assert links
    assert [link for link in links if not ((ROOT / document).parent / link).is_file()] == []


def test_core_imports_no_streamlit_and_nothing_of_the_pages():
    files = sorted((ROOT / "core").rglob("*.py"))
    assert len(files) > 30
    pages = {"streamlit", "altair", "pages", "app"}
    assert {file.name: names for file in files if (names := packages_of(imported(file)) & pages)} == {}


def test_dashboard_never_loads_torch_or_transformers():
    """Neither by itself nor through a module of core that it imports."""
    waiting = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]
    reached: dict[Path, Path | None] = dict.fromkeys(waiting)
    wrong = {}
    while waiting:
        file = waiting.pop()
        names = imported(file, top_level_only="core" in file.relative_to(ROOT).parts)
        if heavy := names & HEAVY or packages_of(names) & HEAVY:
            wrong[str(file.relative_to(ROOT))] = (sorted(heavy), reached[file])
        for other in filter(None, map(module_file, names)):
            if other not in reached:
                reached[other] = file
                waiting.append(other)
    assert wrong == {}
    assert any("core" in file.parts for file in reached)


def test_every_file_beside_the_code_is_in_the_package():
    patterns = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]
    for package, globs in patterns.items():
        packaged = {file for pattern in globs for file in (ROOT / package).glob(pattern)}
        files = {file for file in (ROOT / package).rglob("*.*") if file.is_file()}
        left_out = {file for file in files - packaged if file.suffix not in (".py", ".pyc")}
        assert left_out == set()
