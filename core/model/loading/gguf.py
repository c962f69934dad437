"""A GGUF file before its weights are read: whether transformers can unpack every kind of tensor in it."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from gguf import GGUFReader

from core.errors import ModelError
from core.model.loaded_model import one_line

_OWN_READER = "transformers.integrations.gguf.reader"
"""From transformers 5.24 on; it knows what transformers itself can unpack, and is fast on large vocabularies."""


def check_gguf(file: Path) -> None:
    """Raise ModelError for a file that is damaged, or holds tensors of a type that cannot be unpacked."""
    try:
        if find_spec(_OWN_READER) is None:
            ends = [int(tensor.data_offset + tensor.n_bytes) for tensor in GGUFReader(file).tensors]
        else:
            header = import_module(_OWN_READER).GgufHeader.from_file(str(file))
            ends = [header.data_start + tensor.offset + tensor.nbytes for tensor in header.tensors]
    except Exception as error:  # damaged files make the readers raise errors of many kinds
        raise ModelError("bad_gguf", name=file.name, detail=one_line(error)) from None
    size, expected = file.stat().st_size, max(ends, default=0)
    if expected > size:
        raise ModelError(
            "half_downloaded", name=str(file.parent), file=file.name, size=size, expected=expected
        )
