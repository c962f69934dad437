"""The incident on a real language model, from one click on the start page to its analysis."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.scenarios.loader import load_scenario
from tests.browser.conftest import Sit
from tests.support.hub import Hub, files_of, serving
from tests.support.server import dashboard

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard whose hub stands on this machine, and breaks the download off once."""
    wanted = load_scenario("customers-mistake").fetched
    assert wanted is not None
    hub = Hub({wanted.hub: files_of(smollm2)}, breaks_after=50_000_000)
    before = dict(os.environ)
    with serving(hub) as endpoint:
        os.environ |= {
            "HF_ENDPOINT": endpoint,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(tmp_path_factory.mktemp("hf")),
        }
        try:
            with dashboard(tmp_path_factory.mktemp("home")) as port:
                yield f"http://127.0.0.1:{port}"
        finally:
            os.environ.clear()
            os.environ |= before
    assert len(hub.ranges["model.safetensors"]) == 2
    assert hub.ranges["model.safetensors"][1] > 0  # it went on where it broke off


def test_real_sample_is_fetched_on_one_click_and_leads_to_its_analysis(sit: Sit) -> None:
    reader = sit("ja")
    reader.opens()
    reader.is_settled()
    label = reader.texts["real.fetch"].format(size="271 MB")
    reader.page.get_by_role("button", name=label).click()
    button = reader.page.get_by_role("button", name=reader.texts["real.open"])
    button.wait_for(timeout=120_000)
    reader.sees("SmolLM2-135M-Instruct、リビジョン")
    reader.keeps("real-sample")
    button.click()
    reader.title_is("analysis.title")
    reader.presses("analysis.cancel")
