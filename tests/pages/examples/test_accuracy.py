"""What the preview says of the accuracy to expect."""

import pytest

from core.benchmark import reading
from core.benchmark.expectations import expectation
from core.jobs.local_backend import LocalBackend
from core.schema import AlignmentRecord
from core.text import auc
from pages.parts import i18n
from pages.parts.i18n import entries
from tests.pages.conftest import OpenApp, run_until, shown
from tests.pages.test_pages import with_examples


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_accuracy_follows_the_pairs(open_app: OpenApp, local: LocalBackend, language: str) -> None:
    summary = reading.read(reading.PROJECT).summary
    app = with_examples(open_app("model", language))
    app.switch_page("pages/examples.py").run()
    beginnings = {}
    for kind, pairs in (("pairs", ((0, 5),)), ("no_pairs", ())):
        beginnings[kind] = entries(language)[f"accuracy.{kind}"].partition("{")[0]
        run_until(app, lambda kind=kind: beginnings[kind] in shown(app))  # type: ignore[misc]
        expected = expectation(summary, AlignmentRecord(mode="aligned", pairs=pairs), 5, "standard")
        assert expected.accuracy is not None
        (sentence,) = [c.value for c in app.caption if beginnings[kind] in c.value]
        assert auc(expected.accuracy.mean) in sentence
        brackets = {"en": "({})", "ja": "（{}）"}[language]
        assert all(brackets.format(auc(better.mean)) in sentence for _, better in expected.ways)
        app.button(key="toggle_pairs").click().run()
