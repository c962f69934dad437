"""Partners before a run: made as the run would make them, and what those that are in the set already do."""

from contextlib import closing, nullcontext

from core.analysis.partners import known_partners, made_partners, setting_off, texts_without_partner
from core.config import RunConfig
from core.examples.counterfactuals import Direction
from core.generators import result_of
from core.inspection.answers import PartnersAnswer
from core.model.activation_store import ActivationStore
from core.model.loading import ModelPool
from core.model.memory import within_memory
from core.model.recording import Recording
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.tokenising import tokenise


@within_memory
def make_draft_partners(
    config: RunConfig,
    direction: Direction = "anomalous",
    make: bool = True,
    models: ModelPool | None = None,
    store: ActivationStore | None = None,
) -> PartnersAnswer:
    """Partners of the texts that have none, as plain JSON; raises HeadlightError.

    Without `make` only the made partners that are in the set already are read. From `normal` texts partners are made
    for all of them, and the set stays as it is: they tell what would set the behaviour off.
    """
    loaded = (models or ModelPool()).get(config.model, config.device, config.adapter)
    examples = config.examples.check()
    ids = tokenise(loaded, examples)
    with nullcontext(store) if store is not None else closing(ActivationStore()) as cache:
        recording = Recording(loaded, ids, store=cache)
        if not make:
            record = known_partners(recording, examples, config.seed)
        elif direction == "normal":
            record = setting_off(recording, config)
        else:
            wanted = texts_without_partner(
                config.model_copy(update={"partners": "auto"}), aligned(loaded, config, ids), ids
            )
            record = result_of(made_partners(recording, config, wanted)).record
    return {"record": record.model_dump(mode="json"), "tokens": [len(text) for text in ids]}
