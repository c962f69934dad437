"""Train a small model of another architecture on the four tasks: `python -m core.benchmark.tasks.train_models ARCH`.

ARCH is `llama` (grouped-query attention: 8 query heads share 4 key and value heads), `gpt_neox` (attention and MLP
side by side) or `qwen3` (grouped queries, norms on queries and keys). Words, texts, losses and the penalty
on the length of head outputs are those of `four-tasks` (`core.scenarios.build.train_tasks`); so is what begins by hand:
two previous-token heads and two induction heads that read them (`core.scenarios.build.induction_init`), in each of the
three models. No weight is held fixed.

1. 4 layers of 8 heads, d_model 96, rotary positions, tied embeddings.
2. All four tasks are learned at once, beside texts of indirect-object with words put in (`spread_names`): rotary
   positions could tell the names by their distance from the end alone, in one layer. `gpt_neox` also reads such
   texts behind a sentence that names one of the two (`earlier_name`): without them one head counted the names.
3. A task that fewer than 97 % of 1,000 fresh pairs have right stops the command.
4. The true circuit of every task is measured as that of the scenarios is, and written beside the weights.

`models/` holds seed 1. Settings of methods are chosen on seed 2, which is not bundled. How to train was chosen with
seeds 2 and 100, by the accuracies and the number of true heads (at least 3) alone: no method was run for it.
"""

from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

from core.benchmark.tasks.task import MODELS
from core.model.loading import load_model
from core.scenarios.build.induction_init import start_rotary
from core.scenarios.build.make_truth import write_measured
from core.scenarios.build.tasks import TASKS, vocabulary
from core.scenarios.build.train_tasks import TrainingConfig, teach
from core.scenarios.build.training import run_from_command_line
from core.scenarios.build.training_texts import TrainingText, earlier_name, spread_names, texts_of_step

ENOUGH = 0.97
"""Share of fresh anomalous texts of every task after which the likeliest word is a right one."""

_ROTARY = {
    "vocab_size": len(vocabulary()),
    "hidden_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "max_position_embeddings": 32,
    "initializer_range": 0.08,
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 1,
}
_GROUPED = {
    "intermediate_size": 128,
    "num_key_value_heads": 4,
    "head_dim": 16,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1000.0},
}
_HALF_ROTATED = {"rope_type": "default", "rope_theta": 1000.0, "partial_rotary_factor": 0.5}
SHAPES: dict[str, dict[str, Any]] = {
    "llama": _ROTARY | _GROUPED,
    "gpt_neox": _ROTARY | {"intermediate_size": 192, "rope_parameters": _HALF_ROTATED},
    "qwen3": _ROTARY | _GROUPED,
}
_SHARPNESS = 1.5
"""First weight of Qwen3's norms of queries and keys: with 1 no head could look at one word alone."""


def build_model(architecture: str, generator: torch.Generator, seed: int) -> Any:
    """The model as training begins."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(CONFIG_MAPPING[architecture](**SHAPES[architecture]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("q_norm.weight", "k_norm.weight")):
                parameter.fill_(_SHARPNESS)
    start_rotary(model, generator)
    return model


def train(architecture: str, config: TrainingConfig, folder: Path) -> dict[str, float]:
    """Train into `folder`, measure the circuits, and return the accuracies; raises SystemExit where one is too low."""
    generator = torch.Generator().manual_seed(config.seed)
    model = build_model(architecture, generator, config.seed)
    shares = teach(model, config, generator, folder, partial(texts_for, architecture))
    if weak := [task for task in TASKS if shares[task] < ENOUGH]:
        raise SystemExit(f"not learned: {', '.join(weak)}; {shares}")
    loaded = load_model(folder, "cpu")
    for task in TASKS:
        write_measured(loaded, task, folder / f"{task}.json")
    return shares


def texts_for(architecture: str, step: int, pairs_per_task: int, seed: int) -> list[TrainingText]:
    """What a model of this architecture is taught in a step."""
    random, texts = Random(f"{seed} {step}"), texts_of_step(step, pairs_per_task, seed)
    texts += [spread_names(random) for _ in range(pairs_per_task)]
    if architecture == "gpt_neox":
        texts += [earlier_name(random) for _ in range(pairs_per_task)]
    return texts


if __name__ == "__main__":
    run_from_command_line(
        train,
        TrainingConfig(
            steps=800, pairs_per_task=8, learning_rate=3e-3, penalty=0.005, penalty_start=0.35, seed=1
        ),
        MODELS,
        "Train one model with the settings of the bundled ones, or those given.",
        architecture=SHAPES,
    )
