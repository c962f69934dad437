"""How well each way tells apart texts whose fault comes about in different ways, by the adjusted Rand index.

- `two-routes`: planted models in which one wrong answer comes by two routes (`core.benchmark.tasks.two_routes`). Model
  0 served to choose; those measured here are others.
- `tickets`: the bundled model, texts of two of its faults, about refunds and about packages; their words alone tell
  the groups.
- `one-route`: texts of one route of the planted models, where the right answer is one group.

Each way is judged twice: with the number of groups given (k-means on vectors of length 1, the best of 10 starts), and
by the product's own rule (`core.analysis.text_groups`), which also says how many groups there are.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sklearn.cluster import KMeans

from core.analysis.text_groups import BARS, Division, divided, rand_index
from core.benchmark.groups.table import GroupRow
from core.benchmark.groups.ways import WAYS, Case
from core.benchmark.plan import MAIN
from core.benchmark.tasks import two_routes
from core.causal.bounds import HEAD_BOUND
from core.examples.example_set import ExampleSet
from core.model.loaded_model import LoadedModel
from core.model.loading import load_model
from core.scenarios.build import tickets
from core.scenarios.build.make_examples import examples_of
from core.scenarios.loader import load_scenario

STARTS = 10
PLANTED_SEEDS = (3, 4, 5, 6, 7)
FIRST_SEED = 70_000
QUICK, FULL = {MAIN: (1, 1)}, {MAIN: (2, 4), 2 * MAIN: (1, 2)}
"""By texts a side: draws of each planted model, and of the tickets."""

TICKET_FAULTS = (1, 2)
"""Refunds and packages, in the order of the faults of the material."""


@dataclass(frozen=True)
class Drawn:
    """A draw: texts, and the group of each anomalous one."""

    task: str
    model: str
    loaded: LoadedModel
    examples: ExampleSet
    groups: np.ndarray
    draw: int


def rows_of(drawn: Drawn, pairing: str = "auto", names: tuple[str, ...] = tuple(WAYS)) -> Iterator[GroupRow]:
    """The row of every way on a draw."""
    case = Case(drawn.loaded, drawn.examples, seed=drawn.draw, pairing=pairing)
    # what several ways share is read before the clock runs, so that no way pays for the others
    _ = case.centred, case.every_token, case.patching
    start = time.perf_counter()
    _ = case.weights, case.mean_effects
    shared = time.perf_counter() - start
    for name in names:
        start = time.perf_counter()
        vectors = WAYS[name](case)
        seconds = time.perf_counter() - start + (shared if name == "effects" else 0)
        found = ruled(case, name, vectors)
        count = len(set(drawn.groups.tolist()))
        yield GroupRow(
            task=drawn.task,
            model=drawn.model,
            examples=len(drawn.groups),
            pairing=pairing,
            draw=drawn.draw,
            way=name,
            groups=count,
            ari=round(rand_index(drawn.groups, clustered(vectors, count, drawn.draw)), 4),
            ari_found=round(rand_index(drawn.groups, found.labels), 4),
            found=found.count,
            seconds=round(seconds, 4),
        )


def ruled(case: Case, way: str, vectors: np.ndarray) -> Division:
    """What the product's rule makes of these vectors; of effects, as it does in a run."""
    method = case.patching[0].method
    if way != "effects":
        return divided(vectors, BARS[method])
    matter = np.abs(vectors).mean(axis=0) >= HEAD_BOUND / 2
    others = case.mean_effects[:, matter] if method == "resample" else None
    return divided(vectors[:, matter], BARS[method], others)


def clustered(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Groups (text,) of so many, by k-means on the vectors' directions."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    labels: np.ndarray = KMeans(count, n_init=STARTS, random_state=seed).fit_predict(vectors / lengths)
    return labels


def route_draw(seed: int, examples: int, draw: int, both: bool = True) -> Drawn:
    """Texts of both routes of a planted model, half and half, or of one route alone."""
    halves = examples // 2, examples - examples // 2
    routes = [route for route, count in zip(two_routes.ROUTES, halves, strict=True) for _ in range(count)]
    if not both:
        routes = [two_routes.ROUTES[draw % 2] for _ in range(examples)]
    groups = np.array([two_routes.ROUTES.index(route) for route in routes])
    texts = two_routes.texts(routes, FIRST_SEED + 1000 * seed + draw)
    task = "two-routes" if both else "one-route"
    return Drawn(task, f"planted-{seed}", _planted(seed), texts, groups, draw)


def ticket_draw(examples: int, draw: int) -> Drawn:
    """Tickets of two faults, half and half, with their partners."""
    kinds = 3
    pairs = tickets.pairs(2 * kinds * examples, FIRST_SEED + draw)
    of_kind = [pairs[i] for fault in TICKET_FAULTS for i in _of_fault(fault, kinds, examples // 2)]
    groups = np.repeat(np.arange(len(TICKET_FAULTS)), examples // 2)
    return Drawn(
        "tickets", "gpt2", _tickets(), ExampleSet(examples=tuple(examples_of(of_kind))), groups, draw
    )


def _of_fault(fault: int, kinds: int, count: int) -> list[int]:
    """The first so many places of pairs of a fault: the faults take turns, two pairs each."""
    return [i for i in range(4 * kinds * count) if (i // 2) % kinds == fault][:count]


def group_rows(quick: bool) -> Iterator[GroupRow]:
    """All that is measured; the quick plan takes one draw of each case at MAIN texts."""
    seeds = PLANTED_SEEDS[:1] if quick else PLANTED_SEEDS
    for examples, (route_draws, ticket_draws) in (QUICK if quick else FULL).items():
        for draw in range(route_draws):
            for seed in seeds:
                yield from rows_of(route_draw(seed, examples, draw))
                yield from rows_of(route_draw(seed, examples, draw, both=False), names=("effects",))
                if not quick:
                    yield from rows_of(route_draw(seed, examples, draw), pairing="off")
        for draw in range(ticket_draws):
            yield from rows_of(ticket_draw(examples, draw))


@lru_cache(maxsize=8)
def _planted(seed: int) -> LoadedModel:
    return two_routes.build(seed).loaded


@lru_cache(maxsize=1)
def _tickets() -> LoadedModel:
    return load_model(str(load_scenario("misrouted-tickets").model_folder), "cpu")
