"""Write the generated parts of the documents in place: `python docs/tools/make_docs.py [--check]`.

A generated part stands between `<!-- made: NAME ARGUMENT -->` and `<!-- end -->`. What it says comes from the
code (`core.schema`, the command line, the scenarios, the measured benchmark); its words in each language from
`docs/tools/words.en.toml` and `words.ja.toml`. A column, an option or a command without words is an error.
With `--check` nothing is written, and the exit code is 1 where a document is stale.
"""

import inspect
import json
import re
import sys
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

ROOT = Path(__file__).parents[2]
TOOLS = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(TOOLS)]

import benchmark_tables  # noqa: E402
import model_types  # noqa: E402
from benchmark_tables import table  # noqa: E402

from core import schema  # noqa: E402
from core.benchmark.tables.rows import COLUMNS as BENCHMARK_COLUMNS  # noqa: E402
from core.cli import app  # noqa: E402
from core.config import PRESETS  # noqa: E402
from core.examples.reading.mapping import ROLES  # noqa: E402
from core.scenarios.loader import FOLDER, load_truth, scenario_names  # noqa: E402
from core.sensitivity.summary import COLUMNS as SWEEP_COLUMNS  # noqa: E402
from core.sensitivity.summary import MAP_COLUMNS  # noqa: E402
from tests.test_directions import ORDER  # noqa: E402

LANGUAGES = {"en": ROOT / "docs", "ja": ROOT / "docs" / "ja"}
READMES = {"en": ROOT / "README.md", "ja": ROOT / "README.ja.md"}
MEASURED = ROOT / "core" / "benchmark" / "measured"
MODELS = ROOT / "core" / "benchmark" / "models"
TABLES: Mapping[str, tuple[str, ...]] = {
    "input": tuple(role for role in ROLES if role not in ("carried", "ignored")),
    "heads": schema.HEAD_COLUMNS,
    "edges": schema.EDGE_COLUMNS,
    "codes": schema.CODE_COLUMNS,
    "examples": schema.EXAMPLE_COLUMNS,
    "effects": schema.EFFECT_COLUMNS,
    "sweep": SWEEP_COLUMNS,
    "sweep_map": MAP_COLUMNS,
    "benchmark": BENCHMARK_COLUMNS,
}
JSON = {
    "manifest": schema.Manifest,
    "evidence": schema.EvidenceDetails,
    "mechanisms": schema.MechanismsRecord,
    "mechanism": schema.Mechanism,
}
PART = re.compile(r"(<!-- made: (\w+) ?(\S*) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
Words = Mapping[str, Any]


@cache
def words(language: str) -> Words:
    """What the generated parts say in a language."""
    return tomllib.loads((TOOLS / f"words.{language}.toml").read_text(encoding="utf-8"))


def columns(name: str, say: Words) -> Iterator[str]:
    """The columns of a table with what they hold."""
    yield from _described(TABLES[name], say["columns"][name], say["heads"]["column"], say)


def keys(name: str, say: Words) -> Iterator[str]:
    """The keys of a JSON file with what they hold."""
    yield from _described(tuple(JSON[name].model_fields), say["keys"][name], say["heads"]["key"], say)


def _described(names: tuple[str, ...], meanings: Mapping[str, str], header: str, say: Words) -> Iterator[str]:
    """Names with their meanings, in the order of the code. Raises ValueError where words and code differ."""
    described = [name for key in meanings for name in key.split(", ")]
    if sorted(described) != sorted(names):
        differing = ", ".join(sorted(set(described) ^ set(names)))
        raise ValueError(f"the code and docs/tools/words.*.toml differ in {differing}")
    ordered = sorted(meanings, key=lambda key: names.index(key.split(", ")[0]))
    rows = [(", ".join(f"`{name}`" for name in key.split(", ")), meanings[key]) for key in ordered]
    yield from table([header, say["heads"]["content"]], rows)


def commands(_name: str, say: Words) -> Iterator[str]:
    """The commands in a line each."""
    rows = [(f"`{name}`", say["commands"][name]) for name in _commands()]
    yield from table([say["heads"]["command"], say["heads"]["does"]], rows)


def options(name: str, say: Words) -> Iterator[str]:
    """The options of a command: values, default, meaning."""
    rows = []
    for parameter in inspect.signature(_commands()[name]).parameters.values():
        kind, *notes = get_args(parameter.annotation)
        if getattr(notes[0], "hidden", False):
            continue
        option = f"--{parameter.name.replace('_', '-')}"
        declared = [one for one in getattr(notes[0], "param_decls", None) or () if one.startswith("--")]
        switch = f" / `--no-{option[2:]}`" if kind is bool and parameter.default else ""
        meaning = say["options"].get(f"{name} {option}") or say["options"][option]
        values = _values(kind, parameter.default, say)
        rows.append((f"`{(declared or [option])[0]}`{switch}", values, meaning))
    yield from table([say["heads"]["option"], say["heads"]["values"], say["heads"]["meaning"]], rows)


def _values(kind: Any, default: Any, say: Words) -> str:
    if default is inspect.Parameter.empty:
        return str(say["heads"]["required"])
    if get_origin(kind) is Literal:
        return ", ".join(f"**{one}**" if one == default else str(one) for one in get_args(kind))
    return "–" if default is None or default == "" or kind is bool else f"**{default}**"


@cache
def _commands() -> Mapping[str, Callable[..., Any]]:
    """What the command line offers, by name; hidden former names left out."""
    shown = [one for one in app.registered_commands if one.callback and not one.hidden]
    return {one.name or one.callback.__name__: one.callback for one in shown if one.callback}


def presets(_name: str, say: Words) -> Iterator[str]:
    """What the presets set."""
    fields = [name for name in type(PRESETS["standard"]).model_fields if name in say["settings"]]
    rows = [
        (f"`{field}`", say["settings"][field], *(f"{getattr(one, field):g}" for one in PRESETS.values()))
        for field in fields
    ]
    yield from table(
        [say["heads"]["setting"], say["heads"]["meaning"], *(f"`{one}`" for one in PRESETS)], rows
    )


def scenarios(_name: str, say: Words) -> Iterator[str]:
    """The bundled scenarios with the sizes of their models and true circuits."""
    rows = []
    for name in scenario_names():
        model = tomllib.loads((FOLDER / name / "scenario.toml").read_text(encoding="utf-8"))["model"]
        rows.append((f"`{name}`", f"`{model}`", *_size(FOLDER / "models" / model), *_true(name)))
    keys = ("scenario", "model", "shape", "parameters", "true_heads", "true_edges")
    yield from table([say["heads"][key] for key in keys], rows)


def _true(name: str) -> tuple[int, int] | tuple[str, str]:
    truth = load_truth(name)
    return (len(truth.heads), len(truth.edges)) if truth else ("–", "–")


def _size(folder: Path) -> tuple[str, str]:
    """Layers × heads, and the number of parameters from the head of the weights' file."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    layers = config.get("n_layer") or config["num_hidden_layers"]
    heads = config.get("n_head") or config["num_attention_heads"]
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    count = 0
    for name, tensor in header.items():
        size = 1
        for length in tensor["shape"] if name != "__metadata__" else (0,):
            size *= length
        count += size
    return f"{layers} × {heads}", f"{count:,}"


def models(_name: str, say: Words) -> Iterator[str]:
    """The benchmark's own models: true heads and edges of each task."""
    folders = sorted(folder for folder in MODELS.iterdir() if (folder / "config.json").is_file())
    tasks = [name for name in scenario_names() if (folders[0] / f"{name}.json").is_file()]
    rows = []
    for folder in folders:
        truths = [json.loads((folder / f"{task}.json").read_text(encoding="utf-8")) for task in tasks]
        counts = [f"{len(truth['heads'])} / {len(truth['edges'])}" for truth in truths]
        rows.append((f"`{folder.name}`", *_size(folder), *counts))
    keys = ("model", "shape", "parameters")
    yield from table([*(say["heads"][key] for key in keys), *(f"`{task}`" for task in tasks)], rows)


def benchmark(name: str, say: Words) -> Iterator[str]:
    """A table of the measured benchmark."""
    yield from benchmark_tables.TABLES[name](MEASURED, say["benchmark"])


def types(_name: str, say: Words) -> Iterator[str]:
    """What can be done with every causal type of transformers, as `model_types.py` found it."""
    yield from model_types.lines(say["types"])


def order(_name: str, _say: Words) -> Iterator[str]:
    """The folders of core, lowest first, as the test of the directions holds them."""
    yield from ("```", *textwrap.wrap(" < ".join(ORDER.split()), 100), "```")


PARTS: Mapping[str, Callable[[str, Words], Iterator[str]]] = {
    part.__name__: part
    for part in (columns, keys, commands, options, presets, scenarios, models, benchmark, types, order)
}


def renewed(text: str, say: Words) -> str:
    """A document with its generated parts made again."""

    def part(match: re.Match[str]) -> str:
        begin, name, argument, _old, end = match.groups()
        return "\n".join([begin, *PARTS[name](argument, say), "", end])

    return PART.sub(part, text)


def documents() -> Iterator[tuple[str, Path]]:
    """Every document with its language."""
    for language, folder in LANGUAGES.items():
        yield language, READMES[language]
        yield from ((language, file) for file in sorted(folder.glob("*.md")))


def stale() -> dict[Path, str]:
    """The documents that a renewal would change, with their new text."""
    changed = {}
    for language, file in documents():
        text = file.read_text(encoding="utf-8")
        if (new := renewed(text, words(language))) != text:
            changed[file] = new
    return changed


def main() -> None:
    """Renew every document, or name those that are stale."""
    changed = stale()
    for file, text in changed.items():
        sys.stdout.write(f"{file.relative_to(ROOT)}\n")
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
    sys.exit(1 if changed and "--check" in sys.argv else 0)


if __name__ == "__main__":
    main()
