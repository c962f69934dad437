"""An engine for tests of the pages: it answers in the shapes of the real one, from the made tables."""

import time
from collections.abc import Iterator
from typing import Any

from core.config import RunConfig
from core.errors import ModelError
from core.examples.counterfactuals import Counterfactual, with_made
from core.examples.example_set import ExampleSet
from core.examples.made_texts import owner_of
from core.heads import HeadId
from core.model.tokens.chat_template import ChatFacts, ChatSwitch
from core.runs.run_folder import RunFolder
from tests.support.made_runs import write_circuit, write_tables
from tests.support.made_sweep import write_sweep
from tests.support.stub_engine import ModelPool, Progress, Result, interruptible

__all__ = [
    "ModelPool",
    "analyse",
    "ask_hub",
    "check",
    "head_view",
    "inspect",
    "interruptible",
    "make_draft_partners",
    "preview",
    "save",
    "suggest_answers",
    "what_if",
]


def analyse(config: RunConfig, models: ModelPool | None = None) -> Iterator[Progress | Result]:
    """Two stages; seed 1 refuses, seed 2 goes on until it is cancelled."""
    yield Progress("load", 1, 1)
    if config.seed == 1:
        raise ModelError("no_weights", name=config.model)
    for step in range(600 if config.seed == 2 else 3):
        if config.seed == 2:
            time.sleep(0.05)
        yield Progress("train", step + 1, 600 if config.seed == 2 else 3, {"loss": 1.0 / (step + 1)})
    yield Result(config.model)


def save(result: Result, run: RunFolder) -> None:
    """The made tables."""
    write_tables(run)


def inspect(source: str, adapter: str = "") -> dict[str, Any]:
    """A small model's card, or the error of a folder without config."""
    if "missing" in source:
        raise ModelError("no_config", name=source)
    if "several" in source:
        names = ("q4.gguf", "q8.gguf")
        choices = [{"key": "gguf", "values": {"name": n}, "model": f"/m/{n}", "adapter": ""} for n in names]
        raise ModelError("several_gguf", name=source, files=", ".join(names), choices=choices)
    return {
        "name": source,
        "architecture": "gpt2",
        "n_layers": 6,
        "n_heads": 8,
        "d_head": 16,
        "d_model": 128,
        "n_parameters": 1_234_567,
        "weight_bytes": 5_000_000,
        "memory_needed_bytes": 6_500_000,
        "memory_available_bytes": 8_000_000_000,
        "dtype": "float32",
        "device": "cpu",
        "context_length": 160,
        "vocabulary": 1800,
        "checks": ["architecture", "configuration"],
        "chat": chat_facts(source),
        **({"memory": {"weights": 5_000_000, "precision": "bfloat16"}} if "planned" in source else {}),
    }


def ask_hub(source: str) -> dict[str, Any]:
    """What the hub says of `owner/open`, `owner/gated` and `owner/packed`; it knows no other."""
    if source not in ("owner/open", "owner/gated", "owner/packed"):
        raise ModelError("hub_not_found", name=source)
    file = {"name": "model.safetensors", "size": 270_000_000, "blob": "b", "sha256": "b"}
    packed = source == "owner/packed"
    return {
        "name": source,
        "revision": "a" * 40,
        "licence": "apache-2.0",
        "gated": source == "owner/gated",
        "access": source != "owner/gated",
        "private": False,
        "logged_in": False,
        "files": [] if packed else [file],
        "gguf": [{**file, "name": f"{kind}.gguf"} for kind in ("q4", "q8")] if packed else [],
        "size_bytes": 270_000_000,
        "missing_bytes": 200_000_000,
        "cached": False,
        "cached_revision": "",
    }


def chat_facts(source: str) -> ChatFacts:
    """A folder called chat holds a model with a chat template and two variables, others have no template."""
    switches: list[ChatSwitch] = [
        {"name": "enable_thinking", "kind": "bool", "default": True, "options": []},
        {"name": "effort", "kind": "text", "default": None, "options": ["low", "high"]},
    ]
    chat = "chat" in source
    return {
        "has_template": chat,
        "templates": ["default"] if chat else [],
        "switches": switches if chat else [],
        "system": chat and "silent" not in source,
        "dated": False,
    }


def head_view(
    config: RunConfig,
    models: ModelPool,
    *,
    layer: int,
    head: int,
    example: int,
    partner: int | None = None,
    query: int | None = None,
) -> dict[str, Any]:
    """Words as tokens, all attention on the first one; a model folder called gone is missing."""
    if "gone" in config.model:
        raise ModelError("no_folder", name=config.model)
    texts = config.examples.examples
    pieces = texts[example].text.split(" ")
    place = len(pieces) - 1 if query is None else query

    def writes(index: int) -> dict[str, Any]:
        return {
            "up": [{"piece": f" <i>{texts[index].label}", "change": 1.5}],
            "down": [{"piece": " parcel", "change": -0.25}],
            "between": None,
        }

    found: dict[str, Any] = {
        "query": place,
        "first": 0,
        "length": len(pieces),
        "pieces": pieces,
        "weights": [1.0] + [0.0] * (len(pieces) - 1),
        "writes": writes(example),
        "partner": None,
        "more": [],
    }
    if partner is not None:
        found["partner"] = {"query": place, "piece": texts[partner].text.split(" ")[place], **writes(partner)}
        found["more"] = [{"piece": " Legal", "change": 2.5}]
    return found


def preview(config: RunConfig, models: ModelPool) -> dict[str, Any]:
    """Words as tokens; the texts are aligned and paired in their order unless pairing is off.

    The model says " today", or what stands in brackets at the end of a text: "(Legal)" makes it say " Legal".
    """
    examples = config.examples.examples
    sides = [[i for i, x in enumerate(examples) if x.label == label] for label in ("anomalous", "normal")]
    pairs = [] if config.pairing == "off" else [list(pair) for pair in zip(*sides, strict=False)]
    if made := config.examples.made:
        owners = {e.pair: i for i, e in enumerate(examples) if not e.source and e.pair}
        firsts = {e.pair: examples.index(e) for e in reversed(made)}
        pairs = [[owners[pair], made_text] for pair, made_text in firsts.items()]

    def next_word(text: str) -> dict[str, Any]:
        own = text.rpartition("(")[2].removesuffix(")") if text.endswith(")") else "today"
        return {"piece": f" {own}", "probability": 0.75}

    return {
        "model": inspect(config.model),
        "alignment": {
            "mode": "aligned",
            "reason": {"key": "same_length", "values": {"shortest": 3, "longest": 3}},
            "pairs": pairs,
            "pairs_source": "made" if made else "automatic" if pairs else "none",
            "sources": ["made" if made else "matched"] * len(pairs),
            "left_out": [],
            "slots": ["0"],
            "positions": [[0] for _ in examples],
        },
        "examples": [
            {
                "label": example.label,
                "text": example.text,
                "pair": example.pair,
                "source": example.source,
                "prompt": config.examples.frame.replace("{text}", example.text)
                or f"<user>{example.text}</user>",
                "pieces": example.text.split(" "),
                "differs": [place == 1 for place in range(len(example.text.split(" ")))],
                "next": [next_word(example.text)],
                "expected": None,
                "actual": None,
                "behaves": True if example.label == "anomalous" else None,
            }
            for example in examples
        ],
        "notes": [
            {
                "key": "unread_characters",
                "values": {"characters": "“☃”", "lines": str(number), "count": 1, "total": 40},
            }
            for number, example in enumerate(examples, start=1)
            if "☃" in example.text
        ],
    }


def make_draft_partners(
    config: RunConfig, *, direction: str = "anomalous", make: bool = True, models: ModelPool
) -> dict[str, Any]:
    """Words of a text become `calm`: its first, its third, then its second; one of two words has no partner."""
    examples = config.examples
    if make:
        wanted = [i for i, e in enumerate(examples.given) if e.label == direction and not e.pair]
        found = [one for of in wanted for one in _calm(examples, of)]
        examples = with_made(examples, found)
    made = []
    for number, text in enumerate(examples.examples, start=1):
        owner = owner_of(examples, text) if text.source else None
        if owner is None or len(owner.text.split()) != len(text.text.split()):
            continue
        words = enumerate(zip(owner.text.split(), text.text.split(), strict=True))
        exchanges = [{"position": i, "old": old, "new": new} for i, (old, new) in words if old != new]
        place = examples.examples.index(owner) + 1
        made.append({"text": place, "example": number, "exchanges": exchanges, "closes": 0.9})
    alone = [i + 1 for i, e in enumerate(examples.given) if e.label == direction and not e.pair]
    without = {"count": len(alone), "lines": ", ".join(map(str, alone))}
    record = {
        "state": "computed",
        "made": made,
        "without": [{"key": "partner_no_exchange", "values": without}] if alone and make else [],
        "examples": examples.model_dump(mode="json"),
    }
    return {"record": record, "tokens": [len(e.text.split()) for e in examples.examples]}


def _calm(examples: ExampleSet, of: int) -> list[Counterfactual]:
    owner = examples.examples[of]
    words = owner.text.split()
    other = "normal" if owner.label == "anomalous" else "anomalous"
    texts = [" ".join([*words[:i], "calm", *words[i + 1 :]]) for i in (0, 2, 1) if len(words) > 2]
    made = [owner.model_copy(update={"text": text, "label": other, "source": "made"}) for text in texts]
    kept = [e for e in made if e.text not in examples.refused][:2]
    return [Counterfactual(of, (), (), 0.9, 0.0, 0.0, 0.0, example) for example in kept]


def suggest_answers(config: RunConfig, models: ModelPool) -> dict[str, Any]:
    """Anomalous texts say Legal, normal ones say Billing."""
    says = {"anomalous": "Legal", "normal": "Billing"}
    rows = [
        {
            "label": example.label,
            "says": f" {says[example.label]} department",
            "ended": False,
            "expected": "Billing",
            "actual": says[example.label],
        }
        for example in config.examples.examples
    ]
    offered = [{"answer": "Billing", "texts": config.examples.count("normal")}]
    return {"state": "frequent", "examples": rows, "offered": offered, "alike": 0}


def check(kind: str, run: RunFolder, models: ModelPool) -> Iterator[Progress]:
    """The made circuit, or the made sweep; a run named slow goes on until it is cancelled."""
    for step in range(600 if run.meta().name == "slow" else 3):
        if run.meta().name == "slow":
            time.sleep(0.05)
        yield Progress("circuit", step + 1, 600)
    if run.meta().name == "refuse":
        raise ModelError("no_weights", name="m")
    if kind == "sensitivity":
        write_sweep(run)
        return
    write_circuit(run)


def what_if(
    config: RunConfig,
    heads: list[HeadId],
    *,
    mode: str,
    typed: list[str],
    new_tokens: int,
    models: ModelPool,
) -> dict[str, Any]:
    """Every anomalous text is put right, every normal one stays; typed texts say the same before and after."""
    if "gone" in config.model:
        raise ModelError("no_folder", name=config.model)
    word = {
        name: [{"token": place, "piece": f" {name}", "probability": 0.75}]
        for place, name in enumerate(("Billing", "Legal"))
    }
    rows = []
    for example in config.examples.examples:
        before = "Legal" if example.label == "anomalous" else "Billing"
        rows.append(
            {
                "label": example.label,
                "text": example.text,
                "expected": "Billing",
                "actual": before,
                "before": {
                    "next": word[before],
                    "continuation": f" {before} <b>now</b>",
                    "verdict": "fault" if before == "Legal" else "right",
                },
                "after": {"next": word["Billing"], "continuation": " Billing", "verdict": "right"},
                "changed": before == "Legal",
                "unread": "",
            }
        )
    for text in typed:
        said = {"next": word["Legal"], "continuation": " Legal", "verdict": ""}
        rows.append(
            {
                "label": "typed",
                "text": text,
                "expected": "",
                "actual": "",
                "before": said,
                "after": said,
                "changed": False,
                "unread": "“☃”" if "☃" in text else "",
            }
        )
    sides = {
        label: [row for row in rows if row["label"] == label] for label in ("anomalous", "normal", "typed")
    }
    counts = {
        label: {
            "texts": len(side),
            "judged": sum(bool(row["before"]["verdict"]) for row in side),
            "fault_before": sum(row["before"]["verdict"] == "fault" for row in side),
            "fault_after": sum(row["after"]["verdict"] == "fault" for row in side),
            "right_before": sum(row["before"]["verdict"] == "right" for row in side),
            "right_after": sum(row["after"]["verdict"] == "right" for row in side),
            "same": sum(not row["changed"] for row in side),
        }
        for label, side in sides.items()
    }
    ablation_file = {
        "format": 1,
        "model": config.model,
        "weights_hash": "h",
        "mode": mode,
        "heads": {},
        "about": {},
    }
    return {
        "heads": [str(head) for head in heads],
        "mode": mode,
        "rows": rows,
        "counts": counts,
        "ablation_file": ablation_file,
    }
