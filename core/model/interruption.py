"""Work on a model that can be stopped from outside at any of its modules, and tells how far loading is.

Inside `interruptible`, `look` is called in front of every module of a forward pass, at the gradients of a backward
pass, at every tensor that is loaded, and wherever a long loop calls `stop_point`. It stops the work by raising. The
hook is one for all modules of the process and goes with the context, so no model is changed by it.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, is_grad_enabled, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers.utils import logging as transformers_logging

from core.model.memory import free_memory
from core.schema import Progress

Look = Callable[[], None]
Tell = Callable[[Progress], None]


@dataclass
class _Watch:
    """Who looks, and who is told; nobody outside `interruptible`."""

    look: Look | None = None
    tell: Tell | None = None


_watch = _Watch()
"""Of the process, not of a thread: gradients on a GPU are computed in threads of their own."""


def stop_point() -> None:
    """A place where work may be stopped: long loops outside modules call it. Raises what `look` raises."""
    if _watch.look is not None:
        _watch.look()


def told(stage: str, step: int, total: int) -> None:
    """Say how far a step is that is no generator, such as loading; a place where it may be stopped, too."""
    stop_point()
    if _watch.tell is not None:
        _watch.tell(Progress(stage, step, total))


@contextmanager
def interruptible(look: Look, tell: Tell | None = None) -> Iterator[None]:
    """Let `look` stop the work inside by raising, and `tell` hear how far loading is.

    Contexts may lie in each other; the inner one counts. What the stopped frames held is let go at once: half a model
    may be among it.
    """
    before = _watch.look, _watch.tell
    hook = register_module_forward_pre_hook(_at_module) if before[0] is None else None
    bars = transformers_logging.set_tqdm_hook(_watched_bar)
    _watch.look, _watch.tell = look, tell
    try:
        yield
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)
        free_memory()
        raise
    finally:
        _watch.look, _watch.tell = before
        transformers_logging.set_tqdm_hook(bars)
        if hook is not None:
            hook.remove()


def _at_module(_module: nn.Module, args: tuple[Any, ...]) -> None:
    stop_point()
    if is_grad_enabled() and args and isinstance(args[0], Tensor) and args[0].requires_grad:
        args[0].register_hook(_at_gradient)


def _at_gradient(_gradient: Tensor) -> None:
    stop_point()


class _Bar:
    """A progress bar of transformers, whose loop over the tensors of a checkpoint may be stopped at each."""

    def __init__(self, bar: Any, items: Any) -> None:
        self._bar, self._items = bar, items

    def __iter__(self) -> Iterator[Any]:
        total = len(self._items) if hasattr(self._items, "__len__") else 0
        for step, item in enumerate(self._bar):
            told("load", step, total)
            yield item

    def __enter__(self) -> "_Bar":
        self._bar.__enter__()
        return self

    def __exit__(self, *about: Any) -> None:
        self._bar.__exit__(*about)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bar, name)


def _watched_bar(factory: Callable[..., Any], args: tuple[Any, ...], settings: dict[str, Any]) -> _Bar:
    return _Bar(factory(*args, **settings), args[0] if args else settings.get("iterable", ()))
