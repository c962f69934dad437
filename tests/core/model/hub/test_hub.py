"""Models of the hub: what it says of one, its download with resume, and its refusals, against a hub of our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from core.errors import HeadlightError
from core.generators import result_of
from core.model.hub import download
from core.model.hub.cache import complete, is_hub_id, snapshot
from core.model.hub.download import fetch
from core.model.hub.facts import ask_hub, chosen_files
from core.model.hub.origin import origin_of
from core.model.loading import load_model
from tests.support.hub import COMMIT, TOKEN, Hub, files_of, serving
from tests.support.tiny_models import save_tiny

NAME = "owner/tiny"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = save_tiny(tmp_path_factory.mktemp("tiny"), "llama")
    return {**files_of(folder), "pytorch_model.bin": b"x" * 1000, "consolidated.safetensors": b"y" * 1000}


@pytest.fixture
def hub(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one model, an empty cache, and nobody logged in."""
    hub = Hub({NAME: dict(files), "owner/packed": {"a.Q4.gguf": b"g" * 50, "b.Q8.gguf": b"g" * 90}})
    with serving(hub) as address:
        stands(monkeypatch, address, tmp_path / "cache")
        yield hub


def stands(monkeypatch: pytest.MonkeyPatch, address: str, cache: Path) -> None:
    """Let the hub's client talk to this address."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(cache / "token"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", address)


def key_of(name: str) -> str:
    with pytest.raises(HeadlightError) as raised:
        ask_hub(name)
    return raised.value.key


def test_facts_before_anything_is_fetched(hub: Hub, files: dict[str, bytes]) -> None:
    facts = ask_hub(NAME)
    wanted = {file["name"] for file in facts["files"]}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= wanted
    assert not wanted & {"pytorch_model.bin", "consolidated.safetensors"}
    assert facts["size_bytes"] == facts["missing_bytes"] == sum(len(files[name]) for name in wanted)
    assert (facts["licence"], facts["revision"], facts["cached"]) == ("apache-2.0", COMMIT, False)
    assert all("/resolve/" not in path for path in hub.asked)


def test_fetched_model_loads_without_the_hub_and_its_commit_is_known(hub: Hub) -> None:
    steps = list(fetch(ask_hub(NAME)))
    assert steps[-1].step == steps[-1].total == ask_hub(NAME)["size_bytes"]
    assert complete(NAME)
    hub.repositories.clear()  # what follows must not need it
    loaded = load_model(NAME, "cpu")
    assert loaded.shape.architecture == "llama"
    assert origin_of(NAME) == {"kind": "hub", "id": NAME, "revision": COMMIT}
    folder = snapshot(NAME)
    assert folder is not None
    assert origin_of(str(folder)) == {"kind": "hub", "id": NAME, "revision": COMMIT}


def test_broken_download_goes_on_where_it_ended(
    hub: Hub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 500)
    hub.breaks_after = 1000
    result_of(fetch(ask_hub(NAME)))
    assert hub.ranges["model.safetensors"] == [0, 1000]
    folder = snapshot(NAME)
    assert folder is not None
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_next_process_asks_for_the_rest_alone(hub: Hub, files: dict[str, bytes], tmp_path: Path) -> None:
    facts = ask_hub(NAME)
    weights = next(file for file in facts["files"] if file["name"] == "model.safetensors")
    part = tmp_path / "parts" / f"{weights['blob']}.part"
    part.parent.mkdir()
    part.write_bytes(files["model.safetensors"][:700])
    result_of(fetch(facts, tmp_path))
    assert hub.ranges["model.safetensors"] == [700]
    assert (tmp_path / "model.safetensors").read_bytes() == files["model.safetensors"]


def test_damaged_file_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    hub.damaged = True
    with pytest.raises(HeadlightError) as raised:
        result_of(fetch(ask_hub(NAME), tmp_path))
    assert raised.value.key == "download_damaged"
    hub.damaged = False
    result_of(fetch(ask_hub(NAME), tmp_path))
    assert (tmp_path / "model.safetensors").is_file()


def test_gated_model_needs_a_token_with_access(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.gated = True
    facts = ask_hub(NAME)
    assert (facts["gated"], facts["access"], facts["logged_in"]) == (True, False, False)
    with pytest.raises(HeadlightError) as raised:
        result_of(fetch(facts, tmp_path))
    assert raised.value.key == "hub_gated"
    assert "hf auth login" in str(raised.value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    facts = ask_hub(NAME)
    assert (facts["access"], facts["logged_in"]) == (True, True)
    result_of(fetch(facts, tmp_path))
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in content for content in written)
    assert TOKEN not in str(facts)


def test_refusals_are_one_plain_line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert key_of("owner/nothing") == "hub_not_found"
    assert key_of(f"{NAME}@typo") == "hub_no_revision"
    assert key_of("no id at all") == "hub_bad_id"
    hub.private = True
    assert key_of(NAME) == "hub_not_found"
    hub.private, hub.limit = False, True
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert key_of(NAME) == "hub_rate_limit"
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert key_of(NAME) == "hub_offline"


def test_no_room_is_said_before_anything_is_fetched(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(HeadlightError) as raised:
        result_of(fetch(ask_hub(NAME), tmp_path))
    assert raised.value.key == "no_room_for_model"
    assert hub.ranges == {}


def test_gguf_repository_lets_choose_a_file(hub: Hub) -> None:
    facts = ask_hub("owner/packed")
    assert [file["name"] for file in facts["gguf"]] == ["a.Q4.gguf", "b.Q8.gguf"]
    assert facts["files"] == []
    assert [file["name"] for file in ask_hub("owner/packed", "b.Q8.gguf")["files"]] == ["b.Q8.gguf"]


def test_repository_of_pickles_alone_is_refused(hub: Hub) -> None:
    hub.repositories["owner/old"] = {"config.json": b"{}", "pytorch_model.bin": b"x"}
    assert chosen_files([]) == ([], [])
    assert key_of("owner/old") == "hub_no_weights"


@pytest.mark.parametrize(
    ("name", "is_id"),
    [
        *((name, True) for name in ("gpt2", "owner/name", "owner/name@main")),
        *((name, False) for name in ("", "/models/x", "~/x", "./x", "C:\\x", "a/b/c", "two words")),
    ],
)
def test_ids_are_told_from_paths(name: str, is_id: bool) -> None:
    assert is_hub_id(name) == is_id
