"""What a chat template offers: its own variables with what they are by themselves, and the system message."""

import pytest

from core.inspection.preview import inspect
from core.model.tokens.chat_template import chat_facts
from tests.support.chat_models import FAMILIES, byte_tokenizer
from tests.support.tiny_models import random_model, save_tiny, word_tokenizer


def with_template(template):
    tokenizer = word_tokenizer()
    tokenizer.chat_template = template
    return tokenizer


def switches_of(template: str) -> list[tuple]:
    return [tuple(switch.values()) for switch in chat_facts(with_template(template))["switches"]]


@pytest.mark.parametrize(
    ("family", "system", "dated", "switches"),
    [
        ("chatml", True, False, []),
        ("llama3", True, True, [("date_string", "text", None, [])]),  # by itself it writes the day
        ("gemma", False, False, []),
        ("mistral", True, False, []),
        ("qwen3", True, False, [("enable_thinking", "bool", True, [])]),
        ("phi", True, False, []),
        ("deepseek", True, False, []),
    ],
)
def test_each_family_offers_what_its_template_reads(family, system, dated, switches):
    facts = chat_facts(byte_tokenizer(FAMILIES[family]))
    assert (facts["has_template"], facts["templates"]) == (True, ["default"])
    assert (facts["system"], facts["dated"]) == (system, dated)
    assert [tuple(switch.values()) for switch in facts["switches"]] == switches


def test_what_a_variable_is_shows_where_it_is_read():
    template = """{% if effort is not defined %}{% set effort = "medium" %}{% endif %}{{ "Effort: " + effort }}
    {% set deep = deep if deep is defined else true %}{% if deep %}Deep{% endif %}
    {% set keep = keep | default(false) %}{{ 'Kept' if keep else '' }}
    {% if mode == "a" or mode in ["b", "c"] %}A{% endif %}{{ bos_token }}{{ custom_tools }}{{ messages[0].content }}
    {% for number in range(2) %}{{ number }}{{ loop.index }}{% endfor %}{{ nickname or "Bot" }}
    {% generation %}{% if not plain %}!{% endif %}{% endgeneration %}"""
    assert switches_of(template) == [
        ("effort", "text", "medium", []),
        ("deep", "bool", True, []),
        ("keep", "bool", False, []),
        ("mode", "text", None, ["a", "b", "c"]),
        ("nickname", "text", "Bot", []),
        ("plain", "bool", False, []),
    ]


def test_a_switch_without_an_effect_on_conversations_has_no_value_of_its_own():
    assert switches_of("{% if tools and strict %}x{% endif %}{{ messages[0].content }}") == [
        ("strict", "bool", None, [])
    ]


def test_without_a_template_there_is_nothing_to_choose():
    nothing = {"has_template": False, "templates": [], "switches": [], "system": False, "dated": False}
    assert chat_facts(word_tokenizer()) == nothing
    assert chat_facts(with_template({"tool_use": "{{ messages }}"})) == {**nothing, "templates": ["tool_use"]}


def test_of_several_templates_the_default_is_read():
    template = {"tool_use": "{% if deep %}{% endif %}", "default": "{{ messages[0].content }}"}
    facts = chat_facts(with_template(template))
    assert (facts["templates"], facts["switches"]) == (["default", "tool_use"], [])


def test_a_broken_template_offers_nothing_and_harms_nothing():
    facts = chat_facts(with_template("{% if x %}"))
    assert (facts["has_template"], facts["switches"], facts["system"]) == (True, [], False)


def test_the_card_of_a_model_says_what_its_template_offers(tmp_path):
    family = FAMILIES["qwen3"]
    random_model("llama", vocab_size=288).save_pretrained(tmp_path)
    byte_tokenizer(family).save_pretrained(tmp_path)
    assert (tmp_path / "chat_template.jinja").exists()
    card = inspect(str(tmp_path))
    assert card["chat"] == chat_facts(byte_tokenizer(family)) and card["chat"]["has_template"]


def test_the_card_of_a_plain_model_offers_no_chat(tmp_path):
    assert not inspect(str(save_tiny(tmp_path)))["chat"]["has_template"]
