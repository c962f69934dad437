"""What the worker needs of the engine; tests put another module with the same names in its place."""

from core.analysis.pipeline import analyse
from core.inspection.ablated_generation import what_if
from core.inspection.head_view import head_view
from core.inspection.partners import make_draft_partners
from core.inspection.preview import inspect, preview
from core.inspection.suggested_answers import suggest_answers
from core.jobs.checks import check
from core.model.hub.facts import ask_hub
from core.model.interruption import interruptible
from core.model.loading import ModelPool
from core.report.save import save

__all__ = [
    "ModelPool",
    "analyse",
    "ask_hub",
    "check",
    "head_view",
    "inspect",
    "interruptible",
    "make_draft_partners",
    "preview",
    "save",
    "suggest_answers",
    "what_if",
]
