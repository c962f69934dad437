"""What a tokenizer cannot read of a text is named; a tokenizer that fails or panics ends with an error of ours."""

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from core.analysis.pipeline import analyse
from core.config import make_config
from core.errors import ExamplesError, ModelError
from core.examples.example_set import Example, ExampleSet
from core.examples.reading import from_rows
from core.inspection.preview import preview
from core.model.loaded_model import LoadedModel
from core.model.loading import load_tokenizer
from core.model.tokens.prompts import Prompt
from core.model.tokens.tokenising import reading_notes, tokenise, unread_parts
from core.text import LANGUAGES, text
from tests.support.tiny_models import random_model, save_tiny, tiny

LETTERS = "abcdefghijklmnopqrstuvwxyz "


class PanicException(BaseException):
    """What pyo3 raises for a panic of Rust code; it is no Exception."""


def with_tokenizer(tokenizer: Tokenizer, **special) -> LoadedModel:
    return LoadedModel(
        random_model("gpt2"), PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special), "x"
    )


def letters(unknown: str | None = None) -> LoadedModel:
    """One token a letter; other characters become the unknown token, or have none."""
    ids = {letter: index for index, letter in enumerate([*LETTERS, *([unknown] if unknown else [])])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=unknown) if unknown else models.WordLevel(ids))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return with_tokenizer(tokenizer, unk_token=unknown)


def examples(*lines: str):
    return from_rows(
        [{"label": "anomalous" if i % 2 else "normal", "text": line} for i, line in enumerate(lines)]
    )


def test_characters_that_become_the_unknown_token_are_named():
    loaded = letters("<unk>")
    assert unread_parts(loaded, Prompt("a häuschen ☃ b")) == ["ä", "☃"]
    assert unread_parts(loaded, Prompt("all known")) == []
    (note,) = reading_notes(loaded, examples("a ä b", "plain", "ä c ☃"))
    assert note.key == "unread_characters"
    assert note.values == {"characters": "“ä” “☃”", "lines": "1, 3", "count": 3, "total": 15}
    for language in LANGUAGES:
        shown = text(language, f"note.{note.key}", **note.values)
        assert "“ä” “☃”" in shown and "1, 3" in shown
    assert reading_notes(loaded, examples("plain", "too")) == []


def test_a_word_that_becomes_the_unknown_token_is_named_whole():
    assert unread_parts(tiny(), Prompt("w1 surely w2")) == ["surely"]
    assert unread_parts(tiny(), Prompt("w1 <unk> w2")) == [], "written so by its author"


@pytest.mark.parametrize(
    "model",
    [
        models.WordLevel({"?": 0, "a": 1, "b": 2, "c": 3}, unk_token="?"),
        models.BPE(vocab={"?": 0, "a": 1, "b": 2, "c": 3}, merges=[], unk_token="?"),
    ],
)
def test_an_unknown_token_that_the_tokenizer_names_in_its_own_model_alone(model):
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    loaded = with_tokenizer(tokenizer)
    assert loaded.tokenizer.unk_token is None
    assert unread_parts(loaded, Prompt("a4b?☃")) == ["4", "☃"]


def test_characters_that_vanish_are_named():
    tokenizer = Tokenizer(models.WordLevel({"ab": 0, "c": 1, "?": 2}, unk_token="?"))
    tokenizer.normalizer = normalizers.Replace("☃", "")
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    assert unread_parts(with_tokenizer(tokenizer, unk_token="?"), Prompt("ab ☃ c")) == ["☃"]


def test_a_tokenizer_without_an_unknown_token_names_the_characters():
    loaded = letters()
    assert tokenise(loaded, examples("ab", "cd")) == [[0, 1], [2, 3]]
    with pytest.raises(ExamplesError, match="“é” “☃”") as caught:
        tokenise(loaded, examples("ab", "café ☃ é"))
    assert (caught.value.key, caught.value.values["line"]) == ("text_not_readable", 2)


def test_a_text_of_unknown_characters_alone_is_refused():
    with pytest.raises(ExamplesError) as caught:
        tokenise(letters("<unk>"), examples("ab", "日本"))
    assert caught.value.key == "text_not_readable"
    assert "日" in caught.value.values["characters"]


def test_many_unknown_characters_are_cut_short():
    (note,) = reading_notes(
        letters("<unk>"), examples("abc " + "".join(map(chr, range(0x3042, 0x3062))), "ab")
    )
    assert note.values["characters"].endswith("” …")
    assert note.values["count"] == 32


def test_preview_and_manifest_say_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home"))
    rows = [
        {"label": label, "text": f"w1 w{10 + i} {'snow' if i == 1 else 'w2'} w{other}"}
        for i in range(3)
        for label, other in (("anomalous", 20), ("normal", 30))
    ]
    config = make_config(
        model=str(save_tiny(tmp_path / "model")), examples=from_rows(rows), device="cpu", evidence=False
    )
    (note,) = preview(config)["notes"]
    *_, result = analyse(config)
    (noted,) = [note for note in result.manifest.notes if note.key == "unread_characters"]
    assert note == noted.model_dump(mode="json")
    assert noted.values["characters"] == "“snow”"


@pytest.mark.parametrize("failure", [PanicException("called `Option::unwrap()`"), Exception("no such id")])
def test_a_tokenizer_that_fails_or_panics_ends_with_an_error_of_ours(failure, monkeypatch):
    loaded = tiny()

    def fail(*_args, **_named):
        raise failure

    monkeypatch.setattr(type(loaded.tokenizer), "__call__", fail)
    monkeypatch.setattr(type(loaded.tokenizer), "decode", fail)
    for call in (
        lambda: loaded.encode("w1"),
        lambda: loaded.pieces([5]),
        lambda: loaded.pieces_in("w1", [5]),
        lambda: loaded.word_token("w1"),
    ):
        with pytest.raises(ModelError) as caught:
            call()
        assert caught.value.key == "tokenizer_failed"
    with pytest.raises(ModelError):
        tokenise(loaded, examples("w2", "w1"))


def test_a_tokenizer_that_panics_when_loaded_is_named(tmp_path, monkeypatch):
    def panic(*_args, **_named):
        raise PanicException("index out of bounds")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", panic)
    with pytest.raises(ModelError, match="index out of bounds") as caught:
        load_tokenizer(str(tmp_path))
    assert caught.value.key == "no_tokenizer"


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), MemoryError()])
def test_interrupts_pass(signal, monkeypatch):
    loaded = tiny()

    def stop(*_args, **_named):
        raise signal

    monkeypatch.setattr(type(loaded.tokenizer), "__call__", stop)
    with pytest.raises(type(signal)):
        loaded.encode("w1")


def test_white_space_that_is_read_as_none_or_as_another_is_named():
    loaded = tiny()
    texts = ("w1 w2", "w1\nw2", "w1\n", "w3 ", "w1\n\nw2 ")
    as_written = ExampleSet(examples=tuple(Example(label="normal", text=written) for written in texts))
    (note,) = reading_notes(loaded, as_written)
    assert (note.key, note.values) == ("unread_white_space", {"lines": "2, 3, 4, 5"})
    for language in LANGUAGES:
        assert "2, 3, 4, 5" in text(language, f"note.{note.key}", **note.values)
    assert reading_notes(letters("<unk>"), examples("a b", "a  b ")) == []
