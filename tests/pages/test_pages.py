"""Every page in every language and state, driven without a browser."""

import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from core.examples.reading import from_rows
from core.jobs.local_backend import LocalBackend
from core.runs.head_notes import read_labels
from core.runs.job_state import JobState
from core.runs.run_folder import list_runs, runs_folder
from pages.parts import i18n, shell
from pages.parts.data import results
from pages.parts.i18n import entries
from pages.parts.session import samples, state
from tests.pages.conftest import OpenApp, run_until, shown
from tests.support.made_runs import make_run
from tests.support.paths import ROOT

ANOMALOUS = "\n".join(
    f"The {place} sends red paint" for place in ("shop", "depot", "plant", "office", "branch")
)
NORMAL = ANOMALOUS.replace("red", "blue")


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
@pytest.mark.parametrize("page", shell.PAGES)
@pytest.mark.parametrize("with_run", [False, True])
def test_page_is_drawn_in_its_language(open_app: OpenApp, page: str, language: str, with_run: bool) -> None:
    run = make_run(runs_folder()).run_id if with_run else ""
    app = open_app(page, language, run)
    assert entries(language)[f"{page}.title"] in shown(app)


@pytest.mark.parametrize("verdicts", [False, True])
def test_evidence_shows_numbers_only_where_there_are_some(open_app: OpenApp, verdicts: bool) -> None:
    app = open_app("evidence", run=make_run(runs_folder(), verdicts=verdicts).run_id)
    app.session_state["evidence_part"] = "effects"
    app.run()
    assert len(app.dataframe) == int(verdicts)
    assert ("Not yet computed" in shown(app)) is not verdicts


def test_language_can_be_switched_and_stays(open_app: OpenApp) -> None:
    app = open_app("start")
    app.segmented_control(key="language").set_value("ja").run()
    assert app.title[0].value == entries("ja")["start.title"]
    app.switch_page("pages/guide.py").run()
    assert app.title[0].value == entries("ja")["guide.title"]


def test_own_texts_go_all_the_way_to_a_circuit(open_app: OpenApp, local: LocalBackend) -> None:
    app = open_app("start")
    app.button(key="start_own").click().run()
    app.switch_page("pages/model.py").run()
    app.radio(key="draft_source_kind").set_value("folder").run()
    app.text_input(key="draft_source").set_value("/models/mine").run()
    app.button(key="check_model").click().run()
    run_until(app, lambda: not app.button(key="next_model").disabled)
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_anomalous").set_value(ANOMALOUS).run()
    assert app.button(key="next_examples").disabled
    app.text_area(key="paste_normal").set_value(NORMAL).run()
    run_until(app, lambda: any(button.key == "toggle_pairs" for button in app.button))
    assert not app.button(key="next_examples").disabled
    app.switch_page("pages/analysis.py").run()
    app.button(key="choose_fast").click().run()
    app.button(key="start_run").click().run()
    wait_for_the_result(app)
    run = list_runs()[0]
    assert run.config().preset == "fast"
    assert [example.label for example in run.config().examples.examples] == ["anomalous"] * 5 + ["normal"] * 5
    app.switch_page("pages/circuit.py").run()
    assert not app.exception
    assert '<p class="lead">7 of 48 ' in shown(app)


def test_two_edits_of_a_box_in_a_row_are_both_kept(open_app: OpenApp, local: LocalBackend) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_anomalous").set_value("one text").run()
    app.text_area(key="paste_anomalous").set_value("one text\nanother text").run()
    assert [e.text for e in app.session_state["draft"].examples.examples] == ["one text", "another text"]
    app.switch_page("pages/guide.py").run()
    app.switch_page("pages/examples.py").run()
    assert app.text_area(key="paste_anomalous").value == "one text\nanother text"


def test_settings_survive_leaving_the_page(open_app: OpenApp) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/analysis.py").run()
    app.number_input(key="draft_seed").set_value(7).run()
    app.number_input(key="draft_autoencoder_members").set_value(3).run()
    app.switch_page("pages/guide.py").run()
    app.switch_page("pages/analysis.py").run()
    assert app.number_input(key="draft_seed").value == 7
    assert app.number_input(key="draft_autoencoder_members").value == 3
    app.button(key="choose_fast").click().run()
    assert app.number_input(key="draft_autoencoder_members").value == 4


def test_widgets_take_their_bounds_from_the_settings(open_app: OpenApp) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/analysis.py").run()
    members = app.number_input(key="draft_autoencoder_members")
    assert (members.min, members.max) == (1, 64)


def test_model_that_cannot_be_read_is_explained(open_app: OpenApp) -> None:
    app = open_app("start", "ja")
    app.session_state["draft"] = state.Draft(source="/models/missing", source_kind="folder")
    app.switch_page("pages/model.py").run()
    app.button(key="check_model").click().run()
    run_until(app, lambda: bool(app.error))
    assert "config.json がありません" in app.error[0].value
    assert app.button(key="next_model").disabled


@pytest.mark.parametrize(
    ("anomalous", "normal", "said"),
    [
        ("a\nb\nc", "", "at least 3 normal"),
        ("a\nb", "c\nd\ne", "found 2"),
        ("a\nb\nc", "a\nd\ne", "both anomalous and normal"),
        ("a\n\nx\na\nc", "d\ne\nf", "Line 4 (anomalous): this text stands there twice, in line 1"),
        ("a\nb\nc", "d\n\nb\nf", "Line 3 (normal): this text is both anomalous and normal"),
    ],
)
def test_examples_that_cannot_be_compared_are_explained(
    open_app: OpenApp, anomalous: str, normal: str, said: str
) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    app.text_area(key="paste_anomalous").set_value(anomalous).run()
    app.text_area(key="paste_normal").set_value(normal).run()
    assert said in app.error[0].value
    assert app.button(key="next_examples").disabled
    said_of_empty = [caption.value for caption in app.caption if "empty line" in caption.value]
    assert len(said_of_empty) == int("\n\n" in anomalous + normal)


def test_pairs_can_be_undone_and_made_again(open_app: OpenApp) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/examples.py").run()
    run_until(app, lambda: any(button.key == "toggle_pairs" for button in app.button))
    app.button(key="toggle_pairs").click().run()
    assert app.session_state["draft"].pairing == "off"
    run_until(app, lambda: "without pairs" in shown(app))
    app.button(key="toggle_pairs").click().run()
    assert app.session_state["draft"].pairing == "auto"


def test_failed_run_is_explained_and_can_be_started_again(open_app: OpenApp, local: LocalBackend) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/analysis.py").run()
    app.number_input(key="draft_seed").set_value(1).run()
    app.button(key="start_run").click().run()
    run_until(app, lambda: bool(app.error))
    assert "no *.safetensors file" in app.error[0].value.replace("\\", "")
    failed = app.session_state["run_id"]
    app.button(key="again").click().run()
    run_until(app, lambda: bool(app.error))
    assert app.session_state["run_id"] == failed


def test_running_analysis_can_be_cancelled_and_another_waits(open_app: OpenApp, local: LocalBackend) -> None:
    app = with_examples(open_app("model"))
    app.switch_page("pages/analysis.py").run()
    app.number_input(key="draft_seed").set_value(2).run()
    app.button(key="start_run").click().run()
    first = app.session_state["run_id"]
    run_until(app, lambda: local.status(first).state.stage == "train")
    second = with_examples(open_app("model"))
    second.switch_page("pages/analysis.py").run()
    second.button(key="start_run").click().run()
    assert "This analysis is next" in second.info[0].value
    app.button(key="cancel_run").click().run()
    run_until(app, lambda: any(button.key == "again" for button in app.button))
    assert "cancelled" in app.warning[0].value
    run_until(second, lambda: any(button.key == "next_analysis" for button in second.button))


def test_interrupted_run_says_so(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    run.write_state(JobState(status="interrupted", stage="train", started=1.0, finished=2.0))
    app = open_app("analysis", run=run.run_id)
    assert "interrupted" in app.warning[0].value
    assert any(button.key == "again" for button in app.button)


def test_chosen_head_fills_the_panel(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", run=run.run_id)
    names = app.selectbox(key="head").options
    app.selectbox(key="head").set_value(names[3]).run()
    assert not app.exception
    assert app.session_state["head"] == names[3]
    app.segmented_control(key="circuit_view").set_value("grid").run()
    assert not app.exception


def test_only_candidate_edges_are_drawn_and_counted_by_default(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    result = results.load(run)
    count = len(result.candidate_edges)
    app = open_app("circuit", run=run.run_id)
    app.session_state["circuit_tab"] = "edges"
    app.run()
    slider = app.slider(key="circuit_edges")
    assert f"{count} candidates of {len(result.edges)}" in slider.label
    assert slider.value == count
    assert len(app.dataframe[0].value) == count
    slider.set_value(len(result.edges)).run()
    assert len(app.dataframe[0].value) == len(result.edges)
    report = shown(open_app("report", run=run.run_id))
    edges = report.partition("<h3>Edges, best first</h3>")[2].partition("</table>")[0]
    assert edges.count('<td dir="auto">yes</td>') == count


@pytest.mark.parametrize("page", ["circuit", "evidence", "report"])
def test_page_without_its_run_shows_the_way(open_app: OpenApp, page: str) -> None:
    run = make_run(runs_folder())
    assert any(button.key == "to_way" for button in open_app(page).button)
    app = open_app(page, run=run.run_id)
    run.delete()
    app.run()
    assert not app.exception
    assert any(button.key == "to_way" for button in app.button)


@pytest.mark.parametrize("shape", [(4, 4, 1), (32, 32, 60), (1, 2, 2)])
def test_circuit_of_any_size_is_drawn(open_app: OpenApp, shape: tuple[int, int, int]) -> None:
    run = make_run(runs_folder(), *shape)
    for view in ("flow", "grid"):
        app = open_app("circuit", run=run.run_id)
        app.segmented_control(key="circuit_view").set_value(view).run()
        assert not app.exception
    assert not open_app("report", run=run.run_id).exception


def test_damaged_run_is_listed_and_explained(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    (run.path / "heads.csv").write_text("layer\n", encoding="utf-8")
    app = open_app("circuit", run=run.run_id)
    assert "cannot be read" in app.error[0].value
    (run.path / "config.json").write_text("{", encoding="utf-8")
    assert "damaged" in str([badge.proto for badge in open_app("runs").get("markdown")])


def test_unknown_run_in_the_address_is_explained(open_app: OpenApp) -> None:
    app = open_app("start", run="20200101-000000-nothing1")
    assert "There is no run" in app.error[0].value


def test_run_can_be_renamed_and_deleted(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), name="Old name")
    app = open_app("runs")
    app.text_input(key=f"name_{run.run_id}").set_value("New name").run()
    app.button(key=f"rename_{run.run_id}").click().run()
    assert run.meta().name == "New name"
    app.button(key=f"delete_{run.run_id}").click().run()
    app.button(key="really_delete").click().run()
    assert list_runs() == []


def test_dashboard_imports_neither_torch_nor_transformers() -> None:
    script = (
        "import sys, runpy, pathlib; sys.path.insert(0, '.')\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('app.py', default_timeout=60).run()\n"
        f"for page in {shell.PAGES!r}:\n"
        "    app.switch_page(f'pages/{page}.py').run()\n    assert not app.exception\n"
        "assert not {'torch', 'transformers', 'scipy', 'sklearn'} & set(sys.modules), 'heavy import'\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def with_examples(app: AppTest) -> AppTest:
    """A session whose model is checked and whose texts are given."""
    rows = [
        {"label": label, "text": text}
        for label, side in (("anomalous", ANOMALOUS), ("normal", NORMAL))
        for text in side.splitlines()
    ]
    app.session_state["draft"] = state.Draft(
        source="/models/mine", source_kind="folder", examples=from_rows(rows)
    )
    return app.run()


def wait_for_the_result(app: AppTest) -> None:
    """Until the result is open; a run that ends before it is drawn for the first time waits on the analysis page."""
    run_until(app, lambda: bool({"next_result", "next_analysis"} & {button.key for button in app.button}))
    if any(button.key == "next_analysis" for button in app.button):
        app.button(key="next_analysis").click().run()


def test_sample_incident_takes_two_clicks_and_then_one(open_app: OpenApp) -> None:
    app = open_app("start")
    app.button(key="open_sample").click().run()
    wait_for_the_result(app)
    app.button(key="next_result").click().run()
    assert app.title[0].value == "Circuit"
    run = list_runs()[0]
    assert (run.config().scenario, run.config().preset) == (samples.SAMPLE, "fast")
    again = open_app("start")
    again.button(key="open_sample").click().run()
    assert any(button.key == "next_result" for button in again.button)
    assert again.session_state["run_id"] == run.run_id


@pytest.mark.parametrize("language", ["en", "ja"])
def test_finished_sample_opens_at_once_as_the_same_run(open_app: OpenApp, language: str) -> None:
    ids = set()
    for _ in range(2):
        app = open_app("start", language)
        app.button(key="open_finished").click().run()
        assert not app.exception and any(button.key == "next_result" for button in app.button)
        ids.add(app.session_state["run_id"])
    assert len(ids) == 1 == len(list_runs())
    own = open_app("start", language)
    own.button(key="open_sample").click().run()  # the reader's own run is another one
    assert own.session_state["run_id"] not in ids


def test_sample_incident_has_the_texts_of_the_readers_language(open_app: OpenApp) -> None:
    english = open_app("start")
    english.button(key="open_sample").click().run()
    wait_for_the_result(english)
    japanese = open_app("start", "ja")
    japanese.button(key="open_sample").click().run()
    assert japanese.session_state["run_id"] != english.session_state["run_id"]
    given = japanese.session_state["draft"].examples.examples
    assert not all(example.text.isascii() for example in given)


def test_run_at_the_head_of_the_queue_starts(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    run.write_state(JobState(status="queued"))
    lock = run.hold()  # as a server at work on it does
    assert [info.value for info in open_app("analysis", run=run.run_id).info] == ["Starting …"]
    lock.release()


def test_bundled_model_offers_its_texts(open_app: OpenApp) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    app.button(key="take_sample").click().run()
    draft = app.session_state["draft"]
    assert draft.scenario == samples.SAMPLE
    assert draft.examples.count("anomalous") >= 5


def test_changed_texts_are_no_longer_the_scenarios(open_app: OpenApp) -> None:
    app = open_app("model")
    app.switch_page("pages/examples.py").run()
    app.button(key="take_sample").click().run()
    box = app.text_area(key="paste_anomalous")
    box.set_value(box.value + "\nAnother ticket").run()
    draft = app.session_state["draft"]
    assert draft.scenario == ""
    assert draft.examples.examples[0].pair != ""


def test_circuit_of_a_run_without_candidates_is_not_drawn(open_app: OpenApp) -> None:
    run = make_run(runs_folder(), n_selected=0)
    app = open_app("circuit", run=run.run_id)
    assert "no circuit to draw" in app.info[0].value
    assert all(box.key != "head" for box in app.selectbox)


@pytest.mark.parametrize("language", list(i18n.LANGUAGES))
def test_head_is_given_a_name_that_travels(open_app: OpenApp, language: str) -> None:
    run = make_run(runs_folder())
    app = open_app("circuit", language, run=run.run_id)
    head = app.session_state["head"]
    app.text_input(key=f"label_name_{run.run_id}_{head}").set_value("previous *word*")
    app.text_area(key=f"label_note_{run.run_id}_{head}").set_value("<b>seen</b> on invoices")
    app.button(key=f"keep_label_{head}").click().run()
    assert not app.exception
    assert read_labels(run)[head].name == "previous *word*"
    assert f"{head} · previous *word*" in app.selectbox(key="head").options
    assert app.session_state["head"] == head
    assert "<b>seen</b> on invoices" in [text.value for text in app.text]
    assert entries(language)["column.own_name"]
    table = app.dataframe[0].value
    assert list(table["own_name"].dropna()) == ["previous *word*"]
    report = open_app("report", language, run=run.run_id)
    assert f"{head} · previous *word*" in shown(report)


def test_damaged_names_of_heads_are_explained(open_app: OpenApp) -> None:
    run = make_run(runs_folder())
    (run.path / "labels.json").write_text("{half", encoding="utf-8")
    app = open_app("circuit", run=run.run_id)
    assert "labels.json" in app.error[0].value
