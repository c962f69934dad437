"""Whether heads were found rightly, tried on the model itself with a few tokens before anything is measured with them.

1. The logits are finite, and a token does not read the tokens behind it.
2. In every layer the heads' parts z_h W_O,h and the bias add up to what the output projection gives.
3. One head of every layer set to zero in z gives the logits that its part of W_O set to zero gives.

A model that fails is refused with what was found. What else can be done with it is found by trying too: whether
gradients reach z, how what attention writes reaches the residual stream (`core.model.architectures.stream`), and how
the last hidden state becomes logits.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import ModelError
from core.model.architectures.mlp import mlp_modules_of
from core.model.architectures.reading import FAILURES, HeadsOfLayer, Reading, probe_ids
from core.model.architectures.stream import CLOSE, ROUGH, StreamRule, stream_rule_of
from core.model.memory import in_place, is_out_of_memory

LENGTH = 6
"""Tokens of a pass of the test."""


@dataclass(frozen=True)
class Abilities:
    """What can be done with a model beside reading its heads.

    `stream` says how what attention writes reaches later layers. `gradients` is empty where they reach z, else what
    failed. `logit_scale` makes logits of products with the unembedding, None where only the model's own code does.
    `mlp_modules` are by layer the modules that give what MLP blocks add (`core.model.architectures.mlp`).
    """

    stream: StreamRule
    gradients: str
    logit_scale: float | None
    mlp_modules: Mapping[int, str] = field(default_factory=dict)


def self_test(model: Any, reading: Reading, name: str) -> Abilities:
    """Try the reading on the model; raises ModelError with what was found where it is not right."""
    test = _SelfTest(model, reading, name)
    test.plain()
    test.reads_no_token_behind()
    test.heads_add_up()
    test.a_head_is_its_slice()
    return _abilities(model, reading, test)


def measured(model: Any, reading: Reading, name: str) -> Abilities:
    """What can be done with a model, without trying whether its heads were found rightly."""
    test = _SelfTest(model, reading, name)
    test.plain(finite=False)
    return _abilities(model, reading, test)


def _abilities(model: Any, reading: Reading, test: "_SelfTest") -> Abilities:
    stream = stream_rule_of(model, reading)
    return Abilities(stream, test.gradients(), test.logit_scale(), mlp_modules_of(model, reading, stream))


class _SelfTest:
    def __init__(self, model: Any, reading: Reading, name: str) -> None:
        self._model, self._reading, self._name = model, reading, name
        self._ids = probe_ids(model, LENGTH)
        self._z: dict[int, Tensor] = {}
        self._written: dict[int, Tensor] = {}
        self._logits = torch.empty(0)
        self.close = ROUGH

    def plain(self, finite: bool = True) -> None:
        """One pass as it is; keeps z and what the projections give. Raises ModelError where logits are not `finite`."""
        with ExitStack() as stack:
            for of_layer in self._reading.layers:
                stack.enter_context(self._projection(of_layer).register_forward_hook(self._keep(of_layer)))
            self._logits = self._run(self._ids)
        self.close = CLOSE.get(self._logits.dtype, ROUGH)
        if finite and not bool(torch.isfinite(self._logits).all()):
            raise ModelError("no_finite_logits", name=self._name)

    def reads_no_token_behind(self) -> None:
        """Another last token changes nothing in front of it."""
        other = self._ids.clone()
        other[0, -1] = self._ids[0, 0]
        difference = _difference(self._run(other)[:, :-1], self._logits[:, :-1])
        if difference > self.close:
            raise self._refusal("reads_ahead", difference)

    def heads_add_up(self) -> None:
        """What heads write and the bias are what the projection gives."""
        for of_layer in self._reading.layers:
            projection, z = self._projection(of_layer), self._z[of_layer.layer]
            weight = projection.weight
            if not weight.is_floating_point() or weight.is_meta:
                continue  # packed or on another store: the projection itself is asked below
            weight = weight.T if isinstance(projection, nn.Linear) else weight
            shape = (of_layer.n_heads, of_layer.d_head)
            parts = torch.einsum(
                "rphd,hdm->rpm", z.unflatten(-1, shape).float(), weight.float().unflatten(0, shape)
            )
            total = parts if projection.bias is None else parts + projection.bias.float()
            difference = _difference(total, self._written[of_layer.layer].reshape(total.shape))
            if not difference <= self.close:
                raise self._refusal("heads_do_not_add_up", difference, layer=of_layer.layer)

    def a_head_is_its_slice(self) -> None:
        """A head of every layer set to zero, in z and in the weights."""
        layers = [of for of in self._reading.layers if self._projection(of).weight.is_floating_point()]
        layers = [of for of in layers if not self._projection(of).weight.is_meta]
        if self._apart(layers) <= self.close:
            return
        for of_layer in layers:
            difference = self._apart([of_layer])
            if not difference <= self.close:
                raise self._refusal("head_is_not_its_slice", difference, layer=of_layer.layer)

    def gradients(self) -> str:
        """Empty where gradients of the logits reach z of every layer and are finite; else what failed."""
        layers: list[Tensor] = []

        def collect(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            layers.append(args[0] if args[0].requires_grad else args[0].detach().requires_grad_())
            return (layers[-1], *args[1:])

        try:
            with torch.enable_grad(), ExitStack() as stack:
                for of_layer in self._reading.layers:
                    stack.enter_context(self._projection(of_layer).register_forward_pre_hook(collect))
                logits = self._model(
                    input_ids=self._ids, attention_mask=torch.ones_like(self._ids), use_cache=False
                )
                slopes = torch.autograd.grad(
                    logits.logits[:, -1].float().square().sum(), layers, allow_unused=True
                )
        except FAILURES as error:
            if is_out_of_memory(error):
                raise
            return " ".join(f"{type(error).__name__}: {error}".split())[:200]
        for of_layer, slope in zip(self._reading.layers, slopes, strict=True):
            if slope is None:
                return f"no gradient reaches layer {of_layer.layer}"
            if not bool(torch.isfinite(slope).all()):
                return f"the gradient at layer {of_layer.layer} is not finite"
        return ""

    @torch.no_grad()
    def logit_scale(self) -> float | None:
        """What products of the last hidden state with the unembedding are multiplied by; None where that is not all."""
        hidden = self._base_hidden()
        head = self._model.get_output_embeddings()
        if hidden is None or head is None:
            return None
        with in_place(head):
            weight = getattr(head, "weight", None)
            if weight is None or not weight.is_floating_point() or weight.ndim != 2:
                return None
            if hidden.shape[-1] != weight.shape[1]:
                return None
            products = (hidden.float() @ weight.float().to(hidden.device).T).to(self._logits.device)
            if getattr(head, "bias", None) is not None:
                products = products + head.bias.float().to(products.device)
        own = self._logits.float()
        cap = getattr(self._model.config.get_text_config(), "final_logit_softcapping", None)
        if cap:
            own = torch.atanh((own / cap).clamp(-1 + 1e-6, 1 - 1e-6)) * cap
        if products.shape != own.shape:
            return None
        scale = float((own * products).sum() / products.square().sum())
        if not _difference(scale * products, own) <= self.close:
            return None
        return 1.0 if abs(scale - 1) < self.close / 20 else scale

    def _base_hidden(self) -> Tensor | None:
        """The last hidden state, in front of the unembedding; None where the model has no part that gives it."""
        base = self._model.base_model
        if base is self._model:
            return None
        with torch.no_grad():
            outputs = base(input_ids=self._ids, attention_mask=torch.ones_like(self._ids), use_cache=False)
        hidden = outputs[0]
        return hidden if isinstance(hidden, Tensor) and hidden.ndim == 3 else None

    def _apart(self, layers: Sequence[HeadsOfLayer]) -> float:
        """How far the two ways to set a head of each of these layers to zero lie apart."""
        with ExitStack() as stack:
            for of_layer in layers:
                stack.enter_context(self._projection(of_layer).register_forward_pre_hook(_zeroed(of_layer)))
            by_hook = self._run(self._ids)
        with ExitStack() as stack:
            for of_layer in layers:
                stack.enter_context(
                    self._projection(of_layer).register_forward_hook(_without_slice(of_layer))
                )
            by_weights = self._run(self._ids)
        return _difference(by_hook, by_weights)

    def _keep(self, of_layer: HeadsOfLayer) -> Any:
        def hook(_module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            self._z[of_layer.layer], self._written[of_layer.layer] = (
                args[0].detach().clone(),
                output.detach().clone(),
            )

        return hook

    def _projection(self, of_layer: HeadsOfLayer) -> Any:
        return self._model.get_submodule(of_layer.projection)

    @torch.no_grad()
    def _run(self, ids: Tensor) -> Tensor:
        outputs = self._model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False)
        logits: Tensor = outputs.logits
        return logits

    def _refusal(self, key: str, difference: float, **values: Any) -> ModelError:
        kind = self._model.config.model_type
        return ModelError(key, name=self._name, architecture=kind, difference=f"{difference:.2g}", **values)


def _slice_of(of_layer: HeadsOfLayer) -> slice:
    """The coordinates of z of the head that a layer's test sets to zero; another head in every layer."""
    head = of_layer.layer % of_layer.n_heads
    return slice(head * of_layer.d_head, (head + 1) * of_layer.d_head)


def _zeroed(of_layer: HeadsOfLayer) -> Any:
    def hook(_module: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        z = args[0].clone()
        z[..., _slice_of(of_layer)] = 0
        return (z, *args[1:])

    return hook


def _without_slice(of_layer: HeadsOfLayer) -> Any:
    """What the projection gives with a head's part of its weights at zero. The weights stay: layers may share them."""

    def hook(projection: Any, args: tuple[Tensor, ...], _output: Tensor) -> Tensor:
        by_input = projection.weight.T if isinstance(projection, nn.Linear) else projection.weight
        weight = by_input.clone()
        weight[_slice_of(of_layer)] = 0
        result = args[0] @ weight
        return result if projection.bias is None else result + projection.bias

    return hook


def _difference(one: Tensor, other: Tensor) -> float:
    """The largest difference as a share of the largest number."""
    one, other = one.detach().float(), other.detach().to(one.device).float()
    largest = max(float(other.abs().max()), 1e-9)
    return float((one - other).abs().max()) / largest
