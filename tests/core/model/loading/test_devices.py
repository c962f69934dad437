"""Apple's graphics processor, played: taken by itself only where its numbers are those of the CPU."""

import pytest
import torch

from core.errors import ModelError
from core.model.loading import apple, device_notes, load_model, resolve_device
from tests.support.tiny_models import random_model, save_tiny, tiny


@pytest.fixture
def mac(monkeypatch):
    """A machine without CUDA that has Apple's; returns what sets how it computes."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(apple, "there", lambda: True)
    apple.refusal.cache_clear()
    real = apple.computed

    def computes(how):
        def computed(device):
            numbers = real(torch.device("cpu"))
            return how(numbers) if device.type == "mps" else numbers

        monkeypatch.setattr(apple, "computed", computed)

    computes(lambda numbers: numbers)
    yield computes
    apple.refusal.cache_clear()


def changed(numbers, which, by):
    numbers[which].view(-1)[0] += by * numbers[which].abs().max()
    return numbers


def test_it_is_taken_where_its_numbers_are_those_of_the_cpu(mac):
    assert resolve_device("auto") == torch.device("mps")
    assert device_notes("auto") == []


@pytest.mark.parametrize("which", range(6))
def test_it_is_not_taken_where_one_kind_of_numbers_differs(mac, which):
    mac(lambda numbers: changed(numbers, which, 0.01))
    assert resolve_device("auto") == torch.device("cpu")
    (note,) = device_notes("auto")
    assert note.key == "mps_differs"
    assert float(note.values["share"]) == pytest.approx(0.01, rel=0.15)
    assert device_notes("cpu") == []


def test_differences_of_float_rounding_are_accepted_and_no_numbers_are_not(mac):
    mac(lambda numbers: changed(numbers, 0, 1e-5))
    assert resolve_device("auto").type == "mps"
    apple.refusal.cache_clear()
    mac(lambda numbers: changed(numbers, 0, float("nan")))
    assert resolve_device("auto").type == "cpu"


def test_it_is_not_taken_where_an_operation_is_missing_there(mac):
    def missing(numbers):
        raise NotImplementedError("linalg_qr is not there\n for the MPS device")

    mac(missing)
    assert resolve_device("auto") == torch.device("cpu")
    (note,) = device_notes("auto")
    assert (note.key, note.values) == ("mps_fails", {"detail": "linalg_qr is not there for the MPS device"})


def test_a_card_with_cuda_goes_first_and_nothing_is_said(mac, monkeypatch):
    mac(lambda numbers: changed(numbers, 0, 1.0))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")
    assert device_notes("auto") == []


def test_a_machine_without_it_uses_the_cpu_and_says_nothing(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(apple, "there", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    assert device_notes("auto") == []


class Played:
    """A model's way between the devices, on one of which its logits are others."""

    def __init__(self, model, monkeypatch, there=1.0):
        self.at, self.moves = "cpu", []
        move, passes = model.to, apple._short_pass

        def to(device):
            self.at = str(device)
            self.moves.append(self.at)
            return move("cpu")

        model.to = to
        monkeypatch.setattr(
            apple, "_short_pass", lambda model: passes(model) * (there if self.at == "mps" else 1.0)
        )


def test_a_model_stays_there_where_its_logits_are_the_same(monkeypatch):
    model, tokenizer = random_model("llama"), tiny("llama").tokenizer
    played = Played(model, monkeypatch)
    loaded = apple.placed(model, lambda moved: apple.LoadedModel(moved, tokenizer, "m"))
    assert played.moves == ["mps"] and loaded.device_note is None


def test_a_model_goes_back_where_its_logits_differ_there(monkeypatch):
    model, tokenizer = random_model("gpt2"), tiny("gpt2").tokenizer
    played = Played(model, monkeypatch, there=1.1)
    loaded = apple.placed(model, lambda moved: apple.LoadedModel(moved, tokenizer, "m"))
    assert played.moves == ["mps", "cpu"]
    assert loaded.device_note.key == "mps_differs"


@pytest.mark.parametrize("error", [ModelError("no_gpu"), RuntimeError("MPS backend out of memory")])
def test_a_model_goes_back_where_its_heads_fail_their_test_there(monkeypatch, error):
    model, tokenizer = random_model("gpt2"), tiny("gpt2").tokenizer
    played = Played(model, monkeypatch)

    def build(moved):
        if played.at == "mps":
            raise error
        return apple.LoadedModel(moved, tokenizer, "m")

    loaded = apple.placed(model, build)
    assert played.moves == ["mps", "cpu"]
    assert loaded.device_note.key == "mps_fails"


def test_loading_goes_that_way_and_the_result_is_that_of_the_cpu(mac, monkeypatch, tmp_path):
    folder = save_tiny(tmp_path / "m", "llama")
    asked = []

    def placed(model, build):
        asked.append(model.device.type)
        return build(model)

    monkeypatch.setattr(apple, "placed", placed)
    loaded = load_model(folder, "auto")
    assert asked == ["cpu"]
    assert loaded.weights_hash == load_model(folder, "cpu").weights_hash
