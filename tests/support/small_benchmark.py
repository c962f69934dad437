"""A benchmark's result of three cases whose numbers can be worked by hand."""

from pathlib import Path

import pandas as pd

HEAD = {"examples": 8, "unit": "head", "role": "test", "draws": 2, "seeds": 1}
BY_HAND = {
    "headlight-standard": (0.9, 0.8, 1.0),
    "untrained": (0.95, 0.7, 1.0),
    "k-means": (0.8, 0.81, 1.0),
    "probe": (0.91, None, 0.5),
    "paper": (0.5, 0.6, 0.7),
    "paper-250": (0.6, 0.5, 0.76),
    "eap-ig": (0.99, 0.9, 1.0),
    "exact-patching": (1.0, 1.0, 1.0),
    "headlight-screened": (1.0, 1.0, 1.0),
    "mean-difference": (0.9004, 0.1, 0.1),
}
CASES = ("a · gpt2", "a · llama", "b · gpt2")


def table(values: dict[str, tuple[float | None, ...]] = BY_HAND) -> pd.DataFrame:
    rows = []
    for method, aucs in values.items():
        for case, auc in zip(CASES, aucs, strict=True):
            task, model = case.split(" · ")
            if auc is not None:
                rows.append({"task": task, "model": model, "method": method, **HEAD, "auc": auc})
    return pd.DataFrame(rows)


def write(
    folder: Path, summary: pd.DataFrame | None = None, about: str = "{}", **others: pd.DataFrame
) -> Path:
    folder.mkdir(exist_ok=True)
    tables = {"summary": table() if summary is None else summary, **others}
    for name, content in tables.items():
        content.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8-sig")
    (folder / "about.json").write_text(about, encoding="utf-8")
    return folder
