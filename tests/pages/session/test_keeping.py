"""What a person has typed outlives the session, and nothing replaces it in silence."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import StorageError
from core.runs import drafts as on_disk
from core.runs.drafts import drafts_file, read_drafts
from core.runs.run_folder import list_runs, runs_folder
from pages.parts.examples.templates import templates
from pages.parts.i18n import entries
from pages.parts.session import keeping, samples, state
from tests.pages.conftest import OpenApp, shown
from tests.support.made_runs import make_run

OWNER = "0123456789abcdef0123456789abcdef"
OWN = "\n".join(f"My ticket {number}" for number in range(1, 8))
NORMAL = OWN.replace("My", "Your")
Sit = Callable[..., AppTest]


@pytest.fixture
def sit(open_app: OpenApp, cookies: dict[str, str], whole_app: None) -> Sit:
    """Open a tab of the one browser whose cookie names OWNER; another owner's where one is named."""

    def seated(page: str = "examples", run: str = "", name: str = OWNER) -> AppTest:
        cookies[keeping.COOKIE] = name
        return open_app(page, run=run).run()

    return seated


def type_in(app: AppTest, anomalous: str = OWN, normal: str = NORMAL) -> AppTest:
    app.text_area(key="paste_anomalous").set_value(anomalous).run()
    app.text_area(key="paste_normal").set_value(normal).run()
    assert not app.exception
    return app


def with_model(app: AppTest) -> AppTest:
    """At the examples, with the bundled model that is offered first."""
    app.switch_page("pages/model.py").run()
    app.switch_page("pages/examples.py").run()
    return app


def texts(app: AppTest) -> list[str]:
    return [example.text for example in app.session_state["draft"].examples.examples]


TYPED = OWN.split("\n") + NORMAL.split("\n")


def bring_back(app: AppTest) -> AppTest:
    app.button(key="bring_back").click().run()
    app.switch_page("pages/examples.py").run()
    assert not app.exception
    return app


def test_typed_texts_and_settings_are_there_in_a_new_session(sit: Sit) -> None:
    app = type_in(with_model(sit("start")))
    app.session_state["draft"].seed = 7
    app.run()
    again = sit("examples")
    assert texts(again) == TYPED
    assert again.text_area(key="paste_anomalous").value == OWN
    assert again.session_state["draft"].seed == 7
    assert again.session_state["draft"].source == app.session_state["draft"].source
    assert again.session_state["asked_source"] == again.session_state["draft"].source
    assert not texts(sit("start", name="f" * 32))


def test_box_that_cannot_be_read_is_kept_as_it_stands(sit: Sit) -> None:
    app = type_in(with_model(sit("start")))
    wrong = "label\ttext\nodd\tone"
    app.text_area(key="paste_normal").set_value(wrong).run()
    for again in (
        app.switch_page("pages/model.py").run().switch_page("pages/examples.py").run(),
        sit("examples"),
    ):
        assert again.text_area(key="paste_normal").value == wrong
        assert again.text_area(key="paste_anomalous").value == OWN
        assert "odd" in again.error[0].value
        assert texts(again) == TYPED
    again.text_area(key="paste_normal").set_value(NORMAL).run()
    assert not again.error
    assert not read_drafts(OWNER).current.unread


def test_another_model_leaves_the_texts(sit: Sit) -> None:
    app = type_in(with_model(sit("start")))
    app.switch_page("pages/model.py").run()
    app.selectbox(key="draft_bundled").set_value("induction").run()
    app.radio(key="draft_source_kind").set_value("folder").run()
    app.text_input(key="draft_source").set_value("/models/mine").run()
    app.switch_page("pages/examples.py").run()
    assert app.text_area(key="paste_anomalous").value == OWN
    assert texts(app) == TYPED


def by_sample(app: AppTest) -> None:
    app.switch_page("pages/start.py").run()
    app.button(key="open_sample").click().run()


def by_template(app: AppTest) -> None:
    app.button(key=f"template_{next(iter(templates('en')))}").click().run()


def by_a_run_of_the_list(app: AppTest) -> None:
    run = list_runs()[0]
    app.switch_page("pages/runs.py").run()
    app.button(key=f"duplicate_{run.run_id}").click().run()


def by_starting_a_run_again(app: AppTest) -> None:
    run = list_runs()[0]
    app.switch_page("pages/runs.py").run()
    app.button(key=f"again_{run.run_id}").click().run()


def by_a_file(app: AppTest) -> None:
    rows = "".join(f"{label},of a file {number}\n" for label in ("anomalous", "normal") for number in "123")
    app.file_uploader(key="upload").set_value(("texts.csv", f"label,text\n{rows}".encode(), "text/csv")).run()


def by_beginning_anew(app: AppTest) -> None:
    app.switch_page("pages/start.py").run()
    assert "My ticket 1" in shown(app)
    app.button(key="start_own").click().run()


@pytest.mark.parametrize(
    "way",
    [by_beginning_anew, by_sample, by_template, by_a_run_of_the_list, by_starting_a_run_again, by_a_file],
)
def test_what_replaces_own_texts_keeps_them_and_one_click_has_them_back(
    sit: Sit, way: Callable[[AppTest], None]
) -> None:
    make_run(runs_folder())
    app = type_in(with_model(sit("start")))
    source = app.session_state["draft"].source
    way(app)
    assert not app.exception
    assert texts(app) != TYPED
    assert [draft.own for draft in read_drafts(OWNER).earlier] == [True]
    app.switch_page("pages/examples.py").run()
    if way is by_a_file:
        app.button(key="bring_back_0").click().run()
    else:
        assert "7 anomalous, 7 normal, beginning “My ticket 1”" in shown(app)
        bring_back(app)
    assert texts(app) == TYPED
    assert app.text_area(key="paste_anomalous").value == OWN
    assert app.session_state["draft"].source == source
    assert texts(sit("examples")) == TYPED
    assert len(read_drafts(OWNER).earlier) == int(way is by_a_file)


def test_link_to_a_run_shows_the_run_and_keeps_own_texts(sit: Sit) -> None:
    run = make_run(runs_folder())
    type_in(with_model(sit("start")))
    app = sit("examples", run=run.run_id)
    assert texts(app) == [example.text for example in run.config().examples.examples]
    assert read_drafts(OWNER).current.examples.count("anomalous") == 7
    bring_back(app)
    assert texts(app) == TYPED
    assert not app.query_params.get("run")


def test_change_beside_an_open_run_is_there_after_a_reload(sit: Sit) -> None:
    run = make_run(runs_folder())
    app = type_in(sit("examples", run=run.run_id))
    assert app.query_params["run"] == run.run_id
    again = sit("examples", run=run.run_id)
    assert texts(again) == TYPED
    assert state.REPLACED not in again.session_state


def test_texts_of_a_run_are_nobodys_own(sit: Sit) -> None:
    run = make_run(runs_folder())
    app = sit("examples", run=run.run_id)
    by_sample(app)
    app.switch_page("pages/examples.py").run()
    assert not read_drafts(OWNER).earlier
    assert all(button.key != "bring_back" for button in app.button)


def test_sample_of_the_command_line_leaves_own_texts(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["app.py", "--scenario", samples.SAMPLE])
    assert sit("start").session_state["draft"].scenario == samples.SAMPLE
    type_in(with_model(sit("start")))
    assert texts(sit("examples")) == TYPED


def test_newer_texts_of_another_tab_are_shown_when_the_page_is_entered(sit: Sit) -> None:
    first = type_in(with_model(sit("start")))
    second = sit("examples")
    type_in(second, OWN + "\nMy ticket 8")
    first.switch_page("pages/model.py").run()
    first.switch_page("pages/examples.py").run()
    assert first.text_area(key="paste_anomalous").value == OWN + "\nMy ticket 8"
    assert not read_drafts(OWNER).earlier


@pytest.mark.parametrize("choice", ["take_those", "keep_these"])
def test_box_in_two_tabs_loses_nothing(sit: Sit, choice: str) -> None:
    first = type_in(with_model(sit("start")))
    second = sit("examples")
    there, here = OWN.replace("ticket 1", "ticket one"), OWN.replace("ticket 2", "ticket two")
    type_in(second, there)
    first.text_area(key="paste_anomalous").set_value(here).run()
    assert entries("en")["kept.conflict"] in [info.value for info in first.info]
    assert read_drafts(OWNER).current.examples.texts("anomalous") == here.split("\n")
    first.button(key=choice).click().run()
    wanted = there if choice == "take_those" else here
    assert first.text_area(key="paste_anomalous").value == wanted
    assert not first.info
    drafts, other = read_drafts(OWNER), here if choice == "take_those" else there
    assert drafts.current.examples.texts("anomalous") == wanted.split("\n")
    assert [draft.examples.texts("anomalous") for draft in drafts.earlier] == [other.split("\n")]


@pytest.mark.parametrize("choice", ["take_those", "keep_these"])
def test_open_boxes_are_not_filled_anew_behind_somebodys_back(sit: Sit, choice: str) -> None:
    first = type_in(with_model(sit("start")))
    type_in(sit("examples"), "other\ntexts")
    first.run()
    assert first.text_area(key="paste_anomalous").value == OWN
    assert entries("en")["kept.newer"] in [info.value for info in first.info]
    first.button(key=choice).click().run()
    assert first.text_area(key="paste_anomalous").value == ("other\ntexts" if choice == "take_those" else OWN)
    assert not first.info
    all_texts = {text for draft in read_drafts(OWNER).earlier for text in draft.examples.texts("anomalous")}
    assert set(OWN.split("\n") if choice == "take_those" else ["other", "texts"]) <= all_texts


def test_former_texts_can_be_removed(sit: Sit) -> None:
    app = type_in(with_model(sit("start")))
    by_template(app)
    app.button(key="remove_former_0").click().run()
    assert not read_drafts(OWNER).earlier
    assert all(button.key != "bring_back" for button in app.button)


def test_damaged_file_is_named_and_the_page_works(
    sit: Sit, open_app: OpenApp, cookies: dict[str, str]
) -> None:
    cookies[keeping.COOKIE] = OWNER
    drafts_file(OWNER).write_text("{")
    app = open_app()
    assert "set aside" in app.error[0].value
    type_in(with_model(app))
    assert texts(sit("examples")) == TYPED


def test_disk_that_refuses_is_named_once_and_texts_stay(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    app = with_model(sit("start"))

    def full(*given: object, **named: object) -> None:
        raise StorageError("disk_full", path="x")

    monkeypatch.setattr(on_disk, "write_atomically", full)
    app.text_area(key="paste_anomalous").set_value(OWN).run()
    assert "There is no room on the disk for x" in app.error[0].value
    app.text_area(key="paste_normal").set_value(NORMAL).run()
    assert not app.error
    by_template(app)
    bring_back(app)
    assert texts(app) == TYPED


@pytest.mark.parametrize(("name", "taken"), [(OWNER, True), ("../../x", False), ("", False)])
def test_name_in_a_cookie_is_taken_only_where_it_can_be_ours(sit: Sit, name: str, taken: bool) -> None:
    app = type_in(with_model(sit("start", name=name)))
    (file,) = drafts_file(OWNER).parent.glob("*.json")
    assert (file == drafts_file(OWNER)) is taken
    assert (texts(sit("examples", name=name)) == TYPED) is taken
    assert texts(app) == TYPED


def test_start_page_goes_on_with_texts_that_are_there(sit: Sit) -> None:
    app = type_in(with_model(sit("start")))
    app.switch_page("pages/start.py").run()
    app.button(key="go_on_own").click().run()
    assert app.title[0].value == entries("en")["examples.title"]
    assert app.text_area(key="paste_anomalous").value == OWN


def test_text_that_is_added_replaces_nothing(sit: Sit) -> None:
    app = type_in(with_model(sit("start")))
    draft = app.session_state["draft"]
    draft.examples = draft.examples.model_copy(update={"frame": "Ticket: {text}"})
    app.run()
    app.text_area(key="match_text").set_value("Another ticket").run()
    app.button(key="match_add").click().run()
    assert texts(app) == [*TYPED, "Another ticket"]
    assert not read_drafts(OWNER).earlier
