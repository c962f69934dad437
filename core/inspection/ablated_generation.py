"""What the model says with selected heads and MLP blocks ablated, beside what it says with them.

A text counts as at fault where the model's own continuation is the `actual` answer of the example, as right where it is
the `expected` one (`core.examples.answer_match`, by the run's `match`). Beside that stands how much likelier the model
holds the expected answer than the actual one, so that a change shows that does not turn the answer.

A text is changed where the first tokens of its continuation are others: as many as the longest answer of the examples
has, or FIRST_TOKENS where no example names an answer. That alone is counted for texts without answers.
"""

from collections.abc import Generator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass

from core.causal.ablation_file import AblationFile, Mode, ablated, make_ablation_file
from core.causal.mlp_blocks import MlpOutputs
from core.causal.replacements import Replacements
from core.config import RunConfig
from core.errors import ConfigError
from core.examples.answer_match import Match, Verdict, verdict
from core.examples.example_set import Example, ExampleSet
from core.generators import relayed, result_of
from core.heads import UnitId
from core.inspection.answers import ComparedText, Comparison, Statement
from core.model.activation_store import ActivationStore
from core.model.loaded_model import LoadedModel
from core.model.loading import ModelPool
from core.model.memory import within_memory
from core.model.next_token import most_likely
from core.model.recording import Recording
from core.model.tokens.answer_readings import Difference, answer_readings, difference_of
from core.model.tokens.answer_tokens import AnswerTokens, answer_tokens
from core.model.tokens.continuations import (
    MOST_TOKENS,
    Continuation,
    continued,
    decisive_tokens,
    end_piece,
    enough_tokens,
)
from core.model.tokens.piece_kinds import aligned
from core.model.tokens.prompts import prompt_of
from core.model.tokens.stepping import Inside
from core.model.tokens.tokenising import named, tokenise, unread_parts
from core.schema import Progress

MOST_TYPED = 32
LIKELIEST = 3
TYPED = "typed"
"""Label of the texts that were typed in, which belong to neither side."""


@dataclass(frozen=True)
class Said:
    """What the model says behind one text."""

    continuation: Continuation
    difference: Difference | None
    verdict: Verdict

    def begins(self, count: int) -> tuple[int, ...]:
        """Its first tokens, which are fewer where it ends before."""
        return self.continuation.tokens[:count]

    def as_statement(self, loaded: LoadedModel) -> Statement:
        """The same as plain JSON."""
        return {
            "next": most_likely(loaded, self.continuation.first, LIKELIEST),
            "continuation": self.continuation.text,
            "end": self.continuation.end,
            "end_token": end_piece(loaded, self.continuation),
            "verdict": self.verdict,
            "difference": self.difference and self.difference["value"],
        }


@dataclass(frozen=True)
class Statements:
    """What the model says behind each of several texts, and the tokens of the answers that it is held against."""

    said: Sequence[Said]
    answers: Sequence[AnswerTokens]


@within_memory
def what_if(
    config: RunConfig,
    heads: Sequence[UnitId],
    mode: Mode,
    typed: Sequence[str] = (),
    new_tokens: int = 6,
    models: ModelPool | None = None,
) -> Comparison:
    """Before and after on every example of a run and on typed texts, as plain JSON.

    `heads` may hold MLP blocks. Raises HeadlightError for a head that is not there, an empty selection, or a text that
    cannot be read.
    """
    return result_of(compare(config, heads, mode, typed, new_tokens, models))


def compare(
    config: RunConfig,
    heads: Sequence[UnitId],
    mode: Mode,
    typed: Sequence[str] = (),
    new_tokens: int = 6,
    models: ModelPool | None = None,
) -> Generator[Progress, None, Comparison]:
    """`what_if` with a record of progress after each forward pass, so that it can be left."""
    if not heads:
        raise ConfigError("no_heads_chosen")
    yield Progress("what_if", 0, 1)
    loaded = (models or ModelPool(size=1)).get(config.model, config.device, config.adapter)
    ids = tokenise(loaded, config.examples)
    ablation_file = ablation_file_of(loaded, config, ids, heads, mode)
    own = _typed(config.examples, typed)
    read = config.examples.with_examples([*config.examples.examples, *own.examples])
    labels = [*(example.label for example in config.examples.examples), *(TYPED for _ in own.examples)]
    texts = [*ids, *tokenise(loaded, own)]
    count = max(enough_tokens(loaded, config.examples, config.match), min(new_tokens, MOST_TOKENS))
    asked = read.examples, texts, count, config.match
    before = yield from statements(loaded, *asked)
    after = yield from statements(loaded, *asked, lambda: ablated(loaded, ablation_file), before.answers)
    decisive = decisive_tokens(loaded, config.examples)
    rows = [
        _row(loaded, read, *parts, decisive)
        for parts in zip(read.examples, labels, before.said, after.said, strict=True)
    ]
    return {
        "heads": [str(unit) for unit in ablation_file.units],
        "mode": mode,
        "rows": rows,
        "counts": counts(rows),
        "ablation_file": ablation_file.as_json(),
    }


def counts(rows: Sequence[ComparedText]) -> dict[str, dict[str, int]]:
    """By side: texts, at fault and right before and after (of those whose answers are named), unchanged texts."""
    by_side = {}
    for label in ("anomalous", "normal", TYPED):
        side = [row for row in rows if row["label"] == label]
        judged = [row for row in side if row["before"]["verdict"]]
        verdicts = {
            "before": [row["before"]["verdict"] for row in judged],
            "after": [row["after"]["verdict"] for row in judged],
        }
        by_side[label] = {
            "texts": len(side),
            "judged": len(judged),
            **{
                f"{name}_{when}": verdicts[when].count(name)
                for name in ("fault", "right")
                for when in verdicts
            },
            "same": sum(not row["changed"] for row in side),
        }
    return by_side


def statements(
    loaded: LoadedModel,
    examples: Sequence[Example],
    texts: Sequence[Sequence[int]],
    count: int,
    match: Match,
    inside: Inside = nullcontext,
    answers: Sequence[AnswerTokens] | None = None,
) -> Generator[Progress, None, Statements]:
    """What the model says behind the texts (token ids) of examples, at most `count` tokens each, inside a context.

    `answers` are the tokens of their answers; without them those that the model would say now are taken.
    """
    continuations = yield from relayed(
        continued(loaded, texts, count, inside), lambda step: Progress("what_if", step, count)
    )
    if answers is None:
        answers = [
            answer_tokens(loaded, text, example.expected, example.actual, continuation.first)
            for text, example, continuation in zip(texts, examples, continuations, strict=True)
        ]
    first = [continuation.first for continuation in continuations]
    readings = yield from relayed(
        answer_readings(loaded, texts, answers, first, inside), lambda _: Progress("what_if", count, count)
    )
    said = [
        Said(
            continuation,
            difference_of(both, tokens.shared),
            verdict(continuation.text, example.expected, example.actual, match),
        )
        for continuation, both, tokens, example in zip(
            continuations, readings, answers, examples, strict=True
        )
    ]
    return Statements(said, answers)


def ablation_file_of(
    loaded: LoadedModel, config: RunConfig, ids: Sequence[Sequence[int]], units: Sequence[UnitId], mode: Mode
) -> AblationFile:
    """The ablation file of heads and MLP blocks, with means over the normal ones of the run's texts `ids`."""
    alignment = aligned(loaded, config, ids)
    with closing(ActivationStore()) as store:  # the analysis has read these texts already
        recording = Recording(loaded, ids, store=store).of(alignment.kept)
        of_heads = Replacements(recording, alignment.n_anomalous, alignment.paired, heads=())
        mlps = MlpOutputs(recording, alignment.n_anomalous, of_heads.other)
        about = {"preset": config.preset}
        return make_ablation_file(loaded, units, mode, of_heads.means, about, mlps.means)


def _row(
    loaded: LoadedModel,
    examples: ExampleSet,
    example: Example,
    label: str,
    before: Said,
    after: Said,
    decisive: int,
) -> ComparedText:
    """One row of an example, or of a text that was typed in; `decisive` first tokens tell whether it changed."""
    return {
        "label": label,
        "text": example.text,
        "expected": example.expected,
        "actual": example.actual,
        "before": before.as_statement(loaded),
        "after": after.as_statement(loaded),
        "changed": before.begins(decisive) != after.begins(decisive),
        "unread": named(unread_parts(loaded, prompt_of(loaded, examples, example))),
    }


def _typed(examples: ExampleSet, typed: Sequence[str]) -> ExampleSet:
    """Typed texts, which are read as the examples are: in their frame, or as turns through the chat template."""
    given = [text for text in typed if text.strip()]
    if len(given) > MOST_TYPED:
        detail = f"expected at most {MOST_TYPED} typed texts, found {len(given)}"
        raise ConfigError("bad_setting", name="texts", detail=detail)
    own = [Example(label="normal", text=text, line=line) for line, text in enumerate(given, start=1)]
    return examples.with_examples(own).in_form(examples.form)
