"""The settings of one run: frozen, bounded, documented. The widgets of the dashboard derive from these fields."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from core.errors import ConfigError
from core.examples.alignment import Alignment, PositionMode, align
from core.examples.answer_match import Match
from core.examples.example_set import ExampleSet
from core.storage import local_model, portable_model

PresetName = Literal["fast", "standard", "paper"]
DeviceName = Literal["auto", "cpu", "cuda"]
Candidates = Literal["combined", "codes", "screened"]
PartnersChoice = Literal["auto", "off"]
LONGEST_FAULT = 200
"""Characters of the sentence on the fault."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AutoencoderConfig(_Settings):
    """The ensemble of sparse autoencoders and how codes are counted."""

    members: int = Field(8, ge=1, le=64, description="autoencoders a head, each with its own seed")
    latents: int = Field(64, ge=4, le=4096, description="dictionary size: latents of each member")
    sparsity: float = Field(
        2.0, ge=0.0, le=100.0, description="weight of the L1 term beside the squared error"
    )
    """Of the mean over the latents; with `shared`, of their sum, as in the published code."""

    epochs: int = Field(60, ge=1, le=5000, description="full-batch steps at most")
    learning_rate: float = Field(3e-3, gt=0.0, le=1.0, description="step size of Adam")
    shared: bool = Field(False, description="one autoencoder for all heads in d_model (the published recipe)")
    training_examples: int = Field(
        0, ge=0, le=1000, description="examples drawn for the training; 0 means all of them"
    )
    centre: Literal["auto", "none"] = Field(
        "auto", description="auto: subtract the pair's mean, or the position's mean where there are no pairs"
    )


PRESETS: dict[PresetName, AutoencoderConfig] = {
    "fast": AutoencoderConfig(members=4, latents=32, epochs=40),
    "standard": AutoencoderConfig(),
    "paper": AutoencoderConfig(
        members=1,
        latents=200,
        sparsity=0.02,
        epochs=500,
        learning_rate=1e-3,
        shared=True,
        training_examples=10,
        centre="none",
    ),
}

_WITHOUT_SHARED = {
    "autoencoder.centre=auto": "the published recipe does not centre; choose centre=none or shared=false",
    "positions=aligned": "the published recipe compares one vector a text; choose positions=auto, mean or last",
    "positions=matched": "the published recipe compares one vector a text; choose positions=auto, mean or last",
    "candidates=screened": "the published recipe chooses by codes alone; choose candidates=codes or shared=false",
}
"""Settings that exclude `shared`, with what to do."""


class RunConfig(_Settings):
    """Everything that decides a run's result. Same config, same device, same result."""

    model: Annotated[str, AfterValidator(local_model)] = Field(
        min_length=1, description="hub id, or path of a folder with config.json and weights"
    )
    adapter: Annotated[str, AfterValidator(local_model)] = Field(
        "",
        description="a LoRA adapter that is added to the model's weights: hub id or folder; none: the model without "
        "the adapter that lies in its folder",
    )
    scenario: str = Field("", description="name of the bundled scenario that the examples came from, if any")
    examples: ExampleSet
    fault: str = Field(
        "",
        max_length=LONGEST_FAULT,
        description="the fault in one sentence of your own, for result and report",
    )
    preset: PresetName = "standard"
    autoencoder: AutoencoderConfig = Field(description="the preset's settings, or edited ones")
    positions: PositionMode = Field("auto", description="which token positions are compared")
    pairing: Literal["auto", "given", "off"] = Field(
        "auto",
        description="auto: pair texts of one template; given: only the column pair; off: no pairs but made ones",
    )
    partners: PartnersChoice = Field(
        "auto", description="auto: make partners for texts that have none of equal length; off: make none"
    )
    candidates: Candidates = Field(
        "combined",
        description="what heads and edges are chosen by. combined: codes, gradients and exact effects together "
        "(with the published recipe codes alone); codes: their codes alone; screened: codes times gradients, for pairs "
        "of equal length",
    )
    device: DeviceName = "auto"
    seed: int = Field(0, ge=0, le=2**31 - 1, description="the only source of randomness")
    permutations: int = Field(1000, ge=99, le=100_000, description="label permutations for unpaired data")
    match: Match = Field(
        "begins",
        description="how what the model says is compared with an answer. begins: it begins with it; contains: it "
        "stands in it; equals: it is it",
    )
    evidence: bool = Field(True, description="verify the candidates by interventions")

    def stored(self) -> dict[str, object]:
        """The settings as a file holds them: plain JSON, a bundled model without the path of this installation."""
        return {**self.model_dump(mode="json"), "model": portable_model(self.model)}

    @property
    def position_mode(self) -> PositionMode:
        """The published method compares one vector a text: the mean over its tokens unless the last is asked for."""
        return "mean" if self.autoencoder.shared and self.positions != "last" else self.positions

    @property
    def ranked_by(self) -> Candidates:
        """What heads and edges are chosen by; the published recipe knows codes alone."""
        return "codes" if self.autoencoder.shared else self.candidates

    def align(self, ids: Sequence[Sequence[int]], own: Sequence[int] = ()) -> Alignment:
        """Pairs and positions that the run compares, given the tokens of each example; the preview asks here too.

        `own` counts the tokens of each text that neither a chat template nor a system message has written.

        Raises ExamplesError as `core.examples.alignment.align` does.
        """
        return align(self.examples, ids, self.position_mode, self.pairing, own)


def make_config(*, preset: str = "standard", **values: Any) -> RunConfig:
    """A RunConfig with the preset's autoencoder settings unless `autoencoder` is given.

    Raises ConfigError naming the first setting that is out of its bounds or unknown.
    """
    if preset not in PRESETS:
        raise ConfigError(
            "bad_setting", name="preset", detail=f"expected one of {', '.join(PRESETS)}, found “{preset}”"
        )
    values.setdefault("autoencoder", PRESETS[preset])
    try:
        config = RunConfig(preset=preset, **values)
    except ValidationError as error:
        name, detail = first_complaint(error)
        raise ConfigError("bad_setting", name=name or "config", detail=detail) from None
    if config.autoencoder.shared:
        names = ("autoencoder.centre", "positions", "candidates")
        for second in (f"{name}={attrgetter(name)(config)}" for name in names):
            if second in _WITHOUT_SHARED:
                detail = _WITHOUT_SHARED[second]
                raise ConfigError(
                    "config_conflict", first="autoencoder.shared=true", second=second, detail=detail
                )
    return config


def first_complaint(error: ValidationError) -> tuple[str, str]:
    """Where pydantic first found something wrong, and what, in plain words."""
    first = error.errors()[0]
    detail = first["msg"][0].lower() + first["msg"][1:] + f", found {first['input']!r:.80}"
    return ".".join(str(part) for part in first["loc"]), detail
