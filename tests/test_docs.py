"""The documents say what the code does: generated parts are current, both languages match, examples run."""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from core.benchmark.plan import PLANS
from pages.parts.i18n import entries
from pages.parts.shell import PAGES
from tests.support.made_benchmark import make_benchmark
from tests.support.paths import ROOT

sys.path.insert(0, str(ROOT / "docs" / "tools"))
import benchmark_tables
import make_docs

ENGLISH = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAIRS = [
    pytest.param(
        file,
        ROOT / "README.ja.md" if file.name == "README.md" else file.parent / "ja" / file.name,
        id=file.name,
    )
    for file in ENGLISH
]
DOCUMENTS = [file for _language, file in make_docs.documents()]
LARGEST_PICTURE = 300 * 1024


def headings(file: Path) -> list[str]:
    """The headings of a document, with their marks; those inside fenced blocks left out."""
    text = re.sub(r"^ *```.*?^ *```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"^#+ .*$", text, re.MULTILINE)


def anchor(heading: str) -> str:
    """What a heading is called in a link."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def python_blocks(file: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_generated_parts_are_current():
    stale = [str(file.relative_to(ROOT)) for file in make_docs.stale()]
    assert stale == [], "renew them: make docs"


def test_a_column_without_words_is_an_error():
    say = make_docs.words("en")
    columns = {**say["columns"], "codes": {"layer, head": "the head"}}
    with pytest.raises(ValueError, match="member"):
        list(make_docs.columns("codes", {**say, "columns": columns}))


@pytest.mark.parametrize(("english", "japanese"), PAIRS)
def test_both_languages_have_the_same_parts(english, japanese):
    assert [mark.split()[0] for mark in headings(english)] == [mark.split()[0] for mark in headings(japanese)]
    texts = [file.read_text(encoding="utf-8") for file in (english, japanese)]
    generated = [[match.group(2, 3) for match in make_docs.PART.finditer(text)] for text in texts]
    assert generated[0] == generated[1]
    rows = [len(re.findall(r"^\|", text, re.MULTILINE)) for text in texts]
    assert rows[0] == rows[1]
    code = [Counter(re.findall(r"`([a-z_-]+\.(?:csv|json|html|safetensors))`", text)) for text in texts]
    assert set(code[0]) == set(code[1])


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_heading_linked_exists(file):
    for target, name in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", file.read_text(encoding="utf-8")):
        names = [anchor(heading) for heading in headings(file.parent / target if target else file)]
        assert unquote(name) in names


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_file_named_exists(file):
    text = file.read_text(encoding="utf-8")
    named = re.findall(r"`((?:core|pages|tests|docs|\.streamlit|\.ci)/[\w./*-]*)`", text)
    assert [name for name in named if not list(ROOT.glob(name.rstrip("/"))) and "NAME" not in name] == []


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_bold_words_are_drawn_bold(file):
    """Behind a full stop, Markdown ends bold text only where a space or a sign follows."""
    bold = re.findall(r"\*\*(.+?)\*\*(.?)", file.read_text(encoding="utf-8"))
    assert [text for text, after in bold if text[-1] in "。、)」.!?" and after.isalnum()] == []


@pytest.mark.parametrize("language", make_docs.READMES)
def test_the_readme_names_every_page(language):
    texts, text = entries(language), make_docs.READMES[language].read_text(encoding="utf-8")
    assert [name for page in PAGES if f"| {(name := texts[f'{page}.name'])} |" not in text] == []


def test_pictures_are_shown_and_small():
    text = "".join(file.read_text(encoding="utf-8") for file in DOCUMENTS)
    pictures = sorted((ROOT / "docs" / "images").glob("*.png"))
    assert [file.name for file in pictures if file.stat().st_size > LARGEST_PICTURE] == []
    assert {Path(link).name for link in re.findall(r"\]\(([^)]+\.png)\)", text)} == {f.name for f in pictures}


@pytest.mark.parametrize("folder", make_docs.LANGUAGES.values(), ids=make_docs.LANGUAGES)
def test_every_method_of_the_benchmark_is_described(folder):
    text = (folder / "benchmark.md").read_text(encoding="utf-8")
    methods = text[text.index("| `headlight-standard`, ") : text.index("<!-- made: benchmark goals")]
    assert [name for name in PLANS["full"] if f"`{name}`" not in methods] == []


# --- the examples in Python


def test_the_example_of_an_analysis_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADLIGHT_HOME", str(tmp_path / "home"))
    exec(python_blocks(ROOT / "docs" / "python.md")[0], {})
    assert (tmp_path / "out" / "induction" / "heads.csv").is_file()
    assert "confirmed" in capsys.readouterr().out


def test_the_example_of_switching_heads_off_runs(tmp_path, monkeypatch, capsys):
    import json

    import torch

    from core.causal.ablation_file import make_ablation_file
    from core.heads import HeadId
    from core.model.loading import load_model
    from core.scenarios.loader import load_scenario

    monkeypatch.chdir(tmp_path)
    folder = load_scenario("misrouted-tickets").model_folder
    loaded = load_model(str(folder))
    means = torch.zeros(2, loaded.shape.n_layers, loaded.shape.n_heads, loaded.shape.d_head)
    content = make_ablation_file(loaded, [HeadId(3, 1)], "mean", (means[0], means[1])).as_json()
    (tmp_path / "ablation.json").write_text(json.dumps(content), encoding="utf-8")
    exec(python_blocks(ROOT / "docs" / "python.md")[1].replace("path/to/the/model", str(folder)), {})
    assert capsys.readouterr().out.strip()


def test_both_languages_show_the_same_programs():
    english, japanese = (python_blocks(folder / "python.md") for folder in make_docs.LANGUAGES.values())
    without_texts = [re.sub(r'encode\(".*?"\)', "", "".join(blocks)) for blocks in (english, japanese)]
    assert without_texts[0] == without_texts[1]


# --- the benchmark's tables


def test_numbers_are_written_short():
    assert benchmark_tables.short(0.9876) == ".988"
    assert benchmark_tables.short(1.0) == "1.000"
    assert benchmark_tables.short(0.9996) == "1.000"
    assert benchmark_tables.short(0.5, 2) == ".50"
    assert benchmark_tables.short(float("nan")) == "–"


def test_a_table_has_a_row_for_every_case_and_the_mean_of_them(tmp_path):
    make_benchmark(tmp_path)
    lines = list(benchmark_tables.cases(tmp_path, make_docs.words("en")["benchmark"]))
    summary = benchmark_tables.read(tmp_path, "summary")
    part = summary[(summary["unit"] == "head") & (summary["examples"] == 8)]
    assert len(lines) == 2 + len(part[["task", "model"]].drop_duplicates()) + 1
    mean = part.loc[part["method"] == "headlight-standard"].groupby(["task", "model"])["auc"].mean().mean()
    assert f"**{benchmark_tables.short(mean)}**" in lines[-1]


@pytest.mark.parametrize("readme", make_docs.READMES.values(), ids=make_docs.READMES)
def test_the_numbers_of_the_readme_are_measured(readme):
    summary = benchmark_tables.read(make_docs.MEASURED, "summary")
    heads, edges = (
        summary[(summary["unit"] == unit) & (summary["examples"] == 8)].set_index("method")
        for unit in ("head", "edge")
    )
    auc = heads.groupby("method")["auc"]
    methods = ["standard", "no-flow", "screened", "unpaired", "unequal"]
    numbers = [auc.mean()[f"headlight-{name}"] for name in methods]
    numbers += [auc.min()[f"headlight-{name}"] for name in ("unpaired", "unequal")]
    numbers += [auc.mean()[name] for name in ("untrained", "paper", "paper-250")]
    verdicts = [rows.loc["headlight-standard"] for rows in (heads, edges)]
    shares = [1 - rows["confirmed_precision"].mean() for rows in verdicts]
    shares += [rows["confirmed_recall"].mean() for rows in verdicts]
    shown = [benchmark_tables.short(number) for number in numbers]
    shown += [benchmark_tables.short(share, 2) for share in shares]
    text = readme.read_text(encoding="utf-8")
    assert [number for number in shown if number not in text] == []


def test_the_table_of_a_graphics_card_says_what_was_measured_or_that_nothing_was(tmp_path):
    say = make_docs.words("en")["benchmark"]
    assert list(benchmark_tables.gpu(tmp_path, say)) == ["Not measured on a GPU."]
    row = {"case": "gpt2-xl", "quantity": "analysis_passes", "bound": 20.0, "least": False}
    sections = [
        {"name": "speed", "state": "measured", "reason": "", "seconds": 30.0, "rows": []},
        {"name": "large", "state": "skipped", "reason": "no time was left", "seconds": 0.0, "rows": []},
    ]
    sections[0]["rows"] = [{**row, "value": 25.0, "holds": False}, {**row, "value": 12.0, "holds": True}]
    record = {"device": "Card", "torch": "2", "transformers": "5", "sections": sections}
    (tmp_path / "gpu.json").write_text(json.dumps(record), encoding="utf-8")
    lines = list(benchmark_tables.gpu(tmp_path, say))
    assert lines[0] == "Card, torch 2, transformers 5, 30 s"
    assert lines[-3:] == [
        "| speed | gpt2-xl: analysis_passes | **25** | ≤ 20 |",
        "| speed | gpt2-xl: analysis_passes | 12 | ≤ 20 |",
        "| large | **skipped** | no time was left |  |",
    ]


@pytest.mark.parametrize("kind", ["llama", "bert", "gpt_oss", "mamba", "jamba", "zamba2"])
def test_the_table_of_model_types_says_what_the_program_does(kind):
    import transformers
    from model_types import facts_of, kept

    if kept()["transformers"] != transformers.__version__:
        pytest.skip(f"the table was made with transformers {kept()['transformers']}")
    assert facts_of(kind) == kept()["types"][kind], "renew it: python docs/tools/model_types.py; make docs"
