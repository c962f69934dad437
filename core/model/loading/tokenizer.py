"""A model's tokenizer."""

from typing import Any

from transformers import AutoTokenizer

from core.errors import ModelError
from core.model.loaded_model import tokenizer_errors
from core.model.loading.hub import place_of


def load_tokenizer(source: str) -> Any:
    """The model's tokenizer; raises ModelError where it is missing or broken."""
    try:
        with tokenizer_errors(source):
            tokenizer = AutoTokenizer.from_pretrained(**place_of(source), trust_remote_code=False)
    except ModelError as error:
        raise ModelError("no_tokenizer", name=source, detail=error.values["detail"]) from None
    # transformers makes an empty tokenizer of a known type where the files are missing
    if tokenizer is None or len(tokenizer) <= len(set(tokenizer.all_special_ids)):
        raise ModelError("no_tokenizer", name=source, detail="it has no vocabulary")
    return tokenizer
