"""GGUF files are read as the numbers that they stand for."""

import pytest
import torch

from core.errors import ModelError
from core.inspection.preview import inspect
from core.model.loading import load_model
from tests.support.gguf_files import write_gguf


@pytest.mark.parametrize("quantise", [True, False])
def test_a_gguf_file_and_the_folder_of_one_are_the_model(quantise, tmp_path):
    model = write_gguf(tmp_path / "tiny-Q8_0.gguf", quantise)
    card = inspect(str(tmp_path))
    assert (card["n_layers"], card["n_heads"], card["d_head"]) == (2, 4, 8)
    assert [note["kind"] for note in card["findings"]] == ["gguf_dequantised"]
    ids = torch.tensor([[5, 9, 7, 30]])
    for source in (tmp_path, tmp_path / "tiny-Q8_0.gguf"):
        loaded = load_model(source, "cpu")
        torch.testing.assert_close(loaded.model(ids).logits, model(ids).logits, atol=1e-5, rtol=1e-5)
    weight = model.model.layers[0].self_attn.o_proj.weight
    torch.testing.assert_close(loaded.output_weights(0).flatten(0, 1), weight.T)


def test_files_that_cannot_be_read_and_several_files(tmp_path):
    file = tmp_path / "tiny.gguf"
    write_gguf(file)
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    assert _key(tmp_path) == "half_downloaded"
    file.write_bytes(b"GGUF" + bytes(60))
    assert _key(tmp_path) == "bad_gguf"
    file.write_bytes(whole)
    (tmp_path / "other.gguf").write_bytes(whole)
    with pytest.raises(ModelError) as caught:
        inspect(str(tmp_path))
    assert [choice["model"] for choice in caught.value.values["choices"]] == [
        str(tmp_path / "other.gguf"),
        str(file),
    ]


def _key(folder):
    with pytest.raises(ModelError) as caught:
        inspect(str(folder))
    return caught.value.key
