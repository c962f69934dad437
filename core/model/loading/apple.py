"""Apple's graphics processor (`mps`): taken by itself only where its numbers are those of the CPU.

1. Once a process, a small random model and the operations of the training are computed on both; where they differ, or
   one fails, nothing is read there (`refusal`).
2. Each model that is read there passes the self-test of its heads there, and its logits on a short text are held
   against those that it gave on the CPU; otherwise it goes back to the CPU (`placed`).
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from core.errors import ModelError
from core.model.loaded_model import LoadedModel, one_line
from core.schema import Note

CLOSE = {torch.float32: 1e-3, torch.float16: 0.02, torch.bfloat16: 0.05}
"""Most that a number may differ, as a share of the largest, by the type of the weights."""
TOKENS = 12


def there() -> bool:
    """Whether this machine has one."""
    return torch.backends.mps.is_available()


@cache
def refusal() -> Note | None:
    """Why nothing is read on it, None where its numbers are those of the CPU."""
    try:
        expected, given = computed(torch.device("cpu")), computed(torch.device("mps"))
    except (RuntimeError, NotImplementedError, TypeError) as error:
        return _failed(error)
    return _differing(expected, given, CLOSE[torch.float32])


def computed(device: torch.device) -> list[Tensor]:
    """Numbers on a device, brought to the CPU: logits and gradients of a model, a step of training, a decomposition."""
    generator = torch.Generator().manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config).eval().requires_grad_(False).to(device)
    ids = torch.randint(0, 64, (2, TOKENS), generator=generator).to(device)
    inputs = model.get_input_embeddings()(ids).detach().requires_grad_()
    logits = model(inputs_embeds=inputs).logits
    (gradient,) = torch.autograd.grad(logits[:, -1, 5].sum(), inputs)
    left, right = (torch.randn(3, 8, 8, generator=generator).to(device) for _ in range(2))
    weights = torch.baddbmm(right, left, right).relu_()
    weights.grad = left
    torch.optim.Adam([weights], lr=0.1).step()
    best = weights.max(dim=-1)
    frame = torch.linalg.qr(left).Q
    numbers = [logits, gradient, weights, best.values, best.indices.float(), frame @ frame.transpose(1, 2)]
    return [tensor.detach().float().cpu() for tensor in numbers]


def placed(model: nn.Module, build: Callable[[nn.Module], LoadedModel]) -> LoadedModel:
    """The model on it, or on the CPU with the reason as its `device_note`; `build` reads heads and tests them."""
    expected = _short_pass(model)
    try:
        loaded = build(model.to("mps"))
        note = _differing(
            [expected], [_short_pass(model)], CLOSE.get(next(model.parameters()).dtype, CLOSE[torch.float32])
        )
    except (RuntimeError, NotImplementedError, TypeError, ModelError) as error:
        note = _failed(error)
    if note is None:
        return loaded
    loaded = build(model.to("cpu"))
    loaded.device_note = note
    return loaded


@torch.no_grad()
def _short_pass(model: nn.Module) -> Tensor:
    """Logits of a short text of arbitrary tokens, on the CPU."""
    embeddings = model.get_input_embeddings()  # type: ignore[operator]
    ids = torch.arange(3, 3 + TOKENS, device=embeddings.weight.device)[None] % embeddings.num_embeddings
    logits: Tensor = model(input_ids=ids, use_cache=False).logits
    return logits.float().cpu()


def _differing(expected: list[Tensor], given: list[Tensor], most: float) -> Note | None:
    shares = [
        float((one - other).abs().max() / one.abs().max().clamp_min(1e-12))
        for one, other in zip(expected, given, strict=True)
    ]
    worst = max(shares, key=lambda share: float("inf") if share != share else share)
    if worst <= most:
        return None
    return Note(key="mps_differs", values={"share": f"{worst:.2g}", "most": f"{most:g}"})


def _failed(error: Exception) -> Note:
    return Note(key="mps_fails", values={"detail": one_line(error)})
