"""The same analyses on the processor and on another device: codes, scores, effects and verdicts held side by side.

Training an autoencoder takes hundreds of steps, in which the last digits of a float32 sum grow; so a few codes may
differ and scores move a little, while effects, which are single passes, agree to CLOSE_EFFECT. The bounds below are
those that a reader of a result would not notice; no verdict may differ.
"""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from core.analysis.pipeline import analyse
from core.benchmark.gpu.made_models import OneModel, made_model, made_texts, moved, settings
from core.benchmark.gpu.sections import Row
from core.benchmark.gpu.sizes import Sizes
from core.config import RunConfig, make_config
from core.examples.reading import read_examples
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool, load_model
from core.scenarios.loader import load_scenario
from core.schema import RunResult

ALIKE_CODES = 0.98
"""Least share of codes (head, member, position, example) that both devices give."""
CLOSE_SCORE = 0.02
"""Most that a head's or an edge's score may differ, as a share of the largest score."""
CLOSE_EFFECT = 0.002
"""Most that an effect may differ, in shares of the gap."""
CLOSE_LOGITS = 1e-3
"""Most that a logit may differ, as a share of the largest."""
HEAD, EDGE = ["layer", "head"], ["source_layer", "source_head", "target_layer", "target_head"]
CODE = ["layer", "head", "member", "position", "example"]


def equality(device: str, sizes: Sizes) -> Iterator[Row]:
    """Each bundled model and each made one, on the processor and on the device."""
    for name in sizes.scenarios:
        scenario = load_scenario(name)
        folder = str(scenario.model_folder)
        examples = read_examples(scenario.examples_in("en"))
        config = make_config(model=folder, examples=examples, preset="fast")
        one, other = (finished(config, OneModel(load_model(folder, place))) for place in ("cpu", device))
        yield from compared(name, one, other)
    for geometry in sizes.equal:
        loaded = made_model(geometry, "cpu")
        copy = moved(loaded, geometry, device)
        yield Row(geometry.name, "logits", logit_difference(loaded, copy), CLOSE_LOGITS)
        config = settings(geometry.name, made_texts(sizes.texts, sizes.words), "fast")
        yield from compared(geometry.name, *(finished(config, OneModel(model)) for model in (loaded, copy)))


def finished(config: RunConfig, models: ModelPool) -> RunResult:
    """A whole analysis that reads nothing from a cache."""
    with tempfile.TemporaryDirectory() as place, closing(ActivationStore(Path(place))) as store:
        *_, result = analyse(config, models, store)
    assert isinstance(result, RunResult)
    return result


@torch.inference_mode()
def logit_difference(one: LoadedModel, other: LoadedModel, tokens: int = 24) -> float:
    """Largest difference of the logits on two made texts, as a share of the largest logit."""
    vocabulary = one.shape.vocabulary
    ids = torch.randint(4, vocabulary, (2, tokens), generator=torch.Generator().manual_seed(0))
    first, second = (model.model(ids.to(model.device)).logits.float().cpu() for model in (one, other))
    return float((first - second).abs().max() / first.abs().max())


def compared(case: str, one: RunResult, other: RunResult) -> Iterator[Row]:
    """The rows of one case, from the result on the processor and that on the device."""
    yield Row(case, "codes_alike", alike_codes(one.codes, other.codes), ALIKE_CODES, least=True)
    for kind, keys in (("heads", HEAD), ("edges", EDGE)):
        both = getattr(one, kind).merge(getattr(other, kind), on=keys, suffixes=("", "_there"))
        yield Row(case, f"score_{kind}", score_difference(both), CLOSE_SCORE)
        tested = both[both["effect"].notna() & both["effect_there"].notna()]
        once = both[both["effect"].notna() != both["effect_there"].notna()]
        difference = (tested["effect"] - tested["effect_there"]).abs().max() if len(tested) else 0.0
        yield Row(case, f"effect_{kind}", float(difference), CLOSE_EFFECT)
        verdicts = (tested["verdict"].fillna("") != tested["verdict_there"].fillna("")).sum()
        yield Row(case, f"verdicts_{kind}", int(verdicts), 0)
        yield Row(case, f"tested_{kind}", len(tested))
        yield Row(case, f"tested_once_{kind}", len(once))


def alike_codes(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Share of the codes in either table that are the same in both; 1 where neither has any."""
    both = one.merge(other, on=CODE, how="outer", suffixes=("", "_there"))
    same = (both["code"] == both["code_there"]) | (both["code"].isna() & both["code_there"].isna())
    return float(same.mean()) if len(both) else 1.0


def score_difference(both: pd.DataFrame) -> float:
    """Largest difference of a score as a share of the largest; not a number where one side has none."""
    here, there = both["score"].to_numpy(float), both["score_there"].to_numpy(float)
    largest = np.nanmax(np.abs(here), initial=0.0)
    return float(np.abs(here - there).max(initial=0.0) / largest) if largest > 0 else 0.0
