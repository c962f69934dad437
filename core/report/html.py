"""report.html: one self-contained page in both languages, in the order in which a manager reads.

What was asked and found, the picture, the five heads that matter, what is not known, what it cost, what to do next,
return on investment, sentences for the meeting, comments and sign-off; then the details. It needs no network.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import pandas as pd

from core.report.sentences import summary
from core.runs import cost_sheet as roi
from core.runs.facts import Facts
from core.runs.head_notes import HeadLabel
from core.runs.review import Review
from core.text import LANGUAGES, catalogue, percent, text

TABLE_ROWS = 20
"""Rows of a table at most; the CSV files hold all."""
_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'


@dataclass(frozen=True)
class Additions:
    """What people added to a result: names, notes and groups of heads, comments and sign-off, the sheet, and the
    picture as SVG by language.
    """

    labels: Mapping[str, HeadLabel] = field(default_factory=dict)
    review: Review = field(default_factory=Review)
    entries: roi.Entries = field(default_factory=roi.Entries)
    pictures: Mapping[str, str] = field(default_factory=dict)


NOTHING = Additions()


def report(found: Facts, examples: pd.DataFrame, added: Additions = NOTHING) -> str:
    """The page; a switch without a network changes the language, and only the chosen one is printed."""
    parts = "".join(_Part(found, examples, added, language).html() for language in LANGUAGES)
    title = escape(text("en", "report.title"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{_SWITCH}{parts}</body></html>"
    )


def five_table(found: Facts, language: str) -> str:
    """The heads that matter most: name, own name, effect, evidence, score."""

    def say(key: str) -> str:
        return text(language, f"report.{key}")

    heads = summary.five(found)
    rows = [
        [
            row.name,
            row.own_name,
            summary.effect_of(row),
            say(f"verdict_{row.verdict}") if row.verdict != "unchecked" else say("not_computed"),
            f"{row.score:.2g}",
        ]
        for row in heads.itertuples()
    ]
    own = any(row[1] for row in rows)
    titles = [say(key) for key in ("head", "name", "effect", "verdict", "score")]
    kept = [place for place in range(len(titles)) if place != 1 or own]
    return table([titles[i] for i in kept], ([row[i] for i in kept] for row in rows), said=1 if own else -1)


def roi_table(entries: roi.Entries, language: str) -> str:
    """Every assumption, and below it a month now and then."""
    shown = table([text(language, "roi.entries"), ""], roi.rows(entries, language))
    result = roi.result_rows(entries, language)
    if result:
        titles = [text(language, f"roi.{key}") for key in ("result", "now", "then")]
        shown += table(titles, result)
    return shown


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], said: int = -1) -> str:
    """A table of texts, escaped; `said` is the column with words of the user, which may be long."""
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    kinds = {said: ' class="said"'}
    body = "".join(
        "<tr>"
        + "".join(f'<td dir="auto"{kinds.get(i, "")}>{escape(str(cell))}</td>' for i, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


@dataclass(frozen=True)
class _Part:
    """The report in one language."""

    found: Facts
    examples: pd.DataFrame
    added: Additions
    language: str

    def html(self) -> str:
        """All sections in order."""
        found, language, entries = self.found, self.language, self.added.entries
        signed = self.added.review.sign_off is not None
        said = [*summary.meeting(found, language), roi.meeting_sentence(entries, language)]
        sections = [
            self.section("asked", paragraphs([summary.asked(found, language)])),
            self.section(
                "found",
                bullets(summary.three_sentences(found, language), "ol") + self.chosen() + self.picture(),
            ),
            self.section("five", self.five(), "summary"),
            self.whole(),
            self.section("unknown", bullets(summary.unknown(found, language))),
            self.section(
                "cost", paragraphs([summary.cost(found, language), summary.exhaustive(found, language)])
            ),
            self.section("next", bullets(summary.next_steps(found, language, signed))),
            self.section("title", self.roi(), "roi") if not entries.empty else "",
            self.section("meeting", bullets([line for line in said if line])),
            self.comments(),
            self.sign_off(),
            f'<h2 class="details">{self.say("details")}</h2>{self.details()}',
        ]
        return (
            f'<main lang="{language}" class="{language}"><h1>{self.say("title")}</h1>'
            f'<p class="small">{self.about()}</p>{"".join(sections)}</main>'
        )

    def say(self, key: str, group: str = "report", **values: Any) -> str:
        return escape(text(self.language, f"{group}.{key}", **values))

    def section(self, key: str, content: str, group: str = "report") -> str:
        return f"<section><h2>{self.say(key, group)}</h2>{content}</section>"

    def about(self) -> str:
        manifest = self.found.manifest
        name = escape(manifest.scenario or self.found.model)
        return f"{name} · {escape(manifest.created[:10])}"

    def chosen(self) -> str:
        said = summary.chosen(self.found.manifest, self.language)
        return f'<p class="small">{escape(said)}</p>' if said else ""

    def picture(self) -> str:
        picture = self.added.pictures.get(self.language, "")
        if not picture:
            return ""
        return f'<div class="picture">{picture.replace(_NAMESPACE, "", 1)}</div>'

    def five(self) -> str:
        note = f'<p class="small">{escape(summary.five_note(self.found, self.language))}</p>'
        return note if self.found.state == "none" else five_table(self.found, self.language) + note

    def whole(self) -> str:
        lines = summary.whole(self.found, self.language)
        return self.section("whole", bullets(lines), "summary") if lines else ""

    def roi(self) -> str:
        entries = self.added.entries
        said = paragraphs(roi.conclusion(entries, self.language))
        measured = f'<p class="small">{escape(roi.measured(self.found, self.language))}</p>'
        return said + roi_table(entries, self.language) + measured

    def comments(self) -> str:
        """Comments as a list, each with its author and day."""
        if not self.added.review.comments:
            return ""
        items = "".join(
            f'<li dir="auto">{_lines(comment.text)}<br><span class="small">{escape(comment.author)} '
            f"{escape(comment.written[:10])}</span></li>"
            for comment in self.added.review.comments
        )
        return self.section("comments", f"<ul>{items}</ul>")

    def sign_off(self) -> str:
        """The decision that counts with earlier ones behind it, or lines to sign on paper."""
        signed = "".join(
            f"<p>{self.say('signed', decision=self.word(s.decision), name=s.name, date=s.date)}</p>"
            for s in reversed(self.added.review.sign_offs)
        )
        return self.section("sign_off", signed or f'<p class="sign">{self.say("sign_here")}</p>')

    def details(self) -> str:
        found, say = self.found, self.say
        manifest = found.manifest
        parts = [
            f'<table class="facts">{self.facts()}</table>',
            bullets(summary.notes(manifest, self.language)),
            paragraphs([line for line in [summary.chance(found, self.language)] if line]),
        ]
        parts += [
            f"<h3>{say('heads_table')}</h3>",
            self.head_table(),
            f'<p class="small">{self.score_note()}</p>',
        ]
        if len(found.edges):
            parts += [f"<h3>{say('edges_table')}</h3>", self.edge_table()]
        parts += [self.labels(), f"<h3>{say('examples_table')}</h3>", self.example_table()]
        terms = [line for key, line in catalogue(self.language)["term"].items() if key != "title"]
        return "".join([*parts, f"<h3>{say('title', 'term')}</h3>", bullets(terms)])

    def score_note(self) -> str:
        selection = self.found.manifest.selection
        screened = summary.screened(self.found.manifest)
        statistic = "screened" if screened else selection.statistic
        note = self.say(f"score_note_{statistic}", maximum=self.found.sides()["anomalous"])
        return (
            f"{note} {self.say('score_note_attention_flow')}"
            if selection.attention_flow == "computed"
            else note
        )

    def facts(self) -> str:
        """Model, texts, settings, date."""
        manifest, settings = self.found.manifest, self.found.manifest.settings
        architecture = manifest.model.architecture
        rows = {
            "model": escape(f"{self.found.model} ({architecture})" if architecture else self.found.model),
            "examples": escape(text(self.language, "report.examples_value", **self.found.sides())),
            "created": escape(manifest.created or "–"),
        }
        if settings.preset:
            rows["settings"] = self.say("settings_value", preset=settings.preset, seed=settings.seed)
        return "".join(f"<tr><th>{self.say(key)}</th><td>{value}</td></tr>" for key, value in rows.items())

    def head_table(self) -> str:
        titles = self.titles("head", "score", "interval", "frequency", "selected", "effect", "verdict")
        heads = self.found.heads.head(TABLE_ROWS)
        return table(
            titles,
            (
                [
                    f"{row.name} {row.own_name}".strip(),
                    f"{row.score:.2g}",
                    f"{row.score_low:.2g}–{row.score_high:.2g}",
                    *self.judged(row),
                ]
                for row in heads.itertuples()
            ),
            said=0,
        )

    def edge_table(self) -> str:
        titles = self.titles("edge", "score", "frequency", "selected", "effect", "verdict")
        edges = self.found.edges.head(TABLE_ROWS)
        return table(
            titles, ([_edge(row), f"{row.score:.2g}", *self.judged(row)] for row in edges.itertuples())
        )

    def judged(self, row: Any) -> list[str]:
        tested = row.verdict != "unchecked"
        verdict = f"verdict_{row.verdict}" if tested else "not_computed"
        return [
            f"{row.frequency:.0%}",
            self.word("yes" if row.selected else "no"),
            summary.effect_of(row),
            self.word(verdict),
        ]

    def labels(self) -> str:
        """The user's own names, groups and notes."""
        if not self.added.labels:
            return ""
        rows = "".join(
            f'<tr><td>{escape(head)}</td><td dir="auto" class="said">{escape(label.name)}</td>'
            f'<td dir="auto" class="said">{escape(label.group)}</td>'
            f'<td dir="auto" class="said">{_lines(label.note)}</td></tr>'
            for head, label in self.added.labels.items()
        )
        titles = "".join(
            f"<th>{escape(title)}</th>" for title in self.titles("head", "name", "group", "note")
        )
        return f"<h3>{self.say('labels')}</h3><table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"

    def example_table(self) -> str:
        titles = "".join(
            f"<th>{escape(title)}</th>" for title in self.titles("label", "text", "next_word", "probability")
        )
        rows = "".join(
            f'<tr class="{escape(row.label)}"><td>{self.say(row.label)}</td>'
            f'<td dir="auto" class="said">{escape(row.text)}</td>'
            f'<td dir="auto">{escape(str(row.next_word))}</td>'
            f"<td>{percent(float(row.next_probability))}</td></tr>"
            for row in self.examples.itertuples()
        )
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"

    def titles(self, *keys: str) -> list[str]:
        return [self.word(key) for key in keys]

    def word(self, key: str) -> str:
        """A text of the report that is not escaped yet."""
        return text(self.language, f"report.{key}")


def _edge(row: Any) -> str:
    return f"L{row.source_layer}H{row.source_head}→L{row.target_layer}H{row.target_head}"


def paragraphs(lines: Iterable[str]) -> str:
    """Each line as a paragraph, escaped."""
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def bullets(lines: Iterable[str], kind: str = "ul") -> str:
    """A list of the lines, escaped; nothing where there are none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<{kind}>{items}</{kind}>" if items else ""


def _lines(said: str) -> str:
    return "<br>".join(escape(line) for line in said.splitlines())


_SWITCH = (
    '<input type="radio" name="language" id="en" checked><label for="en">English</label>'
    '<input type="radio" name="language" id="ja"><label for="ja">日本語</label>'
    '<script>if(navigator.language.startsWith("ja"))document.getElementById("ja").checked=true</script>'
)

_STYLE = """
:root{color-scheme:light}
body{font:15px/1.6 system-ui,"Noto Sans","Noto Sans JP","Noto Sans CJK JP","Hiragino Sans","Yu Gothic",sans-serif;
color:#1f2937;background:#fff;max-width:52rem;margin:2rem auto;padding:0 1rem;overflow-wrap:break-word}
li,td.said{overflow-wrap:anywhere}th,td{word-break:keep-all}td.said{word-break:normal}
h1{font-size:1.6rem;line-height:1.3;margin:1rem 0 .2rem}h2{font-size:1.15rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:1.6rem 0 .4rem}p{margin:.5rem 0}ol,ul{margin:.4rem 0;padding-left:1.4rem}li{margin:.3rem 0}
.details{border-top:2px solid #1f2937;padding-top:1rem;margin-top:3rem}.picture{overflow-x:auto;margin:1rem 0}
.picture svg{width:100%;height:auto;max-width:46rem}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.6rem 0}th,td{text-align:left;vertical-align:top;
padding:.3rem .6rem;border-bottom:1px solid #e5e7eb}thead th{white-space:normal;border-bottom:1px solid #9ca3af}
.facts th{width:9rem;font-weight:600}.sign{margin-top:2.5rem}
tr.anomalous td:first-child{color:#a84a00;font-weight:600;white-space:nowrap}
tr.normal td:first-child{color:#005a8f;font-weight:600;white-space:nowrap}
.small{font-size:.85rem;color:#4b5563}main{display:none}#en:checked~.en,#ja:checked~.ja{display:block}
input[name=language]{margin-left:1rem}
@page{size:A4;margin:16mm}
@media print{body{margin:0;padding:0;max-width:none;font-size:10.5pt}input,label{display:none}
thead{display:table-header-group}tr,li,.picture,.sign{break-inside:avoid}h1,h2,h3{break-after:avoid}.details{break-before:page}
.picture{overflow:visible}.picture svg{max-height:110mm}}
"""
