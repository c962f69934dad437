"""Finished runs made by hand, in the files and columns of the contract: what the pages are tested against."""

import random
from pathlib import Path
from typing import Any

import pandas as pd

from core.config import make_config
from core.examples.reading import from_rows
from core.runs.job_state import JobState
from core.runs.progress import Record, append_record
from core.runs.run_folder import RunFolder, new_run_id

HEAD_COLUMNS = [
    "layer",
    "head",
    "score",
    "score_low",
    "score_high",
    "frequency",
    "p_value",
    "q_value",
    "selected",
    "effect",
    "effect_low",
    "effect_high",
    "verdict",
    "label_p_value",
]
EDGE_COLUMNS = [
    "source_layer",
    "source_head",
    "target_layer",
    "target_head",
    "score",
    "frequency",
    "p_value",
    "q_value",
    "selected",
    "effect",
    "effect_low",
    "effect_high",
    "verdict",
]
PLACES = ("warehouse", "office", "branch", "shop", "depot", "plant")
WORDS = {"anomalous": "invoice", "normal": "parcel"}


def make_run(
    folder: Path,
    n_layers: int = 6,
    n_heads: int = 8,
    n_selected: int = 7,
    verdicts: bool = False,
    name: str = "Made",
    n_edges: int = 0,
) -> RunFolder:
    """A finished run of a model of this shape; the numbers come from a fixed seed and mean nothing.

    With `n_edges`, weaker edges between any heads are added until there are so many.
    """
    config = make_config(model="/models/made", examples=from_rows(examples()), preset="fast")
    run = RunFolder.create(folder / new_run_id(), config, name=name)
    write_tables(run, n_layers, n_heads, n_selected, verdicts, n_edges)
    for second, stage in enumerate(("load", "train", "codes", "report")):
        append_record(
            run, Record(1000.0 + 3 * second, stage, 1, 1, {"loss": 0.5} if stage == "train" else {})
        )
    run.write_state(JobState(status="done", stage="report", started=1000.0, finished=1012.0))
    return run


def examples() -> list[dict[str, str]]:
    """Six pairs of texts."""
    return [
        {
            "label": label,
            "text": f"The {word} of the {place} is late",
            "pair": place,
            "expected": "",
            "actual": "",
        }
        for place in PLACES
        for label, word in WORDS.items()
    ]


def write_tables(
    run: RunFolder,
    n_layers: int = 6,
    n_heads: int = 8,
    n_selected: int = 7,
    verdicts: bool = False,
    n_edges: int = 0,
) -> None:
    """Every file of a result."""
    numbers = random.Random(7)
    heads = _heads(numbers, n_layers, n_heads, n_selected, verdicts)
    _write(run, "heads.csv", pd.DataFrame(heads, columns=HEAD_COLUMNS))
    edges = _edges(numbers, heads[:n_selected])
    edges += _weaker_edges(numbers, heads, edges, n_edges - len(edges))
    _write(run, "edges.csv", pd.DataFrame(edges, columns=EDGE_COLUMNS))
    _write(run, "codes.csv", pd.DataFrame(_codes(numbers, heads[: n_selected + 3], examples())))
    table = pd.DataFrame(examples()).assign(tokens=7, next_word=" today", next_probability=0.5)
    table = table.assign(
        continuation=" today,\nas we know",
        verdict="",
        expected_log_probability=None,
        actual_log_probability=None,
    ).assign(expected_pieces="", actual_pieces="")
    table.insert(0, "example", range(1, len(table) + 1))
    _write(run, "examples.csv", table)
    run.write_json("manifest.json", _manifest(n_layers, n_heads, n_selected, len(PLACES)))


def write_circuit(run: RunFolder, state: str = "computed", complete: bool = True) -> None:
    """What the check of the circuit found; the numbers are made up."""
    circuit = [f"L{layer}H{head}" for layer, head in ((0, 1), (2, 3), (4, 5))]

    def ablation(kind: str, share: float, defined: bool = True) -> dict[str, Any]:
        return {
            "kind": kind,
            "defined": defined,
            "full": -9.7,
            "nothing": 9.8,
            "faithfulness": share if defined else None,
            "faithfulness_low": share - 0.06 if defined else None,
            "faithfulness_high": share + 0.05 if defined else None,
            "completeness": 0.02 if defined else None,
            "minimality": [{"head": head, "loss": 0.6 - 0.2 * place} for place, head in enumerate(circuit)],
            "random_faithfulness": [round(0.005 * place, 3) for place in range(100)] if defined else [],
            "random_completeness": [round(1 - 0.005 * place, 3) for place in range(100)] if defined else [],
            "rank": 1 / 101 if defined else None,
            "curve": [
                {"heads": size, "faithfulness": min(1.0, 0.3 * size) if defined else None}
                for size in (1, 2, 3, 4, 8, 16, 48)
            ],
            "cpr": 0.85 if defined else None,
            "cmd": 0.15 if defined else None,
        }

    content: dict[str, Any] = {
        "format": 1,
        "state": state,
        "circuit": circuit,
        "goal": 0.9,
        "random_circuits": 100,
        "ablations": [],
        "complete": complete,
        "metric": "logit_difference",
        "gap": -19.5,
        "seconds": 3.2,
        "forward_passes": 52,
    }
    if state == "computed":
        content["ablations"] = [
            ablation("resample", 0.9),
            ablation("mean", 0.98),
            ablation("zero", 1.15, False),
        ]
        share = {"resample": 0.91, "mean": 0.97, "zero": None}
        found = {"heads": circuit[:2], "reached": 0.91, "harm": None, "tried": 40, "complete": True}
        content["minimal_circuit"] = {**found, "faithfulness": share}
        content["minimal_ablation_sets"] = {"mean": {**found, "reached": 0.97, "harm": 0.005}, "zero": None}
        said = {"Legal": "fault", "Billing": "right"}
        rows = [
            {
                "label": example["label"],
                "text": example["text"],
                "expected": "Billing",
                "actual": before,
                "before": {"next": [_word(before)], "continuation": f" {before}", "verdict": said[before]},
                "after": {"next": [_word("Billing")], "continuation": " Billing", "verdict": "right"},
                "changed": before == "Legal",
            }
            for example in examples()
            for before in ("Legal" if example["label"] == "anomalous" else "Billing",)
        ]
        content["blast_radius"] = {"heads": circuit[:2], "mode": "mean", "rows": _blast_rows()}
        side = {"texts": 6, "judged": 6, "right_after": 6, "fault_after": 0}
        content["before_after"] = {
            "heads": circuit[:2],
            "mode": "mean",
            "rows": rows,
            "counts": {
                "anomalous": {**side, "fault_before": 6, "right_before": 0, "same": 0},
                "normal": {**side, "fault_before": 0, "right_before": 6, "same": 6},
                "typed": dict.fromkeys(
                    ("texts", "judged", "fault_before", "fault_after", "right_before", "right_after", "same"),
                    0,
                ),
            },
        }
    run.write_json("circuit.json", content)


def _blast_rows() -> list[dict[str, Any]]:
    own = {"source": "own", "tokens": 240, "changed": 0.03, "perplexity_before": 4.1, "perplexity_after": 4.2}
    return [own, {**own, "source": "normal", "tokens": 80, "changed": 0.01}]


def _word(word: str) -> dict[str, Any]:
    return {"token": len(word), "piece": f" {word}", "probability": 0.75}


def _heads(
    numbers: random.Random, n_layers: int, n_heads: int, n_selected: int, verdicts: bool
) -> list[dict[str, Any]]:
    places = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
    numbers.shuffle(places)
    said = ("confirmed", "partly", "not confirmed")
    rows = []
    for rank, (layer, head) in enumerate(places):
        chosen = rank < n_selected
        score = 6 - 3 * rank / max(1, n_selected) if chosen else 1.5 * (1 - rank / len(places))
        row: dict[str, Any] = {
            "layer": layer,
            "head": head,
            "score": score,
            "frequency": 1.0 if chosen else 0.1,
        }
        row |= {"score_low": score - 0.2, "score_high": score + 0.2, "selected": chosen}
        if verdicts and chosen:
            row |= {"effect": 0.4, "effect_low": 0.3, "effect_high": 0.5, "verdict": said[rank % 3]}
        rows.append(row)
    return rows


def _edges(numbers: random.Random, heads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for source in heads:
        for target in heads:
            if source["layer"] < target["layer"] and numbers.random() < 0.5:
                ends = {
                    f"{end}_{part}": head[part]
                    for end, head in (("source", source), ("target", target))
                    for part in ("layer", "head")
                }
                rows.append({**ends, "score": numbers.uniform(0.5, 5.0), "frequency": 0.5, "selected": True})
    weakest = _weakest(rows)
    for row in rows[-len(rows) // 4 :]:
        row |= {"score": weakest / 2, "selected": False}
    return sorted(rows, key=lambda row: -row["score"])


def _weaker_edges(
    numbers: random.Random, heads: list[dict[str, Any]], edges: list[dict[str, Any]], count: int
) -> list[dict[str, Any]]:
    """So many edges between any two heads, none of them selected, none of them twice."""
    if count <= 0:
        return []
    taken = {tuple(row[column] for column in EDGE_COLUMNS[:4]) for row in edges}
    pairs = [
        (source["layer"], source["head"], target["layer"], target["head"])
        for source in heads
        for target in heads
        if source["layer"] < target["layer"]
    ]
    free = [pair for pair in pairs if pair not in taken]
    weakest = _weakest(edges)
    rows = [
        dict(zip(EDGE_COLUMNS[:4], pair, strict=True))
        | {"score": numbers.uniform(0.01, weakest), "frequency": 0.1, "selected": False}
        for pair in numbers.sample(free, count)
    ]
    return sorted(rows, key=lambda row: -row["score"])


def _weakest(edges: list[dict[str, Any]]) -> float:
    return min((row["score"] for row in edges), default=0.5)


def _codes(
    numbers: random.Random, heads: list[dict[str, Any]], examples: list[dict[str, str]]
) -> list[dict[str, Any]]:
    return [
        {
            "layer": head["layer"],
            "head": head["head"],
            "member": member,
            "position": "3",
            "example": place,
            "label": example["label"],
            "pair": example["pair"],
            "code": numbers.choice(("4", "9", "17")) if example["label"] == "anomalous" else "silent",
        }
        for head in heads
        for member in range(4)
        for place, example in enumerate(examples, start=1)
    ]


def _manifest(n_layers: int, n_heads: int, n_selected: int, n_pairs: int) -> dict[str, Any]:
    return {
        "format": 1,
        "version": "test",
        "model": {"name": "/models/made", "n_layers": n_layers, "n_heads": n_heads},
        "alignment": {
            "mode": "aligned",
            "reason": {"key": "same_length", "values": {"shortest": 7, "longest": 7}},
            "pairs": [[2 * pair, 2 * pair + 1] for pair in range(n_pairs)],
            "pairs_source": "given",
        },
        "counts": {
            "anomalous": n_pairs,
            "normal": n_pairs,
            "heads": n_layers * n_heads,
            "selected_heads": n_selected,
        },
        "timings": {"load": 3.0, "train": 6.0, "codes": 3.0},
        "forward_passes": 12,
        "cached_texts": 0,
        "device": "cpu",
        "selection": {"rule": "gap", "threshold": 3.0},
        "notes": [{"key": "few_examples", "values": {"count": 4}}],
    }


def _write(run: RunFolder, name: str, table: pd.DataFrame) -> None:
    run.write_bytes(name, table.to_csv(index=False).encode("utf-8-sig"))
