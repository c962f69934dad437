"""A run of the first version opens on every page that shows a result, in both languages."""

import pytest

from core.report.sentences.mlps import mlp_sentence
from core.runs.run_folder import runs_folder
from pages.parts.i18n import LANGUAGES
from tests.pages.conftest import OpenApp, shown
from tests.support.old_runs import old_run


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize(
    "page", ["analysis", "result", "circuit", "evidence", "report", "sensitivity", "runs", "start"]
)
def test_an_old_run_opens_on_every_page(open_app: OpenApp, page: str, language: str) -> None:
    run = old_run(runs_folder())
    app = open_app(page, language, run.run_id)
    assert not app.exception
    assert not app.error
    if page in ("evidence", "report", "runs"):
        assert "L1H1" in shown(app) or "induction" in shown(app)
    if page == "circuit":  # MLP blocks are spoken of in every result; this one is older than their effects
        assert mlp_sentence(run.manifest(), language) in [one.value for one in app.caption]


DAMAGE = {
    "config.json": ["{}", '{"format": "2"}', "[]"],
    "state.json": ["{}", '{"status": "odd"}', "null", '{"format": 99}'],
    "meta.json": ["7", '{"name": []}'],
    "manifest.json": ["{}", '{"model": 3}', "{half"],
    "progress.jsonl": ['{"time": "x"}'],
}


@pytest.mark.parametrize(("name", "content"), [(n, c) for n, contents in DAMAGE.items() for c in contents])
def test_one_damaged_run_leaves_the_lists_to_everybody(open_app: OpenApp, name: str, content: str) -> None:
    whole, damaged = old_run(runs_folder()), old_run(runs_folder())
    (damaged.path / name).write_text(content, encoding="utf-8")
    for page in ("start", "runs"):
        app = open_app(page)
        assert not app.exception
        assert whole.path.exists() and "induction" in shown(app)
