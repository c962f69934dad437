"""A run as script and as notebook: what they hold does the run again and finds the same numbers."""

import io
import json
import shutil
import zipfile

import pytest

from core.config import make_config
from core.report.export import package
from core.report.save import save
from core.report.script import notebook, script
from core.runs.run_folder import RunFolder
from core.schema import RunResult
from tests.support.tiny_runs import texts


@pytest.fixture(scope="module")
def run(tmp_path_factory, folder):
    from core.analysis.pipeline import analyse

    config = make_config(model=str(folder), examples=texts(3), preset="fast", fault='a "quoted"\n語')
    folder = RunFolder.create(tmp_path_factory.mktemp("again") / "r", config)
    for record in analyse(config):
        if isinstance(record, RunResult):
            save(record, folder)
    return folder


def test_script_does_the_run_again_and_finds_the_same_heads(run, capsys):
    exec(compile(script(run), "reproduce.py", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "same as in the run: yes"
    assert lines[0].split()[0].startswith("L")


def test_zip_holds_every_file_of_a_run_and_a_new_run_begins_without_them(run, tmp_path):
    written = {path.name for path in run.path.iterdir()}
    assert "mechanisms.json" in written
    with zipfile.ZipFile(io.BytesIO(package(run))) as archive:
        assert written <= {name.split("/")[1] for name in archive.namelist()}
    again = RunFolder(shutil.copytree(run.path, tmp_path / "again"))
    again.clear()
    assert {path.name for path in again.path.iterdir()} <= {"config.json", "meta.json"}


@pytest.mark.parametrize("unit", ["L", "MLP"])
def test_cells_of_the_notebook_name_a_head_or_block_that_differs(run, capsys, unit):
    book = json.loads(notebook(run))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    names = {}
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            if "def close" in source:
                first = next(name for name in names["STORED"] if name.startswith(unit))
                score, effect, verdict = names["STORED"][first]
                names["STORED"][first] = (score, effect + 1, verdict)
            exec(source, names)
    assert capsys.readouterr().out.splitlines()[-1] == f"same as in the run: no ({first})"
