"""How the dashboard is served from an installed package: as from a checkout, and to this machine alone."""

import json
import subprocess

import pytest
from streamlit import config

from core import dashboard
from core.dashboard import serve_command
from tests.support.paths import ROOT


def test_the_package_brings_the_settings_of_the_checkout():
    packaged = (ROOT / "pages" / "streamlit.toml").read_bytes()
    assert packaged == (ROOT / ".streamlit" / "config.toml").read_bytes()


def test_it_listens_on_this_machine_and_answers_to_its_names():
    words = serve_command()
    assert "--server.address=127.0.0.1" in words
    hosts = [word.split("=")[1] for word in words if word.startswith("--server.allowedHosts=")]
    assert hosts == ["localhost", "127.0.0.1", "::1"]
    assert "--server.enableXsrfProtection=true" in words
    assert "--theme.dark.sidebar.backgroundColor=#0d1420" in words
    assert "--" not in words


def test_streamlit_reads_from_the_options_what_stands_in_the_file():
    """Streamlit's own reading: the last of several options wins, unless the option may be given several times."""
    known, read = config.get_config_options(), {}
    for word in serve_command():
        name, _, value = word[2:].partition("=")
        if word.startswith("--") and value:
            read[name] = [*read.get(name, []), value] if known[name].multiple else value
    sizes = json.loads(read["theme.headingFontSizes"])
    assert sizes == ["1.8rem", "1.3rem", "1.05rem", "1rem", "0.95rem", "0.9rem"]
    assert json.loads(read["theme.headingFontWeights"]) == [650, 600, 600, 600, 600, 600]
    assert read["server.allowedHosts"] == ["localhost", "127.0.0.1", "::1"]
    assert read["theme.showWidgetBorder"] == "true" and read["server.maxUploadSize"] == "20"


def test_every_option_is_one_of_streamlit():
    known = set(config.get_config_options())
    assert {word[2:].split("=")[0] for word in serve_command() if word.startswith("--")} - known == set()


def test_it_is_opened_to_others_only_where_that_is_asked_for():
    opened = serve_command("induction", 8600, "0.0.0.0")
    assert {"--server.address=0.0.0.0", "--server.port=8600", "--server.allowedHosts=*"} <= set(opened)
    assert opened[-3:] == ["--", "--scenario", "induction"]
    named = serve_command(address="0.0.0.0", hosts=["headlight.example.com"])
    assert [word for word in named if "allowedHosts" in word] == [
        "--server.allowedHosts=headlight.example.com"
    ]
    assert "--server.allowedHosts=*" not in serve_command(address="localhost")


@pytest.mark.parametrize("code", [0, 3])
def test_the_command_ends_as_the_server_does(monkeypatch, code):
    from core import cli

    monkeypatch.setattr(
        cli, "serve_command", lambda *_: [dashboard.sys.executable, "-c", f"raise SystemExit({code})"]
    )
    monkeypatch.setattr("sys.argv", ["headlight", "app"])
    assert cli._run() == code


def test_unknown_scenario_is_refused_before_anything_is_served(monkeypatch, capsys):
    from core import cli

    monkeypatch.setattr(subprocess, "Popen", lambda *_: pytest.fail("a server was started"))
    monkeypatch.setattr("sys.argv", ["headlight", "app", "--scenario", "nothing"])
    assert cli._run() == 2
    assert "no scenario" in capsys.readouterr().err
