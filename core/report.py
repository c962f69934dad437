"""A result as files: CSV that Excel opens in both languages, the manifest, the run's tensors, an HTML page."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
from safetensors.torch import save as save_tensors

from core.heads import EdgeId, HeadId
from core.results import RunResult
from core.runs import RunFolder
from core.spreadsheet import guarded
from core.texts import LANGUAGES, text

TABLE_ROWS = 20
CHANCE_LEVEL = 0.05
"""Below this a head's p-value under shuffled labels is counted."""


def save(result: RunResult, folder: RunFolder) -> None:
    """Write every file of the result into the run folder; the manifest last, as the sign that all is there."""
    for name in ("heads", "edges", "codes", "examples"):
        folder.write_bytes(f"{name}.csv", csv_bytes(getattr(result, name)))
    if result.tensors:
        folder.write_bytes(
            "tensors.safetensors", save_tensors({k: v.contiguous() for k, v in result.tensors.items()})
        )
    folder.write_bytes("report.html", html_report(result).encode())
    folder.write_json("manifest.json", result.manifest)


def csv_bytes(table: pd.DataFrame) -> bytes:
    """UTF-8 with byte order mark; text cells that look like formulas get an apostrophe, numbers never."""
    safe = table.copy()
    for column in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[column]):
            safe[column] = [guarded(cell) for cell in safe[column]]
    safe.columns = [guarded(str(column)) for column in safe.columns]
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")


def html_report(result: RunResult) -> str:
    """One self-contained page, English and Japanese, that needs no network and prints on A4."""
    parts = "".join(_section(result, language) for language in LANGUAGES)
    title = escape(text("en", "report.title"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{_SWITCH}{parts}</body></html>"
    )


def summary(
    result_manifest: Mapping[str, Any], heads: pd.DataFrame, edges: pd.DataFrame, language: str
) -> list[str]:
    """What was found, in plain sentences made from the numbers."""
    chosen = heads[heads["selected"].astype(bool)]
    if chosen.empty:
        return [text(language, "report.found_none")]
    names = ", ".join(str(HeadId(row.layer, row.head)) for row in chosen.head(12).itertuples())
    if len(chosen) > 12:
        names += " …"
    total = result_manifest["counts"]["heads"]
    sentences = [text(language, "report.found_some", selected=len(chosen), heads=total, names=names)]
    kept = edges[edges["selected"].astype(bool)]
    if kept.empty:
        sentences.append(text(language, "report.found_no_edges"))
    else:
        strongest = _edge_name(next(kept.itertuples()))
        sentences.append(text(language, "report.found_edges", edges=len(kept), strongest=strongest))
    sentences += _chance_sentence(heads, chosen, language)
    return [*sentences, _evidence_sentence(result_manifest.get("evidence", ""), heads, edges, language)]


def _chance_sentence(heads: pd.DataFrame, chosen: pd.DataFrame, language: str) -> list[str]:
    """For unpaired texts: how many candidates shuffled labels would hardly give, beside what chance gives."""
    if heads["label_p_value"].isna().all():
        return []
    below = int((chosen["label_p_value"] < CHANCE_LEVEL).sum())
    chance = f"{CHANCE_LEVEL * len(heads):.2g}"
    return [
        text(language, "report.chance", below=below, selected=len(chosen), heads=len(heads), chance=chance)
    ]


def _evidence_sentence(state: str, heads: pd.DataFrame, edges: pd.DataFrame, language: str) -> str:
    """How many candidates are confirmed, or why none could be."""
    if state == "no_difference":
        return text(language, "report.candidates_no_difference")
    if state != "computed":
        return text(language, "report.candidates")
    return text(
        language,
        "report.candidates_confirmed",
        confirmed=int((heads["verdict"] == "confirmed").sum()),
        partly=int((heads["verdict"] == "partly").sum()),
        tested=int(heads["verdict"].notna().sum()),
        edges=int((edges["verdict"] == "confirmed").sum()),
        tested_edges=int(edges["verdict"].notna().sum()),
    )


def _section(result: RunResult, language: str) -> str:
    def say(key: str, **values: Any) -> str:
        return escape(text(language, f"report.{key}", **values))

    manifest = result.manifest
    notes = "".join(
        f"<li>{escape(text(language, 'note.' + note['key'], **note['values']))}</li>"
        for note in manifest["notes"]
    )
    measure = manifest["selection"]["measure"]
    note = say(f"score_note_{measure}", maximum=manifest["counts"]["anomalous"])
    found = "".join(f"<p>{escape(s)}</p>" for s in summary(manifest, result.heads, result.edges, language))
    return (
        f'<main lang="{language}" class="{language}"><h1>{say("title")}</h1>'
        f'<table class="facts">{_facts(manifest, say)}</table>'
        f"<h2>{say('found')}</h2>{found}<h2>{say('known')}</h2><ul>{notes}</ul>"
        f"<h2>{say('heads_table')}</h2>{_head_rows(result.heads, say)}"
        f'<p class="small">{note}</p>'
        f"<h2>{say('edges_table')}</h2>{_edge_rows(result.edges, say)}"
        f"<h2>{say('examples_table')}</h2>{_example_rows(result.examples, say)}</main>"
    )


def _facts(manifest: Mapping[str, Any], say: Any) -> str:
    seconds = f"{sum(manifest['timings'].values()):.1f}"
    settings = manifest["settings"]
    rows = {
        "model": escape(
            f"{manifest['scenario'] or manifest['model']['name']} ({manifest['model']['architecture']})"
        ),
        "examples": say("examples_value", **{k: manifest["counts"][k] for k in ("anomalous", "normal")}),
        "settings": say("settings_value", preset=settings["preset"], seed=settings["seed"]),
        "cost": say(
            "cost_value",
            seconds=seconds,
            device=manifest["device"],
            passes=manifest["forward_passes"],
            cached=manifest["cached_texts"],
        ),
        "created": escape(manifest["created"]),
    }
    return "".join(f"<tr><th>{say(key)}</th><td>{value}</td></tr>" for key, value in rows.items())


def _head_rows(heads: pd.DataFrame, say: Any) -> str:
    header = _header(say, "head", "score", "interval", "frequency", "selected", "effect", "verdict")
    rows = "".join(
        f"<tr><td>{HeadId(row.layer, row.head)}</td><td>{row.score:.2g}</td>"
        f"<td>{row.score_low:.2g}–{row.score_high:.2g}</td>{_judged(row, say)}</tr>"
        for row in heads.head(TABLE_ROWS).itertuples()
    )
    return f"<table>{header}{rows}</table>"


def _edge_rows(edges: pd.DataFrame, say: Any) -> str:
    header = _header(say, "edge", "score", "frequency", "selected", "effect", "verdict")
    rows = "".join(
        f"<tr><td>{_edge_name(row)}</td><td>{row.score:.2g}</td>{_judged(row, say)}</tr>"
        for row in edges.head(TABLE_ROWS).itertuples()
    )
    return f"<table>{header}{rows}</table>"


def _judged(row: Any, say: Any) -> str:
    tested = isinstance(row.verdict, str)
    verdict = say(f"verdict_{row.verdict.replace(' ', '_')}") if tested else say("not_computed")
    effect = f"{row.effect:.0%} ({row.effect_low:.0%} … {row.effect_high:.0%})" if tested else "–"
    return (
        f"<td>{row.frequency:.0%}</td><td>{say('yes') if row.selected else say('no')}</td>"
        f"<td>{effect}</td><td>{verdict}</td>"
    )


def _example_rows(examples: pd.DataFrame, say: Any) -> str:
    header = _header(say, "label", "text", "next_word", "probability")
    rows = "".join(
        f'<tr class="{row.label}"><td>{say(row.label)}</td><td dir="auto">{escape(row.text)}</td>'
        f"<td>{escape(row.next_word)}</td><td>{row.next_probability:.0%}</td></tr>"
        for row in examples.itertuples()
    )
    return f"<table>{header}{rows}</table>"


def _header(say: Any, *keys: str) -> str:
    return "<tr>" + "".join(f"<th>{say(key)}</th>" for key in keys) + "</tr>"


def _edge_name(row: Any) -> str:
    return str(EdgeId(HeadId(row.source_layer, row.source_head), HeadId(row.target_layer, row.target_head)))


_SWITCH = (
    '<input type="radio" name="language" id="en" checked><label for="en">English</label>'
    '<input type="radio" name="language" id="ja"><label for="ja">日本語</label>'
    '<script>if(navigator.language.startsWith("ja"))document.getElementById("ja").checked=true</script>'
)

_STYLE = """
:root{color-scheme:light}
body{font:15px/1.6 system-ui,"Noto Sans","Noto Sans JP","Noto Sans CJK JP","Hiragino Sans","Yu Gothic",sans-serif;
color:#1f2937;background:#fff;max-width:52rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;line-height:1.3;margin:1rem 0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;vertical-align:top;
padding:.3rem .6rem;border-bottom:1px solid #e5e7eb}.facts th{width:9rem;font-weight:600}
tr.anomalous td:first-child{color:#a84a00;font-weight:600}tr.normal td:first-child{color:#005a8f;font-weight:600}
.small{font-size:.85rem;color:#4b5563}main{display:none}#en:checked~.en,#ja:checked~.ja{display:block}
input[name=language]{margin-left:1rem}
@media print{body{margin:0;max-width:none}input,label{display:none}tr{break-inside:avoid}@page{size:A4;margin:18mm}}
"""
