"""What the JSON files of a run folder have in common.

Files written before a name changed are read by the new one: `former` of each model lists the old names.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

FORMAT = 1
"""Version of the folder's format. A newer one is refused, an older one is read."""


class Stored(BaseModel):
    """A JSON file of a run folder, or a part of one.

    Keys that are not known stay, so that a file of a newer version survives being written again.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    former: ClassVar[Mapping[str, str]] = {}
    """Names by the names under which older files hold them."""

    @model_validator(mode="before")
    @classmethod
    def _read_former_names(cls, content: Any) -> Any:
        if not isinstance(content, Mapping):
            return content
        return {cls.former.get(name, name): value for name, value in content.items()}


FORMER_DIRECTIONS = {"noise": "noising", "denoise": "denoising"}
Direction = Annotated[
    Literal["noising", "denoising"], BeforeValidator(lambda word: FORMER_DIRECTIONS.get(word, word))
]
"""Taken out of the anomalous texts, or put into the normal ones."""


def json_number(value: float, digits: int = 6) -> float | None:
    """A number for JSON, None where it is not finite."""
    return round(float(value), digits) if math.isfinite(value) else None


class Note(Stored):
    """A sentence of the catalogues: its key and the values that fill it in."""

    key: str
    values: dict[str, str | int | float | None] = Field(default_factory=dict)

    @field_validator("key")
    @classmethod
    def _read_former_key(cls, key: str) -> str:
        for former, name in (("reach_", "attention_flow_"), ("screen_", "gradient_screen_")):
            if key.startswith(former):
                return name + key.removeprefix(former)
        return key
