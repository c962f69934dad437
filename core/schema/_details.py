"""evidence.json and circuit.json: what interventions say of single heads and edges, and of the circuit as a whole."""

from typing import ClassVar

from pydantic import Field

from core.schema._manifest import StabilityRecord
from core.schema._stored import FORMAT, Direction, Stored


class EffectRecord(Stored):
    """An effect as a share of the gap, with its 95 % interval."""

    effect: float | None
    low: float | None = None
    high: float | None = None


class HeadEvidence(Stored):
    """A tested head: its effect under each ablation, and the direction that its verdict rests on."""

    ablations: dict[str, EffectRecord] = Field(default_factory=dict)
    signs_disagree: bool = False
    works_against: bool = False
    direction: Direction | None = None


class AnswerToken(Stored):
    """One token of an answer on one text: `part` is what it adds to the metric, in nats.

    `example` counts the texts in the user's order and `place` the tokens of the answer, both from 0.
    """

    example: int
    side: str
    place: int
    token: int
    piece: str
    part: float | None


class EvidenceDetails(Stored):
    """evidence.json: tested heads by `L3H5`, edges by `L1H2>L3H4`, MLP blocks by `MLP3`.

    `codes` says how steady the codes of every head are.
    """

    former: ClassVar = {"certainty": "stability"}

    format: int = FORMAT
    state: str = "not_computed"
    method: str | None = None
    heads: dict[str, HeadEvidence] = Field(default_factory=dict)
    edges: dict[str, HeadEvidence] = Field(default_factory=dict)
    mlps: dict[str, HeadEvidence] = Field(default_factory=dict)
    codes: dict[str, dict[str, float | None]] = Field(default_factory=dict)
    answers: tuple[AnswerToken, ...] = ()
    stability: StabilityRecord | None = None


class HeadLoss(Stored):
    """What the circuit loses without one of its heads."""

    head: str
    loss: float | None


class CurvePoint(Stored):
    """The share of the behaviour that so many heads give alone."""

    heads: int
    faithfulness: float | None


class AblationCheck(Stored):
    """The circuit under one ablation, beside random circuits; None where a share means nothing.

    `heads_out`, `mlps_out` and `both_out` are shares of the gap that go with all heads, all MLP blocks, or both taken
    out; None in runs of earlier versions, and where MLP blocks cannot be told apart.
    """

    kind: str
    defined: bool
    finite: bool = True
    full: float | None = None
    nothing: float | None = None
    faithfulness: float | None = None
    faithfulness_low: float | None = None
    faithfulness_high: float | None = None
    completeness: float | None = None
    minimality: tuple[HeadLoss, ...] = ()
    random_faithfulness: tuple[float, ...] = ()
    random_completeness: tuple[float, ...] = ()
    rank: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    cpr: float | None = None
    cmd: float | None = None
    heads_out: float | None = None
    mlps_out: float | None = None
    both_out: float | None = None


class HeadSet(Stored):
    """The minimal set of heads that a search found: the share that it gives, the harm on the normal side."""

    heads: tuple[str, ...]
    reached: float | None = None
    harm: float | None = None
    tried: int = 0
    complete: bool = False
    faithfulness: dict[str, float | None] = Field(default_factory=dict)


class SideCounts(Stored):
    """Texts of one side before and after an ablation."""

    texts: int = 0
    judged: int = 0
    fault_before: int = 0
    fault_after: int = 0
    right_before: int = 0
    right_after: int = 0
    same: int = 0


class BeforeAfter(Stored):
    """What the model says with heads ablated; a row of `rows` holds a text with its answers."""

    heads: tuple[str, ...]
    mode: str
    counts: dict[str, SideCounts]
    rows: tuple[dict[str, object], ...] = ()


class BlastRow(Stored):
    """Next tokens of one source, `own` (written by the model itself) or `normal`: how many, the share whose likeliest
    token changes, and the perplexity of the text's own next tokens before and after.
    """

    source: str
    tokens: int = 0
    changed: float | None = None
    perplexity_before: float | None = None
    perplexity_after: float | None = None


class BlastRadius(Stored):
    """What else changes with heads ablated; a row for each source."""

    heads: tuple[str, ...]
    mode: str
    rows: tuple[BlastRow, ...] = ()


class CircuitRecord(Stored):
    """circuit.json: the check of the circuit as a whole, written anew after each of its parts."""

    former: ClassVar = {"measure": "metric", "smallest": "minimal_circuit", "switch": "minimal_ablation_sets"}

    format: int = FORMAT
    state: str
    circuit: tuple[str, ...] = ()
    goal: float = 0.0
    random_circuits: int = 0
    ablations: tuple[AblationCheck, ...] = ()
    complete: bool = False
    metric: str = ""
    gap: float | None = None
    minimal_circuit: HeadSet | None = None
    minimal_ablation_sets: dict[str, HeadSet | None] = Field(default_factory=dict)
    before_after: BeforeAfter | None = None
    seconds: float = 0.0
    forward_passes: int = 0
    blast_radius: BlastRadius | None = None

    @property
    def defined(self) -> list[AblationCheck]:
        """The ablations under which shares of the behaviour mean something."""
        return [ablation for ablation in self.ablations if ablation.defined]
