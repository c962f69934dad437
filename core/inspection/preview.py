"""What a user sees before anything runs: the model's card, tokens, alignment, and what the model says next."""

from contextlib import closing, nullcontext
from dataclasses import asdict
from typing import Any, cast

import torch

from core.analysis.example_rows import example_rows
from core.analysis.observations import observe_aligned
from core.config import RunConfig
from core.examples.alignment import describe
from core.generators import result_of
from core.inspection.answers import Finding, ModelCard
from core.model.activation_store import ActivationStore
from core.model.loading import (
    ModelPool,
    ModelShape,
    device_notes,
    examine,
    read_tokenizer,
    resolve_device,
    shape_from_config,
)
from core.model.memory import MemoryPlan, TextSizes, Training, planned, within_memory
from core.model.tokens.chat_template import ChatFacts, chat_facts
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.tokenising import reading_notes, tokenise
from core.schema import Note


def inspect(source: str, device: str = "auto", adapter: str = "") -> ModelCard:
    """The model's card from its config and tokenizer, without loading a weight. Raises ModelError."""
    examined = examine(source, adapter)
    source = examined.settled.source
    shape = shape_from_config(source, examined.config)
    read = read_tokenizer(source, examined.settled.adapter, examined.config)
    chat = chat_facts(read.tokenizer)
    target = resolve_device(device)
    plan = planned(shape, target)
    card = _card(shape, source, target, ["architecture", "configuration"], chat, plan)
    notes = *examined.notes, *read.notes, *device_notes(device)
    return {**card, "findings": [_finding(note) for note in notes]}


def _finding(note: Note) -> Finding:
    return {"kind": note.key, "severity": "note", "values": dict(note.values), "choices": []}


@within_memory
def preview(
    config: RunConfig, models: ModelPool | None = None, store: ActivationStore | None = None
) -> dict[str, Any]:
    """Tokens, alignment and next words of the examples, as plain JSON. Raises HeadlightError.

    What is read goes through `store`, by default the one in the home folder, where the analysis finds it again.
    """
    loaded = (models or ModelPool()).get(config.model, config.device, config.adapter)
    config.examples.check()
    ids = tokenise(loaded, config.examples)
    alignment = aligned(loaded, config, ids)
    with nullcontext(store) if store is not None else closing(ActivationStore()) as cache:
        reading = observe_aligned(
            loaded, ids, alignment, attention=not config.autoencoder.shared, store=cache
        )
        log_probabilities = result_of(reading).recording.log_probabilities()
        rows = result_of(
            example_rows(loaded, config.examples, ids, alignment, log_probabilities, config.match, cache)
        )
    checks, chat = ["architecture", "weights", "numbers"], chat_facts(loaded.tokenizer)
    sizes = TextSizes.of(list(map(len, ids)), alignment.positions.shape[1])
    settings = Training(config.autoencoder.members, config.autoencoder.latents)
    plan = planned(loaded.shape, loaded.device, sizes, settings, loaded.precision, held=True)
    return {
        "model": _card(loaded.shape, config.model, loaded.device, checks, chat, plan),
        "alignment": describe(alignment).model_dump(mode="json"),
        "examples": rows,
        "notes": [note.model_dump(mode="json") for note in reading_notes(loaded, config.examples)],
    }


def _card(
    shape: ModelShape,
    name: str,
    device: torch.device,
    checks: list[str],
    chat: ChatFacts,
    plan: MemoryPlan,
) -> ModelCard:
    facts = {
        "name": name,
        **asdict(shape),
        "weight_bytes": plan.parts.weights,
        "memory_needed_bytes": plan.needed,
        "memory_available_bytes": plan.available,
        "memory": plan.record(),
        "device": str(device),
        "checks": checks,
        "chat": chat,
    }
    return cast(ModelCard, facts)
