"""Read a tiny random model of every causal type of the installed transformers, and keep what can be done with each.

`python docs/tools/model_types.py` writes `model_types.json` beside this file; `make docs` makes tables of it.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).parent / "model_types.json"
ABILITIES = ("edges", "qkv", "gradients", "attention", "writes")


def facts_of(kind: str) -> dict[str, Any]:
    """`refused` and the key of the error; `not_built`; or each ability as true or false."""
    import torch

    from core.causal.qkv_effects import separable
    from core.errors import ModelError
    from core.model.attention_calls import on_weights
    from core.model.loaded_model import LoadedModel
    from core.model.logit_attribution import has_plain_stream
    from tests.support.every_type import TOKENS, CannotBuild, tiny
    from tests.support.tiny_models import word_tokenizer

    try:
        loaded = LoadedModel(tiny(kind), word_tokenizer(), kind, check=True)
    except CannotBuild:
        return {"not_built": True}
    except ModelError as error:
        return {"refused": error.key}
    seen: dict[int, Any] = {}
    ids = torch.tensor([list(TOKENS)[:9]])
    with torch.no_grad(), on_weights(loaded, loaded.layers_with_heads, seen.__setitem__):
        loaded.model(input_ids=ids, use_cache=False)
    plain = has_plain_stream(loaded)
    return {
        "edges": plain,
        "qkv": plain and separable(loaded),
        "gradients": not loaded.abilities.gradients,
        "attention": sorted(seen) == list(loaded.layers_with_heads),
        "writes": plain,
    }


def kept() -> Mapping[str, Any]:
    """What was found: `transformers`, its version, and `types`, the facts of each."""
    found: Mapping[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    return found


def lines(say: Mapping[str, Any]) -> Iterator[str]:
    """The counts, the table of the types that are read, and that of the others with the reason."""
    found = kept()
    read = {kind: facts for kind, facts in found["types"].items() if facts.keys() == set(ABILITIES)}
    others = {kind: facts for kind, facts in found["types"].items() if kind not in read}
    yield say["counts"].format(version=found["transformers"], all=len(found["types"]), read=len(read))
    yield ""
    yield f"| {' | '.join([say['type'], *(say[name] for name in ABILITIES)])} |"
    yield "|---|" + "---|" * len(ABILITIES)
    for kind, facts in sorted(read.items()):
        cells = (say["yes"] if facts[name] else say["no"] for name in ABILITIES)
        yield f"| `{kind}` | {' | '.join(cells)} |"
    yield ""
    yield f"| {say['type']} | {say['reason']} |"
    yield "|---|---|"
    for kind, facts in sorted(others.items()):
        yield f"| `{kind}` | {say['why'][facts.get('refused') or kind]} |"


def main() -> None:
    """Read every type and write what was found."""
    sys.path.insert(0, str(ROOT))
    import transformers

    from tests.support.every_type import KINDS

    found = {"transformers": transformers.__version__, "types": {kind: facts_of(kind) for kind in KINDS}}
    rows = ",\n".join(f'  "{kind}": {json.dumps(facts)}' for kind, facts in found["types"].items())
    KEPT.write_text(
        f'{{"transformers": "{transformers.__version__}", "types": {{\n{rows}\n}}}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
