"""What a model's chat template offers: its own variables, and whether it takes a system message.

1. The variables that a template reads and does not set are found in its syntax tree; those that every template is
   given (messages, special tokens) and those of tools, documents and pictures are left out.
2. What a variable is, on or off or a text, shows where the template reads it: it tests it, prints it, or compares it.
3. What the template does by itself is found by rendering conversations without the variable and with it on and off.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict

from jinja2 import TemplateError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

DEFAULT = "default"
"""Name of the template that is read where a tokenizer has several."""

CLOCK = "strftime_now"
"""By which a template asks for the day on which it is rendered."""

_GIVEN = {"messages", "add_generation_prompt", "continue_final_message", "raise_exception", CLOCK}
_NOT_HERE = re.compile(r"tool|function|document|image|video|audio|tokens?$")
"""Variables for what conversations here do not hold, and the names of special tokens."""
_GENERATION = re.compile(r"\{%[-+]?\s*(?:end)?generation\s*[-+]?%\}")
_SYSTEM = "This is the system message."
_USER = {"role": "user", "content": "A question."}
_CONVERSATIONS: tuple[tuple[dict[str, str], ...], ...] = (
    (_USER,),
    (_USER, {"role": "assistant", "content": "<think>\nWell.\n</think>\n\nAn answer."}, _USER),
)

Kind = Literal["bool", "text"]


class ChatSwitch(TypedDict):
    """A variable of a template: what it may be (`options` where the template compares texts), and what it is unset."""

    name: str
    kind: Kind
    default: bool | str | None
    options: list[str]


class ChatFacts(TypedDict):
    """Whether conversations can be written for a model, and with what; `dated` where the template writes the day."""

    has_template: bool
    templates: list[str]
    switches: list[ChatSwitch]
    system: bool
    dated: bool


def template_of(tokenizer: Any) -> str | None:
    """The chat template that conversations are written with: the only one, or the one named `default`."""
    template = getattr(tokenizer, "chat_template", None)
    return template.get(DEFAULT) if isinstance(template, dict) else template


def template_names(tokenizer: Any) -> list[str]:
    """Names of all chat templates of a tokenizer, the one that is read first."""
    template = getattr(tokenizer, "chat_template", None)
    names = [*template] if isinstance(template, dict) else [DEFAULT] if template else []
    return sorted(names, key=lambda name: name != DEFAULT)


def chat_facts(tokenizer: Any) -> ChatFacts:
    """What the chat template of a tokenizer offers. A template that cannot be read offers nothing but itself."""
    template = template_of(tokenizer)
    facts = ChatFacts(
        has_template=template is not None,
        templates=template_names(tokenizer),
        switches=[],
        system=False,
        dated=False,
    )
    if template is None:
        return facts
    with_system = _rendered(tokenizer, ({"role": "system", "content": _SYSTEM}, _USER), {})
    facts["system"] = _SYSTEM in (with_system or "")
    environment = ImmutableSandboxedEnvironment(extensions=["jinja2.ext.loopcontrols"])
    source = _GENERATION.sub("", template)
    try:
        tree, folded = environment.parse(source), environment.parse(source)
    except TemplateError:
        return facts
    variables = find_undeclared_variables(folded)  # which changes the tree that it reads
    facts["dated"] = CLOCK in variables
    own = variables - _GIVEN - {*environment.globals}
    names = [name for name in _read_first(tree) if name in own and not _NOT_HERE.search(name)]
    facts["switches"] = [_switch(tokenizer, tree, name) for name in names]
    return facts


def _read_first(tree: nodes.Template) -> list[str]:
    """Names that a template reads before it sets them; jinja also counts those that it sets in one branch alone."""
    first: dict[str, str] = {}
    for node in _in_order(tree):
        first.setdefault(node.name, node.ctx)
    return [name for name, use in first.items() if use == "load"]


def _in_order(node: nodes.Node) -> Iterator[nodes.Name]:
    """The names in a part of a template in the order in which they are read and set."""
    if isinstance(node, nodes.Name):
        yield node
    first = [node.iter, node.target] if isinstance(node, nodes.For) else []
    last = [node.target] if isinstance(node, nodes.Assign | nodes.AssignBlock) else []
    for child in [*first, *node.iter_child_nodes(exclude=["iter", "target"]), *last]:
        yield from _in_order(child)


def _switch(tokenizer: Any, tree: nodes.Template, name: str) -> ChatSwitch:
    uses = list(_uses(tree, name))
    defaults = [value for use, value in uses if use == "default" and value is not None]
    options = list(dict.fromkeys(str(value) for use, value in uses if use == "text" and value is not None))
    kinds = [use for use, _ in uses if use != "default"]
    kinds = kinds or ["bool" if isinstance(value, bool) else "text" for value in defaults]
    kind: Kind = "bool" if kinds and "text" not in kinds else "text"
    values: list[bool | str] = [True, False] if kind == "bool" else defaults
    default = _default_by_rendering(tokenizer, name, values)
    if default is None and kind == "bool":
        default = next(iter(defaults), None)
    return ChatSwitch(name=name, kind=kind, default=default, options=options)


def _default_by_rendering(tokenizer: Any, name: str, values: Sequence[bool | str]) -> bool | str | None:
    """The value that writes what the template writes without the variable; None where none or all do."""
    unset, *of_values = (
        [_rendered(tokenizer, conversation, given) for conversation in _CONVERSATIONS]
        for given in ({}, *({name: value} for value in values))
    )
    same = [value for value, written in zip(values, of_values, strict=True) if written == unset]
    return None if len(same) == len(values) > 1 else next(iter(same), None)


def _rendered(
    tokenizer: Any, conversation: Sequence[Mapping[str, str]], values: Mapping[str, bool | str]
) -> str | None:
    try:
        return str(
            tokenizer.apply_chat_template(
                [*conversation], tokenize=False, add_generation_prompt=True, **values
            )
        )
    except Exception:  # a template is a program of its own, which may raise anything
        return None


Use = tuple[Literal["bool", "text", "default"], bool | str | None]


def _uses(node: nodes.Node | None, name: str, place: Literal["test", "output", ""] = "") -> Iterator[Use]:
    """How a part of a template, which stands in a test or is printed, reads the variable."""
    match node:
        case nodes.Name(name=other) if other == name and place:
            yield ("bool" if place == "test" else "text"), None
        case nodes.If() | nodes.CondExpr():
            yield from _uses(node.test, name, "test")
            for child in node.iter_child_nodes(exclude=["test"]):
                yield from _uses(child, name, place)
            if isinstance(node, nodes.CondExpr) and _asks_whether_set(node.test, name):
                yield from _default(node.expr1, node.expr2)
        case nodes.Assign(target=nodes.Name(name=other)):
            if other == name:
                yield from _default(node.node)
            yield from _uses(node.node, name)
        case nodes.Output() | nodes.Concat() | nodes.Add():
            for child in node.iter_child_nodes():
                yield from _uses(child, name, "output")
        case nodes.Test(name=test):
            yield from _uses(node.node, name, "test" if test in ("true", "false", "boolean") else "")
        case nodes.Compare() if _mentions(node, name):
            yield from _compared(node)
        case nodes.Filter(name="default" | "d") if _mentions(node.node, name):
            yield from _uses(node.node, name, place)
            yield from _default(*node.args[:1])
        case nodes.Or():
            yield from _uses(node.left, name, place)
            yield from _uses(node.right, name, place)
            if _mentions(node.left, name):
                yield from _default(node.right)
        case nodes.And() | nodes.Not() | nodes.Filter():
            for child in node.iter_child_nodes():
                yield from _uses(child, name, place)
        case nodes.Node():
            for child in node.iter_child_nodes():
                yield from _uses(child, name)


def _compared(node: nodes.Compare) -> Iterator[Use]:
    for constant in node.find_all(nodes.Const):
        if isinstance(constant.value, bool):
            yield "bool", None
        elif isinstance(constant.value, str):
            yield "text", constant.value


def _default(*values: nodes.Node | None) -> Iterator[Use]:
    for node in values:
        if isinstance(node, nodes.Const) and isinstance(node.value, bool | str):
            yield "default", node.value


def _asks_whether_set(node: nodes.Node, name: str) -> bool:
    tests = [node, *node.find_all(nodes.Test)]
    return any(isinstance(t, nodes.Test) and t.name.endswith("defined") and _mentions(t, name) for t in tests)


def _mentions(node: nodes.Node | None, name: str) -> bool:
    parts = [node, *node.find_all(nodes.Name)] if node else []
    return any(part.name == name for part in parts if isinstance(part, nodes.Name))
