"""The gradient screen: by hand, on tiny models, and as the benchmark's method on the planted circuit."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from core.analysis import result_tables as tables
from core.analysis.pipeline import analyse
from core.analysis.signals import Signals
from core.benchmark.methods.gradient import screened as benchmark_method
from core.benchmark.tasks.task import TaskName, load_task
from core.causal.bounds import SMALLEST_GAP
from core.causal.edge_attribution import Attributed, attributed, attributions, tokens_at_once
from core.causal.paired_runs import PairedRuns, forward_mask
from core.config import AutoencoderConfig, make_config
from core.discovery.autoencoder import Codes
from core.discovery.held_out import FOLDS, SPLITS, held_out
from core.discovery.redrawn import DRAWS
from core.discovery.scoring import head_scores
from core.discovery.stability import Stability, stability_of
from core.errors import ConfigError
from core.examples.example_set import ExampleSet
from core.examples.reading import from_rows
from core.model.loading import ModelPool
from core.model.tokens.continuations import BEYOND
from core.report.html import report
from core.report.save import save
from core.report.sentences.heads import order_note, selection_note
from core.runs.facts import facts
from core.runs.result_reader import saved_facts
from core.runs.run_folder import RunFolder
from core.scenarios.loader import load_scenario
from core.schema import EDGE_COLUMNS, HEAD_COLUMNS, Manifest, Note, Progress, RunResult
from core.text import LANGUAGES, text
from tests.core.discovery.test_stability import made_codes
from tests.support.made_result import with_changes
from tests.support.pairs import pairs
from tests.support.tiny_models import save_tiny, tiny

QUICK = AutoencoderConfig(members=3, latents=8, epochs=20)

MODELS = ModelPool(size=4)


def texts(longer: int = 0) -> ExampleSet:
    """Four pairs; `longer` words more in one anomalous text make its pair one of unequal length."""
    rows = []
    for i in range(4):
        tail = " w9" * (longer if i == 0 else 0)
        rows.append({"label": "anomalous", "text": f"w1 w{10 + i} w2 w{10 + i} w3{tail}", "pair": f"p{i}"})
        rows.append({"label": "normal", "text": f"w1 w{10 + i} w2 w{30 + i} w3", "pair": f"p{i}"})
    return from_rows(rows)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: save_tiny(tmp_path_factory.mktemp(kind), kind) for kind in ("gpt2", "gemma3_text")}


def run(folder, **values) -> tuple[list[Progress], RunResult]:
    values = {"examples": texts(), "autoencoder": QUICK, "device": "cpu"} | values
    records = list(analyse(make_config(model=str(folder), **values), MODELS))
    assert isinstance(records[-1], RunResult)
    return records[:-1], records[-1]


def in_flat_order(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(list(tables.HEAD_KEYS), ignore_index=True)


TOLD_APART = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]

ONE_PAIR = np.array([[1.0, 6.0 * (pair == 0), 1.0, 1.0] for pair in range(6)])


"""Attribution (pair, head): head 1 has all of its own from the first pair."""


def sure_of(codes: Codes, by_pair: np.ndarray | None) -> Stability:
    scores = head_scores(codes, 6)
    signals = None if by_pair is None else Signals(by_pair, rule="screened")
    return stability_of(codes, scores, [[i] for i in range(12)], 6, True, "strength", 0, signals)


def test_texts_drawn_anew_are_screened_by_their_own_gradients():
    codes = made_codes(TOLD_APART, TOLD_APART, [0] * 12, [0] * 12, n_anomalous=6)
    alone, with_screen = sure_of(codes, None), sure_of(codes, ONE_PAIR)
    assert alone.selected.tolist() == with_screen.selected.tolist() == [True, True, False, False]
    assert alone.again.tolist() == [1, 1, 0, 0]
    # head 1 scores √k where the first pair is drawn k times, against 1 for head 0
    missed = (5 / 6) ** 6
    assert with_screen.again[0] == 1
    assert with_screen.again[1] == pytest.approx(1 - missed, abs=4 * np.sqrt(missed * (1 - missed) / DRAWS))
    assert with_screen.jaccard == pytest.approx(1 - (1 - with_screen.again[1]) / 2)
    np.testing.assert_array_equal(with_screen.mirror_selected, with_screen.selected)
    assert with_screen.members_overlap == pytest.approx(alone.members_overlap, nan_ok=True)


def test_gradients_of_texts_left_out_are_not_seen():
    codes = made_codes(TOLD_APART, TOLD_APART, [0] * 12, [0] * 12, n_anomalous=6)
    effects = np.ones((1, 2, 6))
    alone = held_out(codes, [0, 1], effects, 0.05, True, "strength", 0)
    with_screen = held_out(
        codes, [0, 1], effects, 0.05, True, "strength", 0, Signals(ONE_PAIR, rule="screened")
    )
    assert (alone.checked, alone.share) == (2 * FOLDS * SPLITS, 1)
    assert (with_screen.checked, with_screen.share) == (FOLDS * SPLITS + (FOLDS - 1) * SPLITS, 1)


def test_variety_is_told_of_the_codes_alone():
    varied = [1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0]
    codes = made_codes(varied, [0] * 12, [0] * 12, [0] * 12, n_anomalous=6)
    alone, with_screen = sure_of(codes, None), sure_of(codes, ONE_PAIR / 9)
    assert with_screen.diversity == alone.diversity == pytest.approx(1 / 6)


def test_attribution_by_pair_is_that_of_each_pair_alone():
    loaded, examples = tiny("gpt2", seed=2), pairs(4)
    loaded.model.double()
    runs = PairedRuns(loaded, ExampleSet(examples=tuple(examples)), 0)
    *_, with_screen = _walk(attributed(runs, 3))
    heads, edges, _ = attributions(loaded, ExampleSet(examples=tuple(examples)), 0, 3)
    np.testing.assert_allclose(with_screen.heads, heads)
    assert with_screen.backward_passes == 3
    alone_edges = 0.0
    for row in range(4):
        pair = ExampleSet(examples=(examples[row], examples[row + 4]))
        alone, of_edges, _ = attributions(loaded, pair, 0, 3)
        gap = PairedRuns(loaded, pair, 0).metric.gap
        np.testing.assert_allclose(
            with_screen.by_pair[row] * runs.metric.gap, alone * gap, rtol=1e-5, atol=1e-9
        )
        alone_edges = alone_edges + of_edges * gap / 4
    np.testing.assert_allclose(edges * runs.metric.gap, alone_edges, rtol=1e-5, atol=1e-9)


def test_batches_that_hold_less_give_the_same(monkeypatch):
    loaded, examples = tiny("llama"), ExampleSet(examples=tuple(pairs(4)))
    whole = attributions(loaded, examples, 0, 2)
    per_token = (3 * 20 + 2 * 12) * 24 * 4  # 20 vectors a layer, two a receiver
    monkeypatch.setattr("core.causal.edge_attribution.GRADIENT_BYTES", 3 * per_token)
    assert tokens_at_once(loaded) == 3
    small = attributions(loaded, examples, 0, 2)
    assert (whole[2], small[2]) == (1 + 2, 1 + 4 * 2)
    for one, other in zip(whole[:2], small[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def _walk(running):
    records = []
    while True:
        try:
            records.append(next(running))
        except StopIteration as end:
            return [*records, end.value]


def test_an_analysis_gives_the_scores_of_the_benchmark_s_method():
    task = load_task(TaskName("planted-induction"), ModelPool(size=1))
    examples = task.draw(4, 0)
    expected = benchmark_method(task.loaded, examples, 0)
    model = str(load_scenario("planted-induction").model_folder)
    _, result = run(
        model, examples=examples, autoencoder=make_config(model="m", examples=examples).autoencoder,
        candidates="screened", evidence=False,
    )  # fmt: skip
    heads = in_flat_order(result.heads)
    np.testing.assert_allclose(heads["score"], expected.heads, rtol=1e-6)
    np.testing.assert_allclose(heads["score"] ** 2, heads["code_score"] * heads["screen"].abs(), atol=1e-12)
    rows = result.edges
    flat = rows["source_layer"] * 6 + rows["source_head"], rows["target_layer"] * 6 + rows["target_head"]
    assert len(rows) == forward_mask(task.loaded).sum()
    np.testing.assert_allclose(rows["score"], expected.edges[flat], rtol=1e-5, atol=1e-9)
    # the benchmark's method reads the texts for codes and for gradients, an analysis once for both; the analysis has
    # the model write on, a word of one token and some beyond it
    assert result.manifest.forward_passes == expected.forward_passes - 1 + 1 + BEYOND
    assert set(np.flatnonzero(heads["selected"])) <= set(np.flatnonzero(task.head_truth()))


def test_codes_alone_are_kept_where_they_are_asked_for(folders):
    records, codes = run(folders["gpt2"], candidates="codes")
    assert "screen" not in {record.stage for record in records}
    assert codes.manifest.selection.candidates == "codes"
    assert codes.manifest.gradient_screen is None
    for table, columns in ((codes.heads, HEAD_COLUMNS), (codes.edges, EDGE_COLUMNS)):
        assert set(columns) >= {"code_score", "screen"}
        assert table[["code_score", "screen"]].isna().all(axis=None)
    assert [selection_note(codes.manifest, language) for language in LANGUAGES] == ["", ""]


def test_a_screened_analysis_says_so_and_keeps_both_numbers(folders):
    _, codes = run(folders["gpt2"], candidates="codes")
    records, with_screen = run(folders["gpt2"], candidates="screened")
    steps = [(record.step, record.total) for record in records if record.stage == "screen"]
    assert steps == [(0, 20), (4, 20), (8, 20), (12, 20), (16, 20), (20, 20)]
    assert with_screen.manifest.selection.candidates == "screened"
    assert with_screen.manifest.gradient_screen.model_dump() == {
        "state": "computed",
        "steps": 5,
        "forward_passes": 5,
        "backward_passes": 5,
    }
    about = with_screen.manifest.evidence_about
    # the head outputs come from the cache, the streams from one more pass
    blocks = with_screen.manifest.blocks.forward_passes
    assert with_screen.manifest.forward_passes == about.forward_passes + blocks + 5
    heads, before = in_flat_order(with_screen.heads), in_flat_order(codes.heads)
    np.testing.assert_allclose(heads["code_score"], before["score"])
    assert (heads["score_low"] <= heads["score"]).all()
    assert heads["screen"].notna().all()
    assert with_screen.heads["score"].is_monotonic_decreasing
    assert with_screen.heads["effect"].notna().all()
    keys = [note.key for note in with_screen.manifest.notes]
    assert keys.count("gradient_screen_computed") == 1
    json.dumps(with_screen.manifest.model_dump(mode="json"), allow_nan=False)


def test_stability_speaks_of_the_screened_choice(folders, monkeypatch):
    told = []

    def recorded_stability(*given):
        told.append(stability_of(*given))
        return told[-1]

    monkeypatch.setattr("core.analysis.pipeline.stability_of", recorded_stability)
    _, codes = run(folders["gpt2"], evidence=False, candidates="codes")
    _, with_screen = run(folders["gpt2"], evidence=False, candidates="screened")
    for sure, result in zip(told, (codes, with_screen), strict=True):
        assert sure.selected.tolist() == in_flat_order(result.heads)["selected"].tolist()
    assert told[0].selected.tolist() != told[1].selected.tolist()
    assert with_screen.manifest.stability.jaccard == pytest.approx(told[1].jaccard, abs=1e-6)


@pytest.mark.parametrize(
    ("state", "values"),
    [
        ("no_pairs", {"pairing": "off", "permutations": 99}),
        ("no_pairs", {"examples": texts(longer=3)}),
        ("no_difference", {}),
        ("norm", {"model": "gemma3_text"}),
        ("memory", {}),
        ("not_finite", {}),
    ],
    ids=["unpaired", "unequal", "no_difference", "norm", "memory", "not_finite"],
)
def test_where_no_screen_is_possible_codes_choose_and_a_note_says_why(folders, monkeypatch, state, values):
    folder = folders[values.pop("model", "gpt2")]
    if state == "no_difference":
        monkeypatch.setitem(SMALLEST_GAP, "next_word_shift", 1e9)
    if state in ("memory", "not_finite"):
        monkeypatch.setattr("core.analysis.gradient_screen.attributed", _broken(state))
    _, codes = run(folder, evidence=False, candidates="codes", **values)
    _, with_screen = run(folder, evidence=False, candidates="screened", **values)
    assert with_screen.manifest.selection.candidates == "codes"
    assert with_screen.manifest.gradient_screen.state == state
    pd.testing.assert_frame_equal(with_screen.heads, codes.heads)
    pd.testing.assert_frame_equal(with_screen.edges, codes.edges)
    note = Note(key=f"gradient_screen_{state}")
    assert tuple(other for other in with_screen.manifest.notes if other != note) == codes.manifest.notes
    assert with_screen.manifest.notes.count(note) == 1
    for language in LANGUAGES:
        assert selection_note(with_screen.manifest, language) == text(
            language, f"note.gradient_screen_{state}"
        )


def _broken(state):
    def attributed(runs, steps):
        yield 1
        if state == "memory":
            raise torch.OutOfMemoryError
        return Attributed(np.full((4, 12), np.nan), np.zeros((12, 12)), 7, 5)

    return attributed


def test_the_recipe_of_the_paper_and_the_screen_exclude_each_other():
    with pytest.raises(
        ConfigError, match=r"autoencoder.shared=true and candidates=screened exclude"
    ) as refused:
        make_config(model="m", examples=texts(), preset="paper", candidates="screened")
    assert refused.value.key == "config_conflict"
    assert make_config(model="m", examples=texts(), candidates="screened").candidates == "screened"


def test_settings_of_an_older_run_are_codes_alone(tmp_path):
    folder = RunFolder.create(tmp_path / "run", make_config(model="m", examples=texts()))
    assert folder.config().candidates == "combined"
    content = json.loads((folder.path / "config.json").read_text())
    del content["candidates"]
    (folder.path / "config.json").write_text(json.dumps(content))
    assert folder.config().candidates == "codes"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_line_says_of_p_values_only_what_was_measured(language):
    def line(**more):
        content = {"model": {"name": "m"}, "selection": {"candidates": "screened"}, **more}
        return selection_note(Manifest.model_validate(content), language)

    parts = [text(language, f"summary.screened{part}") for part in ("", "_tested", "_held_out")]
    space = "" if language == "ja" else " "
    assert line(evidence="not_computed") == parts[0]
    assert line(evidence="computed", stability={"held_out": None}) == space.join(parts[:2])
    assert line(evidence="computed", stability={"held_out": 0.5}) == space.join(parts)


def test_the_report_says_how_candidates_were_chosen_and_tables_are_read_back(folders, tmp_path):
    _, result = run(folders["gpt2"], candidates="screened")
    for language in LANGUAGES:
        html = report(facts(result.manifest, result.heads, result.edges), result.examples, language=language)
        assert html.count(f'<p class="small">{selection_note(result.manifest, language)}</p>') == 1
        assert text(language, "note.gradient_screen_computed", steps=5) in html
        assert text(language, "score.screened", maximum=4) in html
        assert text(language, "score.strength", maximum=4) not in html
    untested = facts(
        with_changes(result.manifest, evidence="not_computed"),
        result.heads.assign(effect=np.nan),
        result.edges,
    )
    assert order_note(untested, "en") == text("en", "summary.five_note_untested_screened")
    folder = RunFolder.create(tmp_path / "run", make_config(model="m", examples=texts()))
    save(result, folder)
    saved = saved_facts(folder)
    assert selection_note(saved.manifest, "en") == selection_note(result.manifest, "en")
    np.testing.assert_allclose(saved.heads["screen"], result.heads["screen"])
