"""Options that several commands take."""

from typing import Annotated

import typer

from core.config import Candidates, DeviceName, PartnersChoice
from core.examples.alignment import PositionMode
from core.examples.answer_match import Match

Scenario = Annotated[str, typer.Option(help="a bundled scenario")]
Model = Annotated[str, typer.Option(help="hub id or folder of a model")]
Adapter = Annotated[
    str, typer.Option(help="a LoRA adapter for the model (none: not the one that lies in its folder)")
]
Positions = Annotated[PositionMode, typer.Option(help="which token positions are compared")]
CandidatesFrom = Annotated[
    Candidates,
    typer.Option(
        help="by codes, gradients and measured effects together, by codes alone, or by codes times gradients"
    ),
]
PartnersFor = Annotated[PartnersChoice, typer.Option(help="partners for texts without one of equal length")]
Device = Annotated[DeviceName, typer.Option(help="where the model runs")]
MatchBy = Annotated[
    Match, typer.Option(help="whether what the model says begins with an answer, contains or equals it")
]
