"""Imports inside core go one way: a folder imports only what stands in front of it."""

import ast

from tests.support.paths import ROOT

ORDER = (
    "errors heads generators storage schema text examples scenarios config model discovery|causal mechanisms"
    " analysis runs story sensitivity report inspection jobs scenarios.build benchmark dashboard cli"
)
"""Rooms of core, lowest first; those joined by a bar stand side by side and import nothing of each other."""
RANKS = {name: rank for rank, names in enumerate(ORDER.split()) for name in names.split("|")}


def room(module: str) -> str | None:
    """The room of a module of core, or None for `core` itself."""
    parts = module.split(".")[1:3]
    return next((name for name in (".".join(parts), *parts[:1]) if name in RANKS), None)


def test_every_import_goes_down():
    wrong = []
    for file in sorted((ROOT / "core").rglob("*.py")):
        own = room(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if own and isinstance(node, ast.ImportFrom) and (node.module or "").startswith("core"):
                others = {room(f"{node.module}.{alias.name}") for alias in node.names} - {None, own}
                wrong += [(str(file), other) for other in others if RANKS[other] >= RANKS[own]]
    assert wrong == []


def test_no_room_is_a_heap():
    sizes = {
        folder: len(list(folder.glob("*.py"))) for folder in (ROOT / "core").rglob("*") if folder.is_dir()
    }
    assert len(list((ROOT / "core").glob("*.py"))) <= 10
    assert {str(folder): size for folder, size in sizes.items() if size > 17} == {}
