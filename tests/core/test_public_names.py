"""The names that core promises, and that importing core alone stays light."""

import subprocess
import sys

import pytest

import core


def test_every_public_name_is_there():
    assert set(core.__all__) >= {"analyse", "make_config", "read_examples", "save", "RunFolder", "RunResult"}
    for name in core.__all__:
        assert getattr(core, name).__module__.startswith("core.")
    assert set(core.__all__) <= set(dir(core))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        core.nothing_like_it  # noqa: B018


def test_importing_core_imports_no_torch():
    check = "import core, sys; core.make_config; core.read_examples; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
