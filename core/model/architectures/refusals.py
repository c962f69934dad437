"""What a config alone tells: that a model is no decoder, or that it is more than one, before a weight is read."""

import re
from typing import Any

from core.errors import ModelError
from core.schema import Note

_NO_DECODER = re.compile(
    r"MaskedLM|ForPreTraining|SequenceClassification|TokenClassification|QuestionAnswering"
)


_CLASSIFIER = re.compile(
    r"For(Sequence|Token)Classification|ForQuestionAnswering|ForMultipleChoice|RewardModel"
)
"""Classes that judge a text; many of them are decoders without the layer that writes the next token."""


def refuse_by_config(config: Any, name: str) -> None:
    """Raise ModelError for an encoder, an encoder with a decoder, or a type without a causal language model."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = getattr(config, "model_type", "") or "unknown"
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError("encoder_decoder", name=name, architecture=kind)
    classes = " ".join(getattr(config, "architectures", None) or [])
    if _CLASSIFIER.search(classes):
        raise ModelError("no_language_head", name=name, architecture=classes)
    if _NO_DECODER.search(classes) and getattr(config, "is_decoder", False) is not True:
        raise ModelError("not_decoder_only", name=name, architecture=kind)
    if kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise ModelError("unknown_architecture", name=name, architecture=kind)


def text_part_notes(config: Any) -> list[Note]:
    """Says of a model that reads pictures or sounds too that its language model is what is analysed."""
    text = config.get_text_config()
    if text is config:
        return []
    return [Note(key="text_part", values={"architecture": config.model_type, "text": text.model_type})]
