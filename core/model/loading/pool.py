"""The models held in memory, so that a second piece of work on the same model loads nothing."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import ModelError
from core.model.loaded_model import LoadedModel
from core.model.loading.config import shape_from_config
from core.model.loading.devices import resolve_device
from core.model.loading.examine import examine
from core.model.loading.load import load_model
from core.model.memory import free_memory, is_out_of_memory, planned


class ModelPool:
    """Keeps the last loaded models, so that a second run of the same model loads nothing.

    It holds `size` models, or more where more of them are leased at once.
    """

    def __init__(self, size: int = 2) -> None:
        self._size = size
        self._models: OrderedDict[tuple[str, str, str], LoadedModel] = OrderedDict()
        self._leases: Counter[tuple[str, str, str]] = Counter()

    @contextmanager
    def lease(self, source: str, device: str = "auto", adapter: str = "") -> Iterator[LoadedModel]:
        """The model for work that lasts, during which it is not dropped for another one."""
        key = _key(source, device, adapter)
        loaded = self.get(source, device, adapter)
        self._leases[key] += 1
        try:
            yield loaded
        finally:
            self._leases[key] -= 1
            self._drop_idle(self._size)

    def get(self, source: str, device: str = "auto", adapter: str = "") -> LoadedModel:
        """The model on the device, loaded if it is not held; raises ModelError as `load_model` does."""
        key = _key(source, device, adapter)
        if key not in self._models:
            examined = examine(source, adapter)  # a name that cannot be loaded costs no model that is held
            self._drop_idle(self._size - 1)
            plan = planned(
                shape_from_config(examined.settled.source, examined.config), resolve_device(device)
            )
            if (
                plan.reduced or not plan.fits
            ):  # rather than that, models that nobody uses give their memory back
                self._drop_idle(0)
            self._models[key] = self._load(source, device, adapter)
        self._models.move_to_end(key)
        return self._models[key]

    def put(self, source: str, device: str, loaded: LoadedModel, adapter: str = "") -> None:
        """Hold a model that is loaded already."""
        self._models[_key(source, device, adapter)] = loaded

    def clear(self) -> None:
        """Forget every model and free its memory."""
        self._models.clear()
        free_memory()

    def _load(self, source: str, device: str, adapter: str) -> LoadedModel:
        """Load a model; where memory does not suffice, once more without the models that are idle."""
        try:
            return load_model(source, device, adapter)
        except ModelError as error:
            if not is_out_of_memory(error) or not self._drop_idle(0):
                raise
        return load_model(source, device, adapter)

    def _drop_idle(self, most: int) -> int:
        """Drop models that nobody has leased, the longest unused first, until `most` are held; how many went."""
        idle = [key for key in self._models if not self._leases[key]]
        dropped = idle[: max(0, len(self._models) - most)]
        for key in dropped:
            del self._models[key]
        if dropped:
            free_memory()
        return len(dropped)


def _key(source: str, device: str, adapter: str) -> tuple[str, str, str]:
    return str(source), str(resolve_device(device)), adapter
