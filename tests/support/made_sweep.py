"""The files of a sweep over settings made by hand, around the settings of a run: what the page is tested against."""

from dataclasses import replace

import numpy as np
import pandas as pd

from core.runs.run_folder import RunFolder
from core.sensitivity.plan import GRID, Grid, plan
from core.sensitivity.summary import COLUMNS
from core.sensitivity.sweep_files import Measurement, as_tables, write

PER_SIDE = 6
SMALL = Grid(
    latents=(0.5,), sparsity=(10,), epochs=(), learning_rate=(), members=(1,), sizes=(3,), seeds=2, draws=2
)

ROWS = [
    {"label": label, "text": f"w1 w{10 + i} {word} w9", "expected": "w40", "actual": "w50"}
    for i in range(4)
    for label, word in (("anomalous", "w5"), ("normal", "w6"))
]


def made(rows: list[tuple]) -> pd.DataFrame:
    """Rows (setting, value, is_default, seed, auc, agreement) with the other columns filled."""
    names = ["setting", "value", "is_default", "seed", "auc", "agreement"]
    table = pd.DataFrame(rows, columns=names)
    filled = table.assign(
        task="", model="gpt2", examples=8, draw=0, average_precision=np.nan, selected=3, seconds=0.1
    )
    return filled[list(COLUMNS)]


NAN = float("nan")

BY_HAND = made(
    [
        # sparsity: 0.2 has a mean agreement of 0.7, 20 of 0.8, and an AUC that is 0.03 and 0.02 below
        ("sparsity", 0.2, False, 0, 0.93, 0.6),
        ("sparsity", 0.2, False, 1, 0.93, 0.8),
        ("sparsity", 2.0, True, 0, 0.95, 1.0),
        ("sparsity", 2.0, True, 1, 0.97, 0.5),
        ("sparsity", 20.0, False, 0, 0.94, 0.9),
        ("sparsity", 20.0, False, 1, 0.94, 0.7),
        # members: 1, 2 and 16 fail by agreement, the nearest on either side are 2 and 16; AUC fails at 1 alone
        ("members", 1.0, False, 0, 0.99, 0.1),
        ("members", 2.0, False, 0, 0.96, 0.2),
        ("members", 8.0, True, 0, 0.95, 1.0),
        ("members", 8.0, True, 1, 0.97, 0.5),
        ("members", 16.0, False, 0, 0.96, 0.79),
    ]
)


def write_sweep(run: RunFolder, truth: bool = True, steady: bool = True, complete: bool = True) -> None:
    """Every value agrees by 0.9; unsteady, those of the sparsity above the run's own by 0.5 (and their AUC is 0.9).

    An incomplete sweep has the run's own seed alone and no map.
    """
    config = run.config()
    planned = plan(config, PER_SIDE)

    def numbers(sparsity: float, own: bool) -> Measurement:
        apart = not steady and sparsity > config.autoencoder.sparsity
        auc = (0.9 if apart else 0.98) if truth else NAN
        return Measurement(auc, 0.9 if truth else NAN, 1.0 if own else 0.5 if apart else 0.9, 4, 0.25)

    own = planned.default
    trainings = [row.training for row in planned.rows if complete or row.training.seed == own.seed]
    if complete:
        trainings += [cell.training for cell in planned.cells]
    measured = {training: numbers(training.autoencoder.sparsity, training == own) for training in trainings}
    about: dict[str, str | int] = {"task": "", "model": "gpt2", "examples": PER_SIDE}
    swept = as_tables(planned if complete else replace(planned, cells=()), measured, about)
    write(run, config, GRID, replace(swept, trainings=len(planned.trainings)), 12.0)
