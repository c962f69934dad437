"""Markdown tables of a benchmark result: `python docs/tools/benchmark_tables.py FOLDER [en|ja]`.

Writes Markdown to the standard output; nothing in it is typed by hand.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

MAIN = 8
CASES = (
    "headlight-standard",
    "headlight-screened",
    "headlight-no-reach",
    "untrained",
    "pair-difference-norm",
    "pair-difference-reach",
    "paper",
    "paper-250",
    "eap-ig",
    "exact-patching",
)
GROWTH = (
    "headlight-standard",
    "headlight-fast",
    "headlight-screened",
    "headlight-unpaired",
    "pair-difference-norm",
    "paper",
    "eap-ig",
)
HEADERS = {
    "en": {
        "task": "task · model",
        "goal": "goal",
        "wanted": "wanted",
        "measured": "measured",
        "method": "method",
        "draws": "draws × seeds",
        "heads": "heads: mean, lowest",
        "edges": "edges: mean, lowest",
        "ap": "AP",
        "inside": "among true heads",
        "chosen": "candidates P / R",
        "jaccard": "overlap",
        "seconds": "seconds",
        "passes": "forward passes",
        "mb": "MB",
        "mean": "mean",
        "confirmed_heads": "heads, P / R",
        "confirmed_edges": "edges, P / R",
        "within": "shuffled within pairs: differ, found at q ≤ .1",
        "over": "shuffled over all texts: differ, found at q ≤ .1",
        "wrong": "of q ≤ .1 not true",
        "setting": "setting",
        "values": "values: mean AUC",
        "change": "largest change of one case",
        "switch": "suggested switch: heads",
        "gone": "gone",
        "anyway": "said on normal texts anyway",
        "still": "normal still right",
        "circuit": "smallest circuit off (mean): heads, gone, normal still right",
        "what": "what",
        "texts": "texts a side",
    },
    "ja": {
        "task": "課題 · モデル",
        "goal": "目標",
        "wanted": "目標値",
        "measured": "測定値",
        "method": "方法",
        "draws": "回数 × シード",
        "heads": "ヘッド: 平均、最低",
        "edges": "接続: 平均、最低",
        "ap": "AP",
        "inside": "正しいヘッド間",
        "chosen": "候補の適合率 / 再現率",
        "jaccard": "重なり",
        "seconds": "秒",
        "passes": "順伝播",
        "mb": "MB",
        "mean": "平均",
        "confirmed_heads": "ヘッド、適合率 / 再現率",
        "confirmed_edges": "接続、適合率 / 再現率",
        "within": "ペア内の入れ替え: 差あり、q ≤ .1 の発見",
        "over": "全体の入れ替え: 差あり、q ≤ .1 の発見",
        "wrong": "q ≤ .1 のうち誤り",
        "setting": "設定",
        "values": "値: 平均 AUC",
        "change": "一つの組み合わせでの最大の変化",
        "switch": "提案された無効化: ヘッド数",
        "gone": "消えた割合",
        "anyway": "正常例でも出る割合",
        "still": "正常例が正しいまま",
        "circuit": "最小の回路を無効化（平均）: ヘッド数、消えた割合、正常例が正しいまま",
        "what": "対象",
        "texts": "片側の件数",
    },
}


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


def goals(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """Goals beside what was measured; what misses is bold."""
    found = read(folder, "goals")
    rows = []
    for goal in found.itertuples():
        measured = "–" if pd.isna(goal.measured) else f"{goal.measured:g}"
        missed = str(goal.met).lower() == "false"
        sign = {">=": "≥", "<=": "≤"}[goal.comparison]
        rows.append((f"`{goal.key}`", f"{sign} {goal.wanted:g}", f"**{measured}**" if missed else measured))
    yield from table([say["goal"], say["wanted"], say["measured"]], rows)


def cases(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """Head AUC of some methods on every task and model."""
    found = read(folder, "summary")
    part = found[(found["unit"] == "head") & (found["examples"] == MAIN)]
    by_case = part.pivot_table(index=["task", "model"], columns="method", values="auc", sort=False)
    shown = [method for method in CASES if method in by_case]
    rows = [
        (f"{task} · {model}", *(short(values[method]) for method in shown))
        for (task, model), values in by_case.iterrows()
    ]
    rows.append((say["mean"], *(f"**{short(by_case[method].mean())}**" for method in shown)))
    yield from table([say["task"], *(f"`{method}`" for method in shown)], rows)


def methods(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """Quality and cost of every method over all tasks and models."""
    found = read(folder, "summary")
    part = found[found["examples"] == MAIN]
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


def sizes(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """Head AUC over the number of texts a side: mean and lowest task."""
    found = read(folder, "summary")
    part = found[found["unit"] == "head"]
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


def evidence(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """Verdicts against the truth, and under shuffled labels."""
    found = read(folder, "summary")
    part = found[(found["method"] == "headlight-standard") & (found["examples"] == MAIN)]
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


def sweep(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """Mean AUC over all cases for every value of every setting, and the case that moves most."""
    found = read(folder, "sweep")
    rows = []
    for setting, own in found.groupby("setting", sort=False):
        case = own.pivot_table(index=["task", "model"], columns="value", values="auc", sort=True)
        default = own.loc[own["is_default"], "value"].iloc[0]
        names = [f"**{value:g}**" if value == default else f"{value:g}" for value in case]
        cells = [f"{name} {short(case[value].mean())}" for name, value in zip(names, case, strict=True)]
        change = case.sub(case[default], axis=0).abs().max(axis=1)
        worst = " · ".join(change.idxmax())
        rows.append((setting, ", ".join(cells), f"{short(change.max())} ({worst})"))
    yield from table([say[name] for name in ("setting", "values", "change")], rows)


def switch(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """What switching heads off does on unseen texts."""
    found = read(folder, "switch")
    found["count"] = found["heads"].str.split().str.len()
    rows = []
    for (task, model), own in found.groupby(["task", "model"]):
        suggested = own[own["suggested"].astype(str).str.lower() == "true"]
        circuit = own[(own["found_by"] == "smallest_circuit") & (own["mode"] == "mean")]
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


def speed(folder: Path, say: dict[str, str]) -> Iterator[str]:
    """Time and memory."""
    found = read(folder, "speed")
    rows = [
        (
            f"{row.what} ({row.heads} × {row.examples}+{row.examples}, {row.device})",
            f"{row.seconds:.2f}",
            f"{row.peak_mb:.0f}",
            "–" if pd.isna(row.forward_seconds) else f"{row.seconds / row.forward_seconds:.1f}",
        )
        for row in found.itertuples()
    ]
    yield from table([say[name] for name in ("what", "seconds", "mb", "passes")], rows)


def main() -> None:
    """Print every table under its name."""
    folder, language = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "en"
    for part in (goals, cases, methods, sizes, evidence, sweep, switch, speed):
        sys.stdout.write(f"\n<!-- {part.__name__} -->\n")
        sys.stdout.write("\n".join(part(folder, HEADERS[language])) + "\n")


if __name__ == "__main__":
    main()
