"""The names that core promises, and that importing core alone stays light."""

import ast
import subprocess
import sys

import pytest

import core
from tests.support.paths import ROOT


def test_every_public_name_is_there():
    assert set(core.__all__) >= {"analyse", "make_config", "read_examples", "save", "RunFolder", "RunResult"}
    for name in core.__all__:
        assert getattr(core, name).__module__.startswith("core.")
    assert set(core.__all__) <= set(dir(core))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        core.nothing_like_it  # noqa: B018


def test_editors_see_the_names_where_they_are():
    tree = ast.parse((ROOT / "core" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == core._PLACES


def test_former_names_still_work():
    assert (core.Recipe, core.read_recipe, core.switched_off) == (
        core.AblationFile,
        core.read_ablation_file,
        core.ablated,
    )


def test_importing_core_imports_no_torch():
    check = "import core, sys; core.make_config; core.read_examples; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
