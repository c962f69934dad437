"""Results of self-tests in the home folder, so that a model is tried once and not at every load."""

import json
import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.errors import StorageError
from core.model.architectures.checking import Abilities, self_test
from core.model.architectures.reading import Reading
from core.model.architectures.stream import StreamRule
from core.storage import home, write_atomically

log = logging.getLogger(__name__)

VERSION = 2
"""Raised where the test itself changes, so that models are tried again."""


def checked(model: Any, reading: Reading, name: str, weights_hash: str) -> Abilities:
    """The abilities of a model that passed the self-test, now or before; raises ModelError with what was found."""
    abilities = kept_abilities(weights_hash)
    if abilities is None:
        abilities = self_test(model, reading, name)
        keep_abilities(weights_hash, abilities)
    return abilities


def kept_abilities(weights_hash: str) -> Abilities | None:
    """The abilities of a model that passed the test with this version of transformers; None where there are none."""
    try:
        record = json.loads(_file(weights_hash).read_text(encoding="utf-8"))
        if (record["version"], record["transformers"]) != (VERSION, version("transformers")):
            return None
        stream = record["stream"]
        rule = StreamRule(
            plain=bool(stream["plain"]),
            reason=str(stream["reason"]),
            writes={int(layer): float(scale) for layer, scale in stream["writes"].items()},
            carries=tuple(map(float, stream["carries"])),
        )
        scale = record["logit_scale"]
        mlps = {int(layer): str(path) for layer, path in record["mlp_modules"].items()}
        return Abilities(rule, str(record["gradients"]), None if scale is None else float(scale), mlps)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not there, or damaged: the model is tried again


def keep_abilities(weights_hash: str, abilities: Abilities) -> None:
    """Keep what a test found; where the home folder cannot be written the next load tries again."""
    record: dict[str, Any] = {
        "version": VERSION,
        "transformers": version("transformers"),
        "stream": {
            "plain": abilities.stream.plain,
            "reason": abilities.stream.reason,
            "writes": {str(layer): scale for layer, scale in abilities.stream.writes.items()},
            "carries": list(abilities.stream.carries),
        },
        "gradients": abilities.gradients,
        "logit_scale": abilities.logit_scale,
        "mlp_modules": {str(layer): path for layer, path in abilities.mlp_modules.items()},
    }
    try:
        file = _file(weights_hash)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(record, indent=1).encode(), durable=False)
    except (OSError, StorageError) as error:
        log.warning("the result of the self-test was not kept: %s", error)


def _file(weights_hash: str) -> Path:
    return home() / "self-tests" / f"{weights_hash}.json"
