"""What to do next, and what to say in the meeting."""

from dataclasses import replace

from core.report.sentences import advice
from core.report.sentences.effects import effect_of_heads
from core.schema import CircuitRecord
from tests.support.made_facts import EFFECTS, STATES, made_facts, with_effects


def test_next_steps_follow_from_the_state() -> None:
    firsts = {state: advice.next_steps(facts, "en")[0] for state, facts in STATES.items()}
    assert "differ more clearly" in firsts["none"]
    assert "switched off" in firsts["untested"]
    assert "does behave clearly differently" in firsts["no_difference"]
    assert "No candidate was confirmed" in firsts["partly"]
    assert firsts["tested"].startswith("Confirmed by intervention: L2H1 · trigger, L0H1.")
    assert len(advice.next_steps(STATES["few"], "en")) == 1 + len(advice.next_steps(STATES["untested"], "en"))
    assert len(advice.next_steps(STATES["tested"], "en", signed=True)) == 2
    assert any("one template" in line for line in advice.next_steps(STATES["unpaired"], "en"))
    repeated = [
        s for s, facts in STATES.items() if any("come again" in x for x in advice.next_steps(facts, "en"))
    ]
    assert set(STATES) - set(repeated) == {"none", "no_difference"}


def test_meeting_ends_with_a_proposal_and_names_no_cause_without_effects() -> None:
    assert "try a remedy on L2H1 · trigger, L0H1 first" in advice.meeting(STATES["tested"], "en")[-1]
    assert "We have not tested yet" in " ".join(advice.meeting(STATES["untested"], "en"))
    assert "One of them stands out" in " ".join(advice.meeting(STATES["one"], "en"))
    assert "works against" in " ".join(advice.meeting(STATES["against"], "en"))


def test_meeting_says_that_partners_were_made() -> None:
    made = made_facts(alignment={"mode": "aligned", "pairs": [[0, 1]], "sources": ["made"]})
    assert "with copies of them" in advice.meeting(made, "en")[0]
    assert "写し" in advice.meeting(made, "ja")[0]
    assert "copies" not in advice.meeting(made_facts(), "en")[0]


def test_nothing_is_said_of_heads_where_there_is_nothing_to_explain() -> None:
    nothing = " ".join(advice.meeting(STATES["no_difference"], "en"))
    assert "stand out" not in nothing and "Our texts have to change first." in nothing


def test_few_texts_are_told_to_be_the_reason_why_nothing_is_confirmed() -> None:
    effects = {head: (*numbers[:3], "partly") for head, numbers in EFFECTS.items()}
    few = with_effects(effects, examples=6, smallest_p=0.03125)
    assert advice.next_steps(few, "en")[0].startswith(
        "No candidate was confirmed, which 6 tested texts hardly allow"
    )
    assert "with more texts" in advice.meeting(few, "en")[-1]
    many = with_effects(effects, examples=8, smallest_p=0.0078)
    assert "try other texts" in advice.next_steps(many, "en")[0]
    assert "with other texts" in advice.meeting(many, "en")[-1]


def test_texts_that_behave_alike_are_not_said_to_show_the_behaviour() -> None:
    assert "on which we expected" in advice.meeting(STATES["no_difference"], "en")[0]


def test_a_remedy_is_advised_for_the_heads_that_were_shown_to_work_and_no_others() -> None:
    side = {"texts": 4, "judged": 4}
    counts = {
        "anomalous": {**side, "fault_before": 4, "fault_after": 0},
        "normal": {**side, "right_before": 4, "right_after": 4},
    }
    trial = {"heads": ["L2H1"], "mode": "mean", "counts": counts}
    circuit = CircuitRecord.model_validate({"state": "computed", "before_after": trial})
    tried = replace(with_effects(), circuit=circuit)
    for told in (advice.next_steps(tried, "en")[0], advice.meeting(tried, "en")[-1]):
        assert "L2H1" in told and "L0H1" not in told


def test_verdicts_are_counted_over_all_heads_that_were_tested() -> None:
    facts = with_effects()
    heads = facts.heads.assign(selected=facts.heads["name"] == "L2H1")
    assert "2 of 3 tested heads confirmed, 1 partly" in effect_of_heads(replace(facts, heads=heads), "en")
