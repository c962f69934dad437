"""One short pass of a model in which every call of a module, and every call of attention, is noted.

Attention is seen in two ways:
1. transformers' attention interface: an implementation of our own is chosen for the pass. It is handed the attention
   module and its queries, keys and values, and returns zeros of the right shape, so that the pass needs no numbers and
   runs on torch's meta device as well.
2. Where a module computes attention by itself, its softmax over (head, query, key), or its fused kernel, tells how many
   heads it has.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from core.model.architectures.lookup import answered_lookup

N_TOKENS = 7
"""Tokens of the pass. A softmax over (head, 7, 7) is attention; no usual width or number of experts is 7."""

WATCHED = "headlight_watched"


@dataclass
class Call:
    """One call of a module: when it began and ended among all events, and the tensors that went in and came out."""

    name: str
    module: nn.Module
    began: int
    inputs: tuple[Tensor, ...]
    ended: int = -1
    outputs: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class AttentionCall:
    """One computation of attention inside the module `name`; `d_head` is 0 where it is not told."""

    name: str
    at: int
    n_heads: int
    d_head: int
    by_interface: bool


@dataclass
class Trace:
    """What a pass did, in order. `failures` are those of blocks that were passed over on the meta device.

    `added` counts positions that a model puts beside the tokens of a text before it computes attention.
    """

    calls: list[Call] = field(default_factory=list)
    attention: list[AttentionCall] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    added: int = 0
    _clock: int = 0

    def tick(self) -> int:
        """The number of the next event."""
        self._clock += 1
        return self._clock


_watcher: list["_Watcher"] = []


def watch(model: Any, ids: Tensor, blocks: Sequence[nn.Module] = (), interface: bool = True) -> Trace:
    """Trace of one pass over ids (1, N_TOKENS). A failing block of `blocks` hands on the stream that it got.

    Without `interface` attention is computed as usual, and what the model hands to the function that it looks up for
    it, or its softmax, is looked at.
    """
    watcher = _Watcher(model)
    with torch.no_grad(), ExitStack() as stack:
        stack.enter_context(watcher.hooks())
        if interface:
            stack.enter_context(implementation(model, _registered()))
        else:
            stack.enter_context(_lookups_seen(watcher))
        if ids.is_meta:
            stack.enter_context(_NoNumbers())
        stack.enter_context(_SoftmaxSeen(watcher, ids.shape[1]))
        for block in blocks:
            stack.enter_context(_passing_over(block, watcher))
        _watcher.append(watcher)
        try:
            model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
        finally:
            _watcher.pop()
    return watcher.trace


@contextmanager
def implementation(model: nn.Module, name: str) -> Iterator[None]:
    """Let every part of a model that goes through the attention interface compute it by this implementation."""
    configs = {id(c): c for m in model.modules() if (c := getattr(m, "config", None)) is not None}
    for config in list(configs.values()):
        for part in vars(config).values():
            if hasattr(part, "_attn_implementation"):
                configs[id(part)] = part
    usual = {key: getattr(config, "_attn_implementation", None) for key, config in configs.items()}
    try:
        for config in configs.values():
            config._attn_implementation_internal = name
        yield
    finally:
        for key, config in configs.items():
            config._attn_implementation_internal = usual[key]


class _Watcher:
    def __init__(self, model: nn.Module) -> None:
        self.trace = Trace()
        self.names: dict[int, str] = {id(module): name for name, module in reversed([*model.named_modules()])}
        self._model = model
        self.open: list[Call] = []

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Note every call of a module inside."""
        with ExitStack() as stack:
            for module in self._model.modules():
                stack.enter_context(module.register_forward_pre_hook(self._begin, with_kwargs=True))
                stack.enter_context(module.register_forward_hook(self._end))
            yield

    def name_of(self, module: nn.Module) -> str:
        """The path of a module below the model."""
        return self.names.get(id(module), "")

    def _begin(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        first = args[:1] or (kwargs.get("hidden_states"),)
        values = [*first, *args[1:], *kwargs.values()]
        tensors = tuple(value for value in values if isinstance(value, Tensor))
        call = Call(self.name_of(module), module, self.trace.tick(), tensors)
        self.trace.calls.append(call)
        self.open.append(call)

    def _end(self, module: nn.Module, args: Any, output: Any) -> None:
        while self.open and self.open[-1].module is not module:
            self.open.pop()  # calls that an exception left
        call = self.open.pop()
        call.ended = self.trace.tick()
        parts = (
            output if isinstance(output, tuple | list) else getattr(output, "to_tuple", lambda: (output,))()
        )
        call.outputs = tuple(part for part in parts if isinstance(part, Tensor))

    def saw(self, name: str, n_heads: int, d_head: int, by_interface: bool) -> None:
        """Note a computation of attention."""
        call = AttentionCall(name, self.trace.tick(), n_heads, d_head, by_interface)
        self.trace.attention.append(call)


class _SoftmaxSeen(TorchFunctionMode):
    """Notes softmax over (head, query, key), and fused attention, in modules that compute attention themselves."""

    def __init__(self, watcher: _Watcher, length: int) -> None:
        super().__init__()
        self._watcher, self._length = watcher, length

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and self._watcher.open:
            name = getattr(func, "__name__", "")
            square = result.ndim in (3, 4) and result.shape[-1] == result.shape[-2] >= self._length
            sink = result.ndim in (3, 4) and result.shape[-2:] == (self._length, self._length + 1)
            if name == "softmax" and square and result.shape[-1] > self._length:
                self._watcher.trace.added = result.shape[-1] - self._length
            elif name == "softmax" and (square or sink):
                self._watcher.saw(self._watcher.open[-1].name, result.shape[-3], 0, False)
            elif name == "scaled_dot_product_attention" and result.ndim == 4:
                self._watcher.saw(self._watcher.open[-1].name, result.shape[1], result.shape[-1], False)
        return result


@contextmanager
def _lookups_seen(watcher: _Watcher) -> Iterator[None]:
    """Note what attention modules hand to the function that they look up, which computes it as usual."""

    def seen(compute: Callable[..., Any]) -> Callable[..., Any]:
        def computed(
            module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *rest: Any, **options: Any
        ) -> Any:
            watcher.saw(watcher.name_of(module), query.shape[1], value.shape[-1], True)
            return compute(module, query, key, value, *rest, **options)

        return computed

    with answered_lookup(seen):
        yield


class _NoNumbers(TorchDispatchMode):
    """On the meta device a number that code asks for is 0, so that a pass goes on where only a branch hangs on it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
            return torch.zeros((), dtype=args[0].dtype).item()
        return func(*args, **(kwargs or {}))


@contextmanager
def _passing_over(block: Any, watcher: _Watcher) -> Iterator[None]:
    own = block.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        try:
            return own(*args, **kwargs)
        except Exception as error:
            watcher.trace.failures[watcher.name_of(block)] = f"{type(error).__name__}: {error}"
            return args[0] if args else kwargs["hidden_states"]

    block.forward = forward
    try:
        yield
    finally:
        del block.forward


def _registered() -> str:
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(WATCHED, _attention_seen)
    AttentionMaskInterface.register(WATCHED, _open_mask)
    return WATCHED


def _attention_seen(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *_args: Any, **_options: Any
) -> tuple[Tensor, None]:
    batch, n_heads, length, _ = query.shape
    watcher = _watcher[-1]
    if length == N_TOKENS:  # some types mix the streams of their layers by attention of one token
        watcher.saw(watcher.name_of(module), n_heads, value.shape[-1], True)
    return query.new_zeros(batch, length, n_heads, value.shape[-1]), None


def _open_mask(batch_size: int, q_length: Any, kv_length: int, *_args: Any, **options: Any) -> Tensor:
    """A mask to add that hides nothing, as attention step by step gets one."""
    length = q_length if isinstance(q_length, int) else len(q_length)
    shape = (batch_size, 1, length, kv_length)
    return torch.zeros(shape, dtype=options.get("dtype") or torch.float32, device=options.get("device"))
