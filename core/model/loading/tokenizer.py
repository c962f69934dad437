"""A model's tokenizer, held against the files it is made of.

transformers chooses a class by the model's type and may build another tokenizer than the one that `tokenizer.json` or
the SentencePiece file holds. The model was trained on the ids of the file, so these are what is used.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import try_to_load_from_cache
from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer, normalizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from core.errors import ModelError
from core.model.loaded_model import tokenizer_errors
from core.model.loading.hub import place_of
from core.model.loading.places import CHECKPOINT
from core.schema import Note

FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "vocab.txt",
)
"""Files that hold a vocabulary."""

SENTENCEPIECE = FILES[1:4]
PROBES = (
    "Hello wörld, it's 2024-01-05: 1234567 tokens!",
    "  two  spaces\n\n\tand a line\r\n",
    "東京の天気は晴れです。ﾃｽﾄ Ｔｅｓｔ",
    "naïve café — “quotes” … 😀👍🏽",
    "def f(x):\n    return x**2 != 0 && y_z",
    "HTTPServer McDonald's I'LL don't www.example.com/a?b=c",
    "Привет мир. שלום. مرحبا. नमस्ते.",
)
"""Texts on which tokenizers differ: numbers, white space, scripts, signs, code, letters of both cases."""

NAMED = 5


@dataclass(frozen=True)
class ReadTokenizer:
    """A tokenizer, and what a person should know of it."""

    tokenizer: Any
    notes: tuple[Note, ...] = ()


def load_tokenizer(source: str, adapter: str = "", config: Any = None) -> Any:
    """The model's tokenizer; raises ModelError where it is missing or broken."""
    return read_tokenizer(source, adapter, config).tokenizer


def read_tokenizer(source: str, adapter: str = "", config: Any = None) -> ReadTokenizer:
    """The model's tokenizer with notes; an adapter's own counts more. Raises ModelError as `load_tokenizer` does."""
    place, notes = _where(source, adapter)
    try:
        with tokenizer_errors(source):
            tokenizer = AutoTokenizer.from_pretrained(
                **place_of(place), config=config, trust_remote_code=False
            )
    except ModelError as error:
        raise ModelError("no_tokenizer", name=source, detail=error.values["detail"]) from None
    # transformers makes an empty tokenizer of a known type where the files are missing
    if tokenizer is None or len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelError("no_tokenizer", name=source, detail="it has no vocabulary")
    with tokenizer_errors(source):
        tokenizer, differs = _as_its_file(tokenizer, place)
        notes += [*differs, *_without_ending(tokenizer)]
    rows = config and getattr(config.get_text_config(), "vocab_size", None)
    return ReadTokenizer(tokenizer, (*notes, *(_beyond(tokenizer, rows) if rows else ())))


def _where(source: str, adapter: str) -> tuple[str, list[Note]]:
    """The place of the tokenizer's files: the adapter's folder, the model's, or that above a checkpoint."""
    folder = Path(source)
    if adapter and Path(adapter).is_dir() and _has_files(Path(adapter)) and Path(adapter) != folder:
        return adapter, [Note(key="tokenizer_of_adapter", values={"adapter": Path(adapter).name})]
    if not folder.is_dir() or _has_files(folder) or not CHECKPOINT.fullmatch(folder.resolve().name):
        return source, []
    if not (folder / "config.json").is_file():
        return source, []
    if _has_files(folder.resolve().parent):
        return str(folder.resolve().parent), [Note(key="tokenizer_of_parent")]
    raise ModelError("checkpoint_without_tokenizer", name=source, parent=str(folder.resolve().parent))


def _has_files(folder: Path) -> bool:
    return any((folder / name).is_file() for name in FILES)


def _as_its_file(tokenizer: Any, place: str) -> tuple[Any, list[Note]]:
    """The tokenizer with the ids of its own file, and a note where transformers makes others."""
    if (file := _file(place, "tokenizer.json")) is not None:
        stored = Tokenizer.from_file(str(file))
        if not _differ(tokenizer, lambda text: stored.encode(text, add_special_tokens=False).ids):
            # the file's own ids are at hand where it is built in another way: a text may show it
            if not _same_rules(tokenizer, stored):
                tokenizer.file_ids = lambda text: stored.encode(text, add_special_tokens=False).ids
                tokenizer.file_name = file.name
            return tokenizer, []
        other = PreTrainedTokenizerFast.from_pretrained(str(file.parent), local_files_only=True)
        other.backend_tokenizer.post_processor = tokenizer.backend_tokenizer.post_processor
        return other, [Note(key="tokenizer_differs", values={"file": file.name})]
    for name in SENTENCEPIECE:
        if (file := _file(place, name)) is not None:
            return tokenizer, _as_sentencepiece(tokenizer, file)
    return tokenizer, []


def _as_sentencepiece(tokenizer: Any, file: Path) -> list[Note]:
    """Give a tokenizer the unknown token and the letters of its SentencePiece file; a note where they were others."""
    stored = SentencePieceProcessor(model_file=str(file))
    lower = bool(tokenizer.init_kwargs.get("do_lower_case"))
    backend = getattr(tokenizer, "_tokenizer", None)

    def ids_of(text: str) -> list[int]:
        return list(stored.encode(text.lower() if lower else text))

    if backend is None or not _differ(tokenizer, ids_of):
        return []
    content = json.loads(backend.to_str())
    if content["model"].get("type") == "Unigram" and content["model"].get("unk_id") != stored.unk_id():
        content["model"]["unk_id"] = stored.unk_id()
        backend = tokenizer._tokenizer = Tokenizer.from_str(json.dumps(content))
    if lower and tokenizer.encode("A", add_special_tokens=False) != tokenizer.encode(
        "a", add_special_tokens=False
    ):
        own = backend.normalizer
        backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *([own] if own else [])])
    if _differ(
        tokenizer, ids_of
    ):  # white space and wide letters may be read in another way: a text may show it
        tokenizer.file_ids, tokenizer.file_name = ids_of, file.name
        return []
    return [Note(key="tokenizer_differs", values={"file": file.name})]


def _file(place: str, name: str) -> Path | None:
    """A file of the tokenizer here or in the hub's cache."""
    if Path(place).exists():
        file = Path(place) / name
        return file if file.is_file() else None
    cached = try_to_load_from_cache(place, name)
    return Path(cached) if isinstance(cached, str) else None


def _differ(tokenizer: Any, ids_of: Any) -> bool:
    """Whether a tokenizer makes other tokens of one of the probes than its file."""
    return any(list(ids_of(text)) != tokenizer.encode(text, add_special_tokens=False) for text in PROBES)


def _same_rules(tokenizer: Any, stored: Tokenizer) -> bool:
    """Whether both cut every text alike: by the same rules in front of the same vocabulary."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return False
    first, second = json.loads(backend.to_str()), json.loads(stored.to_str())
    return all(first.get(part) == second.get(part) for part in ("normalizer", "pre_tokenizer", "model"))


def _without_ending(tokenizer: Any) -> list[Note]:
    """Keep a tokenizer from putting a token behind every text, where the model is to go on; a note where it did."""
    bare, whole = tokenizer.encode("a", add_special_tokens=False), tokenizer.encode("a")
    backend = getattr(tokenizer, "_tokenizer", None)
    start = next((place for place in range(len(whole)) if whole[place : place + len(bare)] == bare), None)
    if backend is None or start is None or start + len(bare) == len(whole):
        return []
    before, behind = whole[:start], whole[start + len(bare) :]
    names = [
        (name, number) for name, number in zip(tokenizer.convert_ids_to_tokens(before), before, strict=True)
    ]
    template = [*(name for name, _ in names), "$A"]
    backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=names)
    if tokenizer.encode("a") != [*before, *bare]:
        return []
    named = " ".join(map(str, tokenizer.convert_ids_to_tokens(behind)))
    return [Note(key="ending_token_off", values={"tokens": named})]


def _beyond(tokenizer: Any, rows: int) -> list[Note]:
    """A note of tokens for which the model has no embedding."""
    beyond = sorted((number, name) for name, number in tokenizer.get_vocab().items() if number >= rows)
    if not beyond:
        return []
    examples = ", ".join(name for _, name in beyond[:NAMED]) + (" …" if len(beyond) > NAMED else "")
    return [Note(key="tokens_beyond_model", values={"count": len(beyond), "examples": examples})]
