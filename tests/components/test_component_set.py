from __future__ import annotations

import pytest

from fluxion_core import hookspecs
from fluxion_core.components import KINDS, Component, ComponentSet, Provenance, name_is_good
from fluxion_core.connectors import FileSource, MemorySink, MemorySource
from fluxion_core.errors import UnknownNameError
from fluxion_core.language import Example, Operator
from fluxion_core.spi import Options

HERE = Provenance("here", "1", "plugin")


def component(name: str, value: object = FileSource, kind: str = "source") -> Component:
    """Return a component."""
    return Component(kind, name, value, HERE)


def test_a_set_is_not_changed_by_what_is_made_from_it() -> None:
    empty = ComponentSet()
    one = empty.with_(component("a"))
    other = one.with_(component("b")).without("source", "a")
    assert (empty.names("source"), one.names("source"), other.names("source")) == ([], ["a"], ["b"])


def test_a_later_component_takes_the_place_of_an_earlier_one() -> None:
    components = ComponentSet().with_(component("a")).with_(component("a", MemorySource))
    assert MemorySource is components.get("source", "a").value


def test_kinds_are_apart() -> None:
    components = ComponentSet().with_(component("a"), component("a", MemorySink, "sink"))
    assert (FileSource, MemorySink) == (components.get("source", "a").value, components.get("sink", "a").value)


def test_components_come_sorted() -> None:
    components = ComponentSet().with_(component("b"), component("c"), component("a"))
    assert ["a", "b", "c"] == [one.name for one in components.all("source")] == components.names("source")


def test_a_program_adds_its_own_class() -> None:
    found = ComponentSet().with_class("source", MemorySource).get("source", "memory")
    assert ("this program -", MemorySource) == (str(found.provenance), found.value)


def test_forgetting_what_is_not_there_is_allowed() -> None:
    assert ComponentSet().without("source", "a").names("source") == []


def test_an_unknown_name_says_why_if_that_is_known() -> None:
    components = ComponentSet().with_reason("source", "a", "it is broken")
    with pytest.raises(UnknownNameError, match=r"^unknown source 'a': it is broken$"):
        components.get("source", "a")


def test_a_reason_does_not_hide_a_component_that_is_there() -> None:
    components = ComponentSet().with_reason("source", "a", "it is broken").with_(component("a"))
    assert FileSource is components.get("source", "a").value


@pytest.mark.parametrize(
    ("kind", "name", "good"),
    [
        ("source", "kafka", True),
        ("source", "my-kafka_2", True),
        ("source", "2nd", True),
        ("source", "Kafka", False),
        ("source", "my--kafka", False),
        ("source", "kafka-", False),
        ("source", "$kafka", False),
        ("source", "kafka\n", False),
        ("source", "käse", False),
        ("operator", "$httpCall", True),
        ("operator", "httpCall", False),
        ("operator", "$", False),
        ("operator", "$a.b", False),
        ("stage", "$window2", True),
        ("accumulator", "$2nd", False),
    ],
)
def test_names(kind: str, name: str, good: bool) -> None:
    assert good == name_is_good(kind, name)


def test_every_hook_that_registers_has_a_kind() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("fluxion_register_")} - {"fluxion_register_commands"}
    assert hooks == {kind.hook for kind in KINDS.values()}


def test_a_summary_is_the_first_sentence() -> None:
    class Described:
        """One sentence
        over two lines. Another one.

        And more.
        """

    assert component("a", Described).summary == "One sentence over two lines."


def test_a_descriptor_sums_itself_up() -> None:
    class Described:
        summary = "Its own words."

    assert component("a", Described).summary == "Its own words."


def test_a_descriptor_says_first_what_it_is_for() -> None:
    operator = Operator(name="$own", function=abs, summary="The number without its sign.", arguments=["of"])
    assert "The number without its sign. Takes of." == component("$own", operator, "operator").summary


@pytest.mark.parametrize(
    ("arguments", "optional", "expected"),
    [
        (("a", "b"), (), "Takes a, b."),
        (("a",), ("b",), "Takes a and optionally b."),
        ((), ("b",), "Takes optionally b."),
        ((), (), "Written {'$own': 1}."),
    ],
)
def test_a_descriptor_is_summed_up_by_what_it_takes(arguments, optional, expected) -> None:
    examples = [Example({"$own": 1}, 1)]
    operator = Operator(name="$own", function=lambda *_: None, arguments=arguments, optional=optional, examples=examples)
    assert expected == ComponentSet().with_class("operator", operator).get("operator", "$own").summary


def test_the_connections_are_those_that_operators_ask_through() -> None:
    class DeskOptions(Options):
        """Where the desk is."""

    asking = Operator(name="$ask", pure=False, evaluate_batch=lambda calls, effects: [], connection=("desk", DeskOptions))
    (found,) = ComponentSet().with_class("operator", asking).connections()
    assert ("connection", "desk", DeskOptions, "Where the desk is.") == (found.kind, found.name, found.value, found.summary)
