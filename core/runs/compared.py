"""The settings of a run with the texts that it compared: the user's, and the partners that were made for them."""

from core.config import RunConfig
from core.examples.example_set import ExampleSet
from core.runs.run_folder import RunFolder
from core.schema import PartnersRecord

PARTNERS_FILE = "partners.json"


def read_partners(run: RunFolder) -> PartnersRecord | None:
    """The made partners of a run, None where none were looked for. Raises StorageError for a damaged file."""
    if not (run.path / PARTNERS_FILE).exists():
        return None
    return run.read_model(PARTNERS_FILE, PartnersRecord)


def compared_config(run: RunFolder) -> RunConfig:
    """The settings as submitted, with made partners among the examples where there are any.

    Raises StorageError for a damaged file.
    """
    config, partners = run.config(), read_partners(run)
    if partners is None or not partners.examples:
        return config
    return config.model_copy(update={"examples": ExampleSet.model_validate(partners.examples)})
