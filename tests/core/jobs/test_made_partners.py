"""Deeper checks of a run whose partners were made: they compare the same pairs, and count the user's texts alone."""

from itertools import islice

import pytest

from core.config import make_config
from core.errors import ConfigError
from core.examples.reading import read_examples
from core.inspection.head_view import head_view
from core.jobs.checks import check
from core.runs.compared import compared_config, read_partners
from core.runs.result_reader import read_circuit, saved_effects, saved_examples
from core.scenarios.loader import load_scenario
from core.sensitivity.summary import read_sensitivity, read_table
from core.sensitivity.sweep import sweep_into
from tests.support.analyses import analysed
from tests.support.made_sweep import SMALL

COUNT = 6


@pytest.fixture(scope="module")
def made(tmp_path_factory, models):
    """A run on tickets of both sides that belong to no pairs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADLIGHT_HOME", str(tmp_path_factory.mktemp("home")))
        scenario = load_scenario("misrouted-tickets")
        texts = read_examples(scenario.examples_in("en"))
        kept = [*islice(texts.of("anomalous"), COUNT), *texts.of("normal")[-COUNT:]]
        examples = texts.with_examples(example.model_copy(update={"pair": ""}) for example in kept)
        settings = make_config(
            model=str(scenario.model_folder), examples=examples, preset="fast", pairing="given", device="cpu"
        )
        yield analysed(tmp_path_factory.mktemp("runs") / "run", settings, models)


def test_the_check_of_the_circuit_counts_the_texts_of_the_user_alone(made, models):
    list(check("circuit", made, models))
    record = read_circuit(made)
    assert record.complete and record.state == "computed"
    assert record.gap == pytest.approx(made.manifest().evidence_about.gap, abs=1e-3), "the pairs of the run"
    counts = record.before_after.counts
    assert (counts["anomalous"].texts, counts["normal"].texts) == (COUNT, COUNT)
    given = {example.text for example in made.config().examples.examples}
    assert {row["text"] for row in record.before_after.rows} == given


def test_the_effects_of_every_head_are_those_of_the_run(made, models):
    before = saved_effects(made)
    list(check("heads", made, models))
    after = saved_effects(made)
    assert set(after["pair_source"]) == {"made"}
    keys = [
        "kind",
        "source_layer",
        "source_head",
        "target_layer",
        "target_head",
        "ablation",
        "direction",
        "example",
    ]
    both = before[before["kind"] == "head"].merge(after, on=keys, suffixes=("", "_after"))
    assert len(both) == len(before[before["kind"] == "head"])
    assert (both["effect"] - both["effect_after"]).abs().max() < 1e-4


def test_a_sweep_over_settings_trains_on_the_made_pairs_and_is_found_again(made, models):
    config = compared_config(made)
    list(sweep_into(made, config, models, grid=SMALL))
    assert read_sensitivity(made, config, SMALL)["trained"] > 0
    table = read_table(made, "sweep.csv")
    assert set(table["examples"]) == {len(made.manifest().alignment.pairs)}


def test_a_head_is_looked_at_on_a_made_text_and_on_its_partner(made, models):
    partner = read_partners(made).made[0]
    view = head_view(
        compared_config(made), models, layer=0, head=0, example=partner.text - 1, partner=partner.example - 1
    )
    assert view["partner"]["query"] == saved_examples(made)["tokens"].astype(int)[partner.text - 1] - 1
    with pytest.raises(ConfigError):
        head_view(made.config(), models, layer=0, head=0, example=partner.example - 1)
