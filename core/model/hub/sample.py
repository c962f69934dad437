"""The model of a scenario on a real language model: from the hub, or from a package where the hub cannot be reached."""

import shutil
from collections.abc import Generator
from pathlib import Path

from core.errors import ModelError
from core.model.hub.download import fetch
from core.model.hub.facts import HubFacts, ask_hub
from core.model.hub.origin import Origin, write_origin
from core.scenarios.loader import Scenario
from core.schema import Progress


def fetch_sample(scenario: Scenario) -> Generator[Progress, None, Path]:
    """Fetch the scenario's model into its folder, which is complete when it has its `origin.json`.

    Yields the stages `download` (bytes), and `convert` for a package. Raises HeadlightError; what was fetched until
    then is used by the next try.
    """
    wanted, folder = scenario.fetched, scenario.model_folder
    if wanted is None or scenario.ready:
        return folder
    facts = _on_the_hub(wanted.hub)
    work = folder.with_name(f".{folder.name}.fetching")
    if facts is not None:
        origin: Origin = {"kind": "hub", "id": wanted.hub, "revision": facts["revision"]}
        yield from fetch(facts, work / facts["revision"])
        shutil.rmtree(work / facts["revision"] / "parts", ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        (work / facts["revision"]).rename(folder)
    else:
        # torch is needed for the conversion alone
        from core.model.hub.package import fetch_package

        origin = {"kind": "package", "id": wanted.package, "revision": wanted.package_version}
        yield from fetch_package(wanted.package, wanted.package_version, wanted.package_bytes, work, folder)
    write_origin(folder, origin)
    shutil.rmtree(work, ignore_errors=True)
    return folder


def _on_the_hub(name: str) -> HubFacts | None:
    """What the hub says of the model; None where it cannot be reached or does not give it."""
    try:
        facts = ask_hub(name)
    except ModelError:
        return None
    return facts if facts["access"] else None
