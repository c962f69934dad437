"""Markdown tables of a benchmark result: `python docs/tools/benchmark_tables.py FOLDER [en|ja]`.

Writes Markdown to the standard output; nothing in it is typed by hand.
"""

import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

MAIN = 8
CASES = (
    "headlight-standard",
    "headlight-unpaired",
    "headlight-unequal",
    "headlight-codes",
    "headlight-screened",
    "headlight-no-flow",
    "untrained",
    "pair-difference-norm",
    "pair-difference-flow",
    "paper",
    "paper-250",
    "eap-ig",
    "exact-patching",
)
GROWTH = (
    "headlight-standard",
    "headlight-codes",
    "headlight-screened",
    "headlight-unpaired",
    "pair-difference-norm",
    "paper",
    "eap-ig",
)
Words = Mapping[str, str]
"""The headers of a language, from `[benchmark]` of `words.LANGUAGE.toml`."""


def read(folder: Path, name: str) -> pd.DataFrame:
    """A table of the result."""
    return pd.read_csv(folder / f"{name}.csv", encoding="utf-8-sig")


def short(value: float, digits: int = 3) -> str:
    """A share without its leading zero; a dash where nothing was measured."""
    return "–" if pd.isna(value) else f"{value:.{digits}f}".removeprefix("0")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A Markdown table."""
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"


def goals(folder: Path, say: Words) -> Iterator[str]:
    """Goals beside what was measured; what misses is bold."""
    wanted = read(folder, "goals")
    rows = []
    for goal in wanted.itertuples():
        measured = "–" if pd.isna(goal.measured) else f"{goal.measured:g}"
        missed = str(goal.met).lower() == "false"
        sign = {">=": "≥", "<=": "≤"}[goal.comparison]
        rows.append((f"`{goal.key}`", f"{sign} {goal.wanted:g}", f"**{measured}**" if missed else measured))
    yield from table([say["goal"], say["wanted"], say["measured"]], rows)


def cases(folder: Path, say: Words) -> Iterator[str]:
    """Head AUC of some methods on every task and model."""
    summary = read(folder, "summary")
    part = summary[(summary["unit"] == "head") & (summary["examples"] == MAIN)]
    by_case = part.pivot_table(index=["task", "model"], columns="method", values="auc", sort=False)
    shown = [method for method in CASES if method in by_case]
    rows = [
        (f"{task} · {model}", *(short(values[method]) for method in shown))
        for (task, model), values in by_case.iterrows()
    ]
    rows.append((say["mean"], *(f"**{short(by_case[method].mean())}**" for method in shown)))
    yield from table([say["task"], *(f"`{method}`" for method in shown)], rows)


def methods(folder: Path, say: Words) -> Iterator[str]:
    """Quality and cost of every method over all tasks and models."""
    summary = read(folder, "summary")
    part = summary[summary["examples"] == MAIN]
    rows = []
    for method, own in part.groupby("method", sort=False):
        heads, edges = own[own["unit"] == "head"], own[own["unit"] == "edge"]
        rows.append(
            (
                heads["auc"].mean(),
                f"`{method}`",
                f"{heads['draws'].max()} × {heads['seeds'].max()}",
                f"{short(heads['auc'].mean())}, {short(heads['auc'].min())}",
                short(heads["average_precision"].mean(), 2),
                f"{short(edges['auc'].mean())}, {short(edges['auc'].min())}",
                short(edges["average_precision"].mean(), 2),
                short(edges["auc_true_heads"].mean(), 2),
                f"{short(heads['precision'].mean(), 2)} / {short(heads['recall'].mean(), 2)}",
                short(heads["jaccard"].mean(), 2),
                f"{heads['seconds'].mean():.2f}",
                f"{heads['forward_passes'].mean():.0f}",
                f"{heads['peak_mb'].mean():.0f}",
            )
        )
    names = [
        "method",
        "draws",
        "heads",
        "ap",
        "edges",
        "ap",
        "inside",
        "chosen",
        "jaccard",
        "seconds",
        "passes",
        "mb",
    ]
    ordered = sorted(rows, key=lambda row: -row[0])
    yield from table([say[name] for name in names], (row[1:] for row in ordered))


def sizes(folder: Path, say: Words) -> Iterator[str]:
    """Head AUC over the number of texts a side: mean and lowest task."""
    summary = read(folder, "summary")
    part = summary[summary["unit"] == "head"]
    numbers = sorted(part["examples"].unique())
    rows = []
    for method in GROWTH:
        own = part[part["method"] == method]
        cells = []
        for number in numbers:
            auc = own.loc[own["examples"] == number, "auc"]
            cells.append(f"{short(auc.mean())}, {short(auc.min())}" if len(auc) else "–")
        rows.append((f"`{method}`", *cells))
    yield from table([say["texts"], *map(str, numbers)], rows)


def evidence(folder: Path, say: Words) -> Iterator[str]:
    """Verdicts against the truth, and under shuffled labels."""
    summary = read(folder, "summary")
    part = summary[(summary["method"] == "headlight-standard") & (summary["examples"] == MAIN)]
    names = ["task", "confirmed_heads", "confirmed_edges", "wrong", "within", "over", "seconds", "passes"]
    rows = []
    for (task, model), own in part.groupby(["task", "model"]):
        head, edge = (own[own["unit"] == unit].iloc[0] for unit in ("head", "edge"))
        rows.append(
            (
                f"{task} · {model}",
                *(
                    f"{short(one['confirmed_precision'], 2)} / {short(one['confirmed_recall'], 2)}"
                    for one in (head, edge)
                ),
                short(head["wrong_at_q"], 2),
                f"{head['shuffles_tested']:.0f} / {head['shuffles']:.0f}, {short(head['false_discoveries'])}",
                f"{head['shuffles_unpaired_tested']:.0f} / {head['shuffles_unpaired']:.0f}, "
                f"{short(head['false_discoveries_unpaired'])}",
                f"{head['evidence_seconds']:.2f}",
                f"{head['evidence_passes']:.0f}",
            )
        )
    heads, edges = (part[part["unit"] == unit] for unit in ("head", "edge"))
    both = [
        f"**{short(one['confirmed_precision'].mean(), 2)} / {short(one['confirmed_recall'].mean(), 2)}**"
        for one in (heads, edges)
    ]
    shuffled = []
    for kind in ("", "_unpaired"):
        tested, every = heads[f"shuffles{kind}_tested"].sum(), heads[f"shuffles{kind}"].sum()
        discovered = (heads[f"false_discoveries{kind}"] * heads[f"shuffles{kind}"]).sum() / max(every, 1)
        shuffled.append(f"**{tested:.0f} / {every:.0f}, {short(discovered)}**")
    wrong = short(heads["wrong_at_q"].mean(), 2)
    passes = f"{heads['evidence_passes'].mean():.0f}"
    rows.append((say["mean"], *both, wrong, *shuffled, f"{heads['evidence_seconds'].mean():.2f}", passes))
    yield from table([say[name] for name in names], rows)


def sweep(folder: Path, say: Words) -> Iterator[str]:
    """Mean AUC over all cases for every value of every setting, and the case that moves most."""
    moved = read(folder, "sweep")
    rows = []
    for setting, own in moved.groupby("setting", sort=False):
        case = own.pivot_table(index=["task", "model"], columns="value", values="auc", sort=True)
        default = own.loc[own["is_default"], "value"].iloc[0]
        names = [f"**{value:g}**" if value == default else f"{value:g}" for value in case]
        cells = [f"{name} {short(case[value].mean())}" for name, value in zip(names, case, strict=True)]
        change = case.sub(case[default], axis=0).abs().max(axis=1)
        worst = " · ".join(change.idxmax())
        rows.append((setting, ", ".join(cells), f"{short(change.max())} ({worst})"))
    yield from table([say[name] for name in ("setting", "values", "change")], rows)


def switch(folder: Path, say: Words) -> Iterator[str]:
    """What switching heads off does on unseen texts."""
    sets = read(folder, "switch")
    sets["count"] = sets["heads"].str.split().str.len()
    rows = []
    for (task, model), own in sets.groupby(["task", "model"]):
        suggested = own[own["suggested"].astype(str).str.lower() == "true"]
        circuit = own[(own["found_by"] == "minimal_circuit") & (own["mode"] == "mean")]
        rows.append(
            (
                f"{task} · {model}",
                f"{suggested['count'].mean():.1f}",
                short(suggested["fault_gone"].mean(), 2),
                short(suggested["fault_on_normal"].mean(), 2),
                short(suggested["still_right"].mean(), 2),
                f"{circuit['count'].mean():.1f}, {short(circuit['fault_gone'].mean(), 2)}, "
                f"{short(circuit['still_right'].mean(), 2)}",
            )
        )
    yield from table([say[name] for name in ["task", "switch", "gone", "anyway", "still", "circuit"]], rows)


def speed(folder: Path, say: Words) -> Iterator[str]:
    """Time and memory."""
    timed = read(folder, "speed")
    rows = [
        (
            f"{row.what} ({row.heads} × {row.examples}+{row.examples}, {row.device})",
            f"{row.seconds:.2f}",
            f"{row.peak_mb:.0f}",
            "–" if pd.isna(row.forward_seconds) else f"{row.seconds / row.forward_seconds:.1f}",
        )
        for row in timed.itertuples()
    ]
    yield from table([say[name] for name in ("what", "seconds", "mb", "passes")], rows)


def groups(folder: Path, say: Words) -> Iterator[str]:
    """How well texts of different mechanisms are told apart: the index with the number given, and by the rule."""
    measured = read(folder, "groups")
    several = measured[measured["task"] != "one-route"]
    cases = list(dict.fromkeys(zip(several["task"], several["pairing"], several["examples"], strict=True)))
    by_case = several.set_index(["task", "pairing", "examples", "way"])
    rows = []
    for way, own in several.groupby("way", sort=False):
        cells = [by_case.loc[(*case, way)] for case in cases]
        shown = [f"{short(cell['ari'], 2)} / {short(cell['ari_found'], 2)}" for cell in cells]
        rows.append((own["ari"].mean(), f"`{way}`", *shown))
    unpaired = {"auto": "", "off": f", {say['without_pairs']}"}
    titles = [f"{task}{unpaired[pairing]}, {examples}" for task, pairing, examples in cases]
    ordered = sorted(rows, key=lambda row: -row[0])
    yield from table([say["way"], *titles], (row[1:] for row in ordered))


def gpu(folder: Path, say: Words) -> Iterator[str]:
    """What was measured on a graphics card, or that nothing was."""
    file = folder / "gpu.json"
    if not file.is_file():
        yield say["not_on_gpu"]
        return
    record = json.loads(file.read_text(encoding="utf-8"))
    seconds = sum(section["seconds"] for section in record["sections"])
    yield f"{record['device']}, torch {record['torch']}, transformers {record['transformers']}, {seconds:.0f} s"
    yield ""
    rows = []
    for section in record["sections"]:
        if section["state"] != "measured":
            rows.append((section["name"], f"**{say[section['state']]}**", section["reason"], ""))
        for row in section["rows"]:
            value = "–" if row["value"] is None else f"{row['value']:.4g}"
            sign = "≥" if row["least"] else "≤"
            bound = "" if row["bound"] is None else f"{sign} {row['bound']:g}"
            shown = f"**{value}**" if row["holds"] is False else value
            rows.append((section["name"], f"{row['case']}: {row['quantity']}", shown, bound))
    yield from table([say[name] for name in ("section", "what", "measured", "bound")], rows)


TABLES: Mapping[str, Callable[[Path, Words], Iterator[str]]] = {
    part.__name__: part
    for part in (goals, cases, methods, sizes, evidence, sweep, switch, groups, speed, gpu)
}


def main() -> None:
    """Print every table under its name."""
    folder, language = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "en"
    words = tomllib.loads(Path(__file__).with_name(f"words.{language}.toml").read_text(encoding="utf-8"))
    for name, lines in TABLES.items():
        sys.stdout.write("\n".join([f"\n<!-- {name} -->", *lines(folder, words["benchmark"]), ""]))


if __name__ == "__main__":
    main()
