"""The files of a sweep over settings made by hand, around the settings of a run: what the page is tested against."""

from typing import Any

import pandas as pd

from core.runs.run_folder import RunFolder
from core.sensitivity.plan import plan, settings_key
from core.sensitivity.summary import COLUMNS, MAP_COLUMNS, summary

PER_SIDE = 6


def write_sweep(run: RunFolder, truth: bool = True, steady: bool = True, complete: bool = True) -> None:
    """Every value agrees by 0.9; unsteady, those of the sparsity above the run's own by 0.5 (and their AUC is 0.9).

    An incomplete sweep has the run's own seed alone and no map.
    """
    config = run.config()
    planned = plan(config, PER_SIDE)

    def numbers(sparsity: float, own: bool) -> dict[str, Any]:
        apart = not steady and sparsity > config.autoencoder.sparsity
        return {
            "auc": (0.9 if apart else 0.98) if truth else None,
            "average_precision": 0.9 if truth else None,
            "agreement": 1.0 if own else 0.5 if apart else 0.9,
            "selected": 4,
            "seconds": 0.25,
        }

    about = {"task": "", "model": "gpt2", "examples": PER_SIDE}
    rows = [
        {
            **about,
            "draw": row.training.draw,
            "seed": row.training.seed,
            "setting": row.setting,
            "value": row.value,
            "is_default": row.is_default,
            **numbers(row.training.autoencoder.sparsity, row.training == planned.default),
        }
        for row in planned.rows
        if complete or row.training.seed == config.seed
    ]
    cells = [
        {
            **about,
            "seed": cell.training.seed,
            "latents": cell.latents,
            "sparsity": cell.sparsity,
            "is_default": cell.is_default,
            **numbers(cell.sparsity, cell.is_default),
        }
        for cell in planned.cells
        if complete
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"auc": float, "average_precision": float})
    grid = pd.DataFrame(cells, columns=list(MAP_COLUMNS)).astype({"auc": float, "average_precision": float})
    run.write_bytes("sweep.csv", table.to_csv(index=False).encode("utf-8-sig"))
    run.write_bytes("sweep_map.csv", grid.to_csv(index=False).encode("utf-8-sig"))
    content = {
        "format": 1,
        "key": settings_key(config),
        "complete": complete,
        "trained": len(planned.trainings) if complete else 40,
        "trainings": len(planned.trainings),
        "seconds": 12.0,
        "seeds": sorted({int(seed) for seed in table["seed"]}),
        "draws": 5,
        "truth_known": truth,
        "summary": summary(table, grid),
    }
    run.write_json("robustness.json", content)
