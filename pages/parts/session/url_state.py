"""The view of the circuit and evidence pages in the address: what is filtered, chosen, open; a link restores it.

`encode` and `decode` are pure; a value that cannot be meant is left out, and the page then shows its default.
"""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from pages.parts.circuit.groups import edge_name

VIEWS = ("flow", "grid")
PANELS = ("head", "edge")
TABS = ("heads", "edges", "heat")
PARTS = ("try", "effects", "circuit")
"""The tabs of the evidence page."""
LARGEST_SCORE = 1e9
_HEAD = re.compile(r"L(0|[1-9]\d{0,4})H(0|[1-9]\d{0,4})", re.ASCII)
_MLP = re.compile(r"MLP\d{1,4}")
_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_RUN = "view_run"  # Key of the run whose view the session holds


@dataclass(frozen=True)
class View:
    """What the reader has set; None and empty stand for the page's own choice.

    `head` and `edge` (`L1H2>L3H4`) are open in the panel; `picked` brings the open one out in the picture. `part` is
    the open tab of the evidence page, all others are of the circuit page.
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
    tab: str = "heads"
    part: str = "try"


NAMES = tuple(field.name for field in fields(View))  # Names of the address's parameters
KEYS = {
    **{name: name for name in ("head", "edge", "panel", "picked")},
    **{name: f"asked_{name}" for name in ("score", "edges", "layers")},
    **{name: f"circuit_{name}" for name in ("view", "fold", "tab")},
    "part": "evidence_part",
}
"""Where the session holds each part of the view."""


def encode(view: View) -> dict[str, str]:
    """Parameters of the address; what is as by default is left out."""
    default = asdict(View())
    return {name: _written(value) for name, value in asdict(view).items() if value != default[name]}


def decode(parameters: Mapping[str, str]) -> View:
    """The view that an address tells; never raises."""
    given = {name: str(parameters.get(name, ""))[:64] for name in NAMES}
    first, _, last = given["layers"].partition("-")
    low, high = _count(first), _count(last)
    source, _, target = given["edge"].partition("-")
    return View(
        view=given["view"] if given["view"] in VIEWS else VIEWS[0],
        score=_score(given["score"]),
        edges=_count(given["edges"]),
        layers=None if low is None or high is None or low > high else (low, high),
        head=given["head"] if _is_head(given["head"]) or _MLP.fullmatch(given["head"]) else "",
        edge=edge_name(source, target) if _is_head(source) and _is_head(target) else "",
        panel=given["panel"] if given["panel"] in PANELS else PANELS[0],
        picked=given["picked"] == "1",
        fold=given["fold"] == "1",
        tab=given["tab"] if given["tab"] in TABS else TABS[0],
        part=given["part"] if given["part"] in PARTS else PARTS[0],
    )


def gather(session: Mapping[Any, Any], run_id: str) -> View:
    """The view that the session holds for this run."""
    if not run_id or session.get(_RUN) != run_id:
        return View()
    held = {name: session.get(key) for name, key in KEYS.items()}
    for name in PANELS:
        # What the panel opens by itself it opens again without being named; else a second drawing would name it.
        if not held["picked"] and held[name] == session.get(unasked(KEYS[name])):
            held[name] = None
    return View(**{name: value for name, value in held.items() if value is not None})


def keep_to_run(session: MutableMapping[Any, Any], run_id: str) -> None:
    """Forget the view of another run than this one."""
    if session.get(_RUN) != run_id:
        for key in (*KEYS.values(), *map(unasked, PANELS)):
            session.pop(key, None)
        session[_RUN] = run_id


def unasked(key: str) -> str:
    """Where the session holds what the panel's list of this key opened by itself."""
    return f"{key}_unasked"


def restore(session: MutableMapping[Any, Any], run_id: str, view: View) -> None:
    """Let the page show this view of the run."""
    keep_to_run(session, run_id)
    for field in fields(View):
        value = getattr(view, field.name)
        if value != field.default:
            session[KEYS[field.name]] = value


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return "1" if value is True else str(value).replace(">", "-")


def _score(text: str) -> float | None:
    try:
        number = round(float(text), 4)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < LARGEST_SCORE else None


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def _is_head(name: str) -> bool:
    return bool(_HEAD.fullmatch(name))
