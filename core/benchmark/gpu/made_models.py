"""Models with random weights, texts for them, and a pool that holds one model that lies in no folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, LlamaConfig, PreTrainedTokenizerFast

from core.benchmark.gpu.sizes import Geometry
from core.config import PresetName, RunConfig, make_config
from core.examples.example_set import Example, ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool

WORDS = 400
"""Words that the texts are drawn from."""
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


class OneModel(ModelPool):
    """A pool whose only model was made here; settings may name it as they like."""

    def __init__(self, loaded: LoadedModel) -> None:
        super().__init__(size=1)
        self._only = loaded

    @contextmanager
    def lease(self, *_source: Any, **_named: Any) -> Iterator[LoadedModel]:
        """The model."""
        yield self._only

    def get(self, *_source: Any, **_named: Any) -> LoadedModel:
        """The model."""
        return self._only


def made_model(geometry: Geometry, device: str, seed: int = 0) -> LoadedModel:
    """A model of a shape on a device, with random weights that are the same on every device of one kind."""
    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, geometry.dtype))
    try:
        with torch.device(device):
            model = _built(geometry)
    finally:
        torch.set_default_dtype(before)
    return LoadedModel(model, word_tokenizer(), geometry.name)


def _built(geometry: Geometry) -> Any:
    from transformers import GPT2LMHeadModel, LlamaForCausalLM

    ids: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2}
    if not geometry.kv_heads:
        return GPT2LMHeadModel(
            GPT2Config(
                n_layer=geometry.layers,
                n_head=geometry.heads,
                n_embd=geometry.d_model,
                vocab_size=geometry.vocabulary,
                **ids,
            )
        )
    return LlamaForCausalLM(
        LlamaConfig(
            num_hidden_layers=geometry.layers,
            num_attention_heads=geometry.heads,
            num_key_value_heads=geometry.kv_heads,
            hidden_size=geometry.d_model,
            intermediate_size=geometry.inner,
            vocab_size=geometry.vocabulary,
            pad_token_id=0,
            **ids,
        )
    )


def moved(
    loaded: LoadedModel, geometry: Geometry, device: str, dtype: torch.dtype | None = None
) -> LoadedModel:
    """A copy of a model with the same weights on another device."""
    copy = _built(geometry)
    copy.load_state_dict(loaded.model.state_dict())
    return LoadedModel(copy.to(device, dtype), loaded.tokenizer, loaded.name)


def word_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word: w0, w1, …"""
    words = [*SPECIAL, *(f"w{number}" for number in range(WORDS))]
    ids = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>")


def made_texts(a_side: int, words: int, seed: int = 0) -> ExampleSet:
    """Pairs of texts of random words that differ in one word near their end."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(0, WORDS, (a_side, words + 1), generator=generator).tolist()
    examples: list[Example] = []
    for pair, (other, *text) in enumerate(numbers):
        for label, changed in (("anomalous", text[-3]), ("normal", other)):
            spelt = " ".join(f"w{number}" for number in [*text[:-3], changed, *text[-2:]])
            examples.append(Example(label=label, text=spelt, pair=f"pair {pair + 1}"))
    return ExampleSet(examples=tuple(examples))


def settings(name: str, examples: ExampleSet, preset: PresetName, evidence: bool = True) -> RunConfig:
    """Settings of a run on a model that is handed over."""
    return make_config(model=name, examples=examples, preset=preset, evidence=evidence, device="cpu")
