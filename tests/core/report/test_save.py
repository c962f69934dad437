"""The files of a result."""

import io

import pandas as pd

from core.config import make_config
from core.examples.reading import from_pasted
from core.report.save import save
from core.runs.run_folder import RunFolder
from core.schema import CODE_COLUMNS, EDGE_COLUMNS, EXAMPLE_COLUMNS, HEAD_COLUMNS
from tests.support.made_result import made_result

CONFIG = make_config(model="m", examples=from_pasted("a\nb\nc", "d\ne\nf").examples)


def test_saved_tables_follow_the_contract(tmp_path):
    run = RunFolder.create(tmp_path / "r", CONFIG)
    save(made_result(), run)
    expected = {
        "heads": HEAD_COLUMNS,
        "edges": EDGE_COLUMNS,
        "codes": CODE_COLUMNS,
        "examples": EXAMPLE_COLUMNS,
    }
    for name, columns in expected.items():
        content = (run.path / f"{name}.csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        assert tuple(pd.read_csv(io.BytesIO(content)).columns) == columns
    heads = pd.read_csv(run.path / "heads.csv")
    assert heads["effect"].isna().all()
    assert heads["verdict"].isna().all()
    assert run.manifest().device == "cpu"
