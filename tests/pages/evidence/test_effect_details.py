"""Effects in detail: text by text, under other ablations, beside the gradient screen."""

import pandas as pd

from core.runs.run_folder import runs_folder
from pages.parts.charts.colours import LIGHT
from pages.parts.data.results import load
from pages.parts.evidence import effect_details
from pages.parts.i18n import entries, text
from tests.pages.conftest import shown
from tests.pages.evidence.conftest import OpenEvidence
from tests.support.made_runs import make_run


def word(key: str, **values: object) -> str:
    return text("en", key, **values)


def test_effects_of_a_head_stand_under_the_number_of_the_anomalous_text(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True)
    best = load(run).selected.head(2)
    (one, two), (first, second) = best["name"], best[["layer", "head"]].to_numpy().tolist()
    rows = [
        ("head", *first, "resample", "noising", 1, 0.5),
        ("head", *first, "resample", "denoising", 2, 0.7),
        ("head", *second, "resample", "noising", 1, 0.1),
        ("head", *second, "resample", "denoising", 2, 0.2),
        ("head", *second, "mean", "noising", 1, 9.0),
        ("edge", *first, "resample", "noising", 1, 9.0),
    ]
    columns = ["kind", "source_layer", "source_head", "ablation", "direction", "example", "effect"]
    run.write_bytes(
        "effects.csv", pd.DataFrame(rows, columns=columns).to_csv(index=False).encode("utf-8-sig")
    )
    heads = {
        one: {"direction": "noising", "ablations": {"resample": {"effect": 0.5, "low": 0.4, "high": 0.6}}},
        two: {
            "direction": "denoising",
            "ablations": {
                "resample": {"effect": 0.2, "low": 0.1, "high": 0.3},
                "zero": {"effect": -0.1, "low": -0.2, "high": 0.0},
            },
        },
    }
    run.write_json("evidence.json", {"format": 1, "heads": heads})
    effects = effect_details.by_example(run, [one, two], [[0, 1]])
    assert effects[["name", "example", "effect"]].to_numpy().tolist() == [[one, 1, 0.5], [two, 1, 0.2]]
    rows_drawn = effect_details.ablation_rows(effect_details.evidence(run), [two, one, "L9H9"])
    assert list(zip(rows_drawn["name"], rows_drawn["kind"], strict=True)) == [
        (two, "resample"),
        (two, "zero"),
        (one, "resample"),
    ]
    heat = effect_details.texts_heat(
        effects, [one, two], ["The first text", "The other"], LIGHT, word
    ).to_dict()
    (cells,) = heat["datasets"].values()
    assert [(cell["title"], cell["name"], cell["shown"].replace("\u00a0", " ")) for cell in cells] == [
        ("1 · The first text", one, "50 %"),
        ("1 · The first text", two, "20 %"),
    ]
    effect_details.ablations(rows_drawn, LIGHT, word).to_dict()
    app = open_evidence("effects", run.run_id)
    assert entries("en")["details.texts"] in shown(app)
    assert entries("en")["details.ablations"] not in shown(app)
    app.session_state["effect_details"] = True
    app.run()
    assert not app.exception
    assert entries("en")["details.ablations"] in shown(app)


def test_run_without_these_files_has_no_details(open_evidence: OpenEvidence) -> None:
    run = make_run(runs_folder(), verdicts=True)
    assert effect_details.by_example(run, ["L0H1"], []).empty
    assert effect_details.evidence(run).heads == {}
    (run.path / "evidence.json").write_text("{half", encoding="utf-8")
    assert effect_details.evidence(run).heads == {}
    assert entries("en")["details.texts"] not in shown(open_evidence("effects", run.run_id))


def test_screen_beside_the_codes_by_hand() -> None:
    heads = pd.DataFrame(
        {
            "name": ["L0H0", "L0H1", "L0H2"],
            "score": [3.0, 2.0, 0.1],
            "attribution": [0.5, 0.0, -0.4],
            "selected": [True, True, False],
            "verdict": ["confirmed", "not_confirmed", "unchecked"],
        }
    )
    assert effect_details.agreement(heads) == (1, 2)
    spec = effect_details.screen(heads, LIGHT, word).to_dict()
    names = [rows for rows in spec["datasets"].values() if len(rows) == 3]
    assert names
