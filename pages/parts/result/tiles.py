"""The tiles of the result: texts at fault, normal texts still right, heads, trust, time."""

from dataclasses import dataclass
from html import escape

from core.report.sentences import blast
from core.report.sentences.verdict import Remedy, Trust, remedy, trust
from core.runs.facts import Facts
from core.schema import Manifest
from core.text import listed, percent
from pages.parts import i18n
from pages.parts.session.state import language, t, tn

SIGNS = {"high": "✓", "medium": "◐", "low": "⚠", "none": "○", "unknown": "○"}
MOST_NAMED = 2
"""Heads that a tile names."""
NOT_YET = "…"
NO_NUMBER = "–"


@dataclass(frozen=True)
class Tile:
    """A number, what it counts, and its kind, which is a class of its look."""

    value: str
    words: str
    kind: str = ""
    sign: str = ""


def of(facts: Facts, waits: bool) -> list[Tile]:
    """The tiles of a run; `waits` while what helps is being measured."""
    shown = [*_of_remedy(facts, waits)] if facts.state == "tested" else []
    if facts.state in ("tested", "untested"):
        shown.append(_of_heads(facts))
        shown += _of_mlps(facts.manifest)
    shown.append(_of_trust(trust(facts, language())))
    return [*shown, Tile(i18n.duration(language(), facts.seconds), t("result.tile_time"), "time")]


def html(tiles: list[Tile]) -> str:
    """The tiles in a row, which breaks where the page is narrow."""
    # with its language, a browser breaks Japanese lines between phrases instead of within words
    return f'<div class="tiles" lang="{language()}">{"".join(map(_tile, tiles))}</div>'


def _tile(tile: Tile) -> str:
    sign = f'<i aria-hidden="true">{tile.sign}</i> ' if tile.sign else ""
    return (
        f'<div class="tile {tile.kind}"><strong>{sign}{escape(tile.value)}</strong>'
        f"<span>{escape(tile.words)}</span></div>"
    )


def _of_remedy(facts: Facts, waits: bool) -> list[Tile]:
    tried = remedy(facts)
    if tried is None:
        shown, why = (NOT_YET, "waits") if waits else (NO_NUMBER, "not_tried")
        return [
            Tile(shown, t(f"result.tile_fault_{why}"), "waiting"),
            Tile(shown, t("result.tile_right"), "waiting"),
        ]
    if tried.ending == "unjudged":
        changed, harmed = tried.anomalous - tried.fault_after, tried.normal - tried.right_after
        return [
            Tile(_of_total(changed, tried.anomalous), t("result.tile_changed")),
            Tile(_of_total(harmed, tried.normal), t("result.tile_changed_normal"), "bad" if harmed else ""),
        ]
    return [Tile(_change(tried), _without(tried), tried.ending), _of_price(tried, facts)]


def _change(tried: Remedy) -> str:
    return t("result.change", before=tried.fault_before, after=tried.fault_after, total=tried.anomalous)


def _without(tried: Remedy) -> str:
    """What the change is counted with: the heads that were switched off, or how many where they are many."""
    few = len(tried.heads) <= MOST_NAMED
    heads = listed(language(), tried.heads) if few else t("result.tile_fault_heads", count=len(tried.heads))
    return t("result.tile_fault", heads=heads)


def _of_price(tried: Remedy, facts: Facts) -> Tile:
    """Normal texts that stay right, and how much else changes, where that was measured of the same heads."""
    value = _of_total(tried.right_after, tried.normal)
    if not tried.harms:
        elsewhere = blast.elsewhere(facts.circuit.blast_radius if facts.circuit else None)
        if elsewhere is None:
            return Tile(value, t("result.tile_right"))
        return Tile(value, t("result.tile_right_elsewhere", share=percent(elsewhere)), "price")
    return Tile(value, t("result.tile_harm", before=tried.right_before), "bad", "⚠")


def _of_heads(facts: Facts) -> Tile:
    total = len(facts.heads)
    if facts.state == "untested":
        return Tile(_of_total(len(facts.candidates), total), t("result.tile_candidates"))
    return Tile(_of_total(facts.count("confirmed"), total), tn("result.tile_heads", facts.count("confirmed")))


def _of_mlps(manifest: Manifest) -> list[Tile]:
    """The largest share that passes through the MLP block of one layer; nothing where none was measured."""
    shares = {row.layer: row.mlp for row in manifest.blocks.layers if row.mlp} if manifest.blocks else {}
    if not shares:
        return []
    layer = max(shares, key=shares.__getitem__)
    return [Tile(percent(shares[layer]), t("result.tile_mlp", layer=layer))] if shares[layer] > 0 else []


def _of_trust(judged: Trust) -> Tile:
    return Tile(judged.word, judged.reason, f"trust {judged.level}", SIGNS[judged.level])


def _of_total(count: int, total: int) -> str:
    return t("result.of_total", count=count, total=total)
