"""Connections are checked when a pipeline is bound: their type, their options, and that an operator names one of its own."""

import attrs
import pytest

from fluxion_core import ConfigError, PipelineDefinition, SinkConfig, SourceConfig, load_plugins
from fluxion_core.language import Form, Operator
from fluxion_core.runtime.binding import bind
from fluxion_core.spi import REQUIRED, Options, Secret, option


@attrs.frozen
class Desk(Options):
    room: str = option(REQUIRED, "Where it stands.")
    bell_code: Secret | None = option(None, "What opens it.")


def operator(name, kind, **parts):
    return Operator(
        name=name,
        pure=False,
        foldable=False,
        evaluate_batch=lambda calls, effects: [None] * len(calls),
        arguments=("connection",),
        constants=("connection",),
        **({"connection": kind} if kind else {}),
        **parts,
    )


def bound(connections, used="front", *more):
    components = load_plugins(allow=[]).components.with_class("operator", operator("$ring", ("desk", Desk)))
    for one in (operator("$post", ("box", Options)), *more):
        components = components.with_class("operator", one)
    return bind(
        PipelineDefinition(
            id="p",
            source=SourceConfig("generator", count=1),
            sink=SinkConfig("stdout"),
            stages=[{"$set": {"a": {"$ring": {"connection": used}}}}],
            connections=connections,
        ),
        components,
    )


GOOD = {"type": "desk", "room": "12"}


@pytest.mark.parametrize(
    ("connections", "expected"),
    [
        (
            {"front": {"type": "dsk", "room": "1"}},
            "connections.front.type: unknown connection type 'dsk'; did you mean 'desk'?",
        ),
        ({"front": {"type": "desk"}}, "connections.front.room: required option is missing"),
        ({"front": {**GOOD, "rom": 1}}, "connections.front.rom: unknown option 'rom'; did you mean 'room'?"),
        ({"front": {**GOOD, "bellCode": 1234567}}, "connections.front.bell_code: *** does not fit"),
        ({"front": "desk"}, "connections.front: a mapping with 'type' was expected"),
        ({"front": {}}, "connections.front: a mapping with 'type' was expected"),
        ({"front": GOOD, "unused": {"type": "desk"}}, "connections.unused.room: required option is missing"),
        ({"frunt": GOOD}, "stages[0].$set.a.$ring: no connection is called 'front'; did you mean 'frunt'?"),
        ({}, "stages[0].$set.a.$ring: no connection is called 'front'; declare it under connections:"),
        ({"front": {"type": "box"}}, "connection 'front' is of type 'box'; a connection of type 'desk' was expected"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_asked(connections, expected):
    with pytest.raises(ConfigError) as caught:
        bound(connections)
    assert expected in str(caught.value)
    assert "1234567" not in str(caught.value)


def test_what_is_right_is_bound_with_names_in_snake_case():
    found = bound({"front": {**GOOD, "bellCode": "1"}}).definition.connections
    assert {"front": {"type": "desk", "room": "12", "bell_code": "1"}} == found


def test_an_operator_that_does_not_say_what_it_takes_may_take_any_type():
    assert bound({"front": GOOD, "own": {"type": "own", "x": 1}}, "front", operator("$own", None))


def test_without_an_operator_a_connection_names_the_package():
    components = load_plugins(allow=[]).components
    definition = PipelineDefinition(
        id="p",
        source=SourceConfig("generator", count=1),
        sink=SinkConfig("stdout"),
        connections={"crm": {"type": "http", "base_url": "http://crm.example.com"}},
    )
    with pytest.raises(ConfigError, match=r"unknown connection type 'http'; pip install fluxion-enrich"):
        bind(definition, components)


def test_a_plugin_may_bring_a_form_that_parses_itself():
    form = Form(name="$verbatim", parse=lambda parser, spec, where: parser.expression({"$literal": spec}, where))
    program = bound({"front": GOOD}, "front", form).program
    assert "stateless" in [step.kind for step in program.plan]
