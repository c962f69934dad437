"""The circuit page's view in the address: what is filtered, chosen and folded, so that a link restores it.

`encode` and `decode` are pure; a value that cannot be meant is left out, and the page then shows its default.
"""

import math
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, fields
from typing import Any

from pages.parts.circuit.groups import edge_ends, edge_name

VIEWS = ("flow", "grid")
PANELS = ("head", "edge")
TABS = ("heads", "edges", "heat")
NAMES = ("view", "score", "edges", "layers", "head", "edge", "panel", "picked", "fold", "full", "tab")
"""Names of the address's parameters."""

_HEAD = re.compile(r"L(0|[1-9]\d{0,4})H(0|[1-9]\d{0,4})", re.ASCII)
_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_RUN = "view_run"
"""Key of the run whose view the session holds."""


@dataclass(frozen=True)
class View:
    """What the reader has set; None and empty stand for the page's own choice.

    `head` and `edge` (`L1H2>L3H4`) are open in the panel; `picked` brings the open one out in the picture.
    """

    view: str = "flow"
    score: float | None = None
    edges: int | None = None
    layers: tuple[int, int] | None = None
    head: str = ""
    edge: str = ""
    panel: str = "head"
    picked: bool = False
    fold: bool = False
    full: bool = False
    tab: str = "heads"


KEYS = {
    "view": "circuit_view",
    "score": "asked_score",
    "edges": "asked_edges",
    "layers": "asked_layers",
    "head": "head",
    "edge": "edge",
    "panel": "panel",
    "picked": "picked",
    "fold": "circuit_fold",
    "full": "circuit_full",
    "tab": "circuit_tab",
}
"""Where the session holds each part of the view."""


def encode(view: View) -> dict[str, str]:
    """Parameters of the address; what is as by default is left out."""
    said = {
        "view": view.view,
        "score": "" if view.score is None else f"{view.score:.4f}".rstrip("0").rstrip("."),
        "edges": "" if view.edges is None else str(view.edges),
        "layers": "" if view.layers is None else "{}-{}".format(*view.layers),
        "head": view.head,
        "edge": "-".join(edge_ends(view.edge)) if view.edge else "",
        "panel": view.panel,
        "picked": "1" if view.picked else "",
        "fold": "1" if view.fold else "",
        "full": "1" if view.full else "",
        "tab": view.tab,
    }
    default = View()
    return {
        name: value for name, value in said.items() if value and getattr(view, name) != getattr(default, name)
    }


def decode(parameters: Mapping[str, str]) -> View:
    """The view that an address tells; never raises."""
    given = {name: str(parameters.get(name, ""))[:64] for name in NAMES}
    return View(
        view=_one_of(given["view"], VIEWS),
        score=_number(given["score"]),
        edges=_count(given["edges"]),
        layers=_range(given["layers"]),
        head=given["head"] if is_head(given["head"]) else "",
        edge=_edge(given["edge"]),
        panel=_one_of(given["panel"], PANELS),
        picked=given["picked"] == "1",
        fold=given["fold"] == "1",
        full=given["full"] == "1",
        tab=_one_of(given["tab"], TABS),
    )


def is_head(name: str) -> bool:
    """Whether this is a head's name, `L3H5`."""
    return bool(_HEAD.fullmatch(name))


def gather(session: Mapping[Any, Any], run_id: str) -> View:
    """The view that the session holds for this run."""
    if not run_id or session.get(_RUN) != run_id:
        return View()
    held = {name: session.get(key) for name, key in KEYS.items()}
    return View(**{name: value for name, value in held.items() if value is not None})


def keep_to_run(session: MutableMapping[Any, Any], run_id: str) -> None:
    """Forget the view of another run than this one."""
    if session.get(_RUN) == run_id:
        return
    for key in KEYS.values():
        session.pop(key, None)
    session[_RUN] = run_id


def restore(session: MutableMapping[Any, Any], run_id: str, view: View) -> None:
    """Let the page show this view of the run."""
    keep_to_run(session, run_id)
    for field in fields(View):
        value = getattr(view, field.name)
        if value != field.default:
            session[KEYS[field.name]] = value


def _one_of(said: str, known: tuple[str, ...]) -> str:
    return said if said in known else known[0]


def _number(said: str) -> float | None:
    try:
        number = float(said)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _count(said: str) -> int | None:
    return int(said) if _COUNT.fullmatch(said) else None


def _range(said: str) -> tuple[int, int] | None:
    first, _, last = said.partition("-")
    low, high = _count(first), _count(last)
    return None if low is None or high is None or low > high else (low, high)


def _edge(said: str) -> str:
    source, _, target = said.partition("-")
    return edge_name(source, target) if is_head(source) and is_head(target) else ""
