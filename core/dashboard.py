"""The command that serves the dashboard, with the settings that keep it to this machine.

Streamlit reads `.streamlit/config.toml` beside `app.py`, where an installed package has none. So the package brings
the same file along as `pages/streamlit.toml`, and all of it is handed over as options.
"""

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import core

ROOT = Path(core.__file__ or "").parents[1]
"""Folder that holds `app.py`, `core` and `pages`: the checkout, or where the package is installed."""
LOCAL = ("localhost", "127.0.0.1", "::1")


def serve_command(
    scenario: str = "", port: int = 0, address: str = "", hosts: Sequence[str] = (), headless: bool = False
) -> list[str]:
    """The words that start the server.

    `port` 0 is the first free one from 8501 on. An `address` other than this machine's opens the dashboard to others,
    under the names `hosts`, or under every name where there are none.
    """
    settings = tomllib.loads((ROOT / "pages" / "streamlit.toml").read_text(encoding="utf-8"))
    server = settings["server"]
    if address:
        server["address"] = address
    if hosts or (address and address not in LOCAL):
        server["allowedHosts"] = list(hosts) or ["*"]
    server["showEmailPrompt"] = False
    server |= ({"headless": True} if headless else {}) | ({"port": port} if port else {})
    words = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), *_options(settings)]
    return [*words, "--", "--scenario", scenario] if scenario else words


def _options(settings: Mapping[str, Any], section: str = "") -> Iterator[str]:
    """Settings of a TOML file as options of the command line.

    Streamlit has two ways for a list: an option given several times, and in the sections of the theme, where the last
    of several would win, one option with the list as JSON.
    """
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _options(value, f"{section}{name}.")
            continue
        is_theme = section.startswith("theme.")
        for one in value if isinstance(value, list) and not is_theme else [value]:
            yield f"--{section}{name}={one if isinstance(one, str) else json.dumps(one)}"
