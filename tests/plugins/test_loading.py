"""Plugins that work, that do not, and that do not get along: each one a distribution on a path."""

from __future__ import annotations

from pathlib import Path

import attrs
import importlib_metadata
import pytest

from fluxion_core import PipelineDefinition, SinkConfig, SourceConfig, StateConfig
from fluxion_core.components import Provenance
from fluxion_core.errors import ConfigError, UnknownNameError
from fluxion_core.plugins import load_plugins
from fluxion_core.runtime.binding import bind


def reason_for(site, code: str | None) -> str:
    """Install a plugin and return why it is not in use; the rest must be."""
    site.install("bad-plugin", code)
    registry = site.load()
    assert {"file", "memory", "generator", "stdin"} <= set(registry.components.names("source"))
    (report,) = [one for one in registry.reports if one.provenance.distribution == "bad-plugin"]
    assert not report.ok
    assert report.provides == ()
    return report.reason


# --- good ones --------------------------------------------------------------------------------------------------------


def test_a_plugin_provides_its_components(site) -> None:
    site.install("tick-plugin", version="1.2.3")
    component = site.load().components.get("source", "ticks")
    assert ("Ticks", Provenance("tick-plugin", "1.2.3", "tick-plugin")) == (component.value.__name__, component.provenance)


def test_a_report_says_where_it_comes_from_and_what_it_provides(site) -> None:
    module = site.install("tick-plugin", version="1.2.3")
    report = site.report("tick-plugin")
    expected = (True, "tick-plugin 1.2.3", module, ("source ticks",), (), "")
    assert expected == (report.ok, str(report.provenance), report.module, report.provides, report.collisions, report.reason)
    assert report.load_seconds > 0


def test_the_first_sentence_sums_a_component_up(site) -> None:
    site.install("tick-plugin")
    assert site.load().components.get("source", "ticks").summary == "Ticks."


def test_the_built_in_components_come_from_the_core(site) -> None:
    registry = site.load()
    assert registry.components.get("sink", "file").provenance.distribution == "fluxion-core"
    assert all(report.ok for report in registry.reports)


def test_a_plugin_may_provide_nothing_but_a_listener(site) -> None:
    code = """
    from fluxion_core.hookspecs import hookimpl
    FLUXION_SPI = (1, 0)
    heard = []
    @hookimpl
    def fluxion_event(event):
        heard.append(event)
    """
    module = site.install("listener", code)
    registry = site.load()
    registry.hooks.hook.fluxion_event(event="something")
    assert __import__(module).heard == ["something"]


def test_the_first_distribution_on_the_path_wins(site, tmp_path: Path) -> None:
    """As an import does; an old copy further behind, whatever it is called, is no collision."""
    site.install("tick-plugin", version="2.0")
    behind = attrs.evolve(site, path=tmp_path / "behind")
    behind.path.mkdir()
    behind.install("Tick_Plugin", version="1.0")
    found = importlib_metadata.distributions(path=[str(site.path), str(behind.path)])
    reports = [one for one in load_plugins(distributions=found).reports if one.module == "tick_plugin"]
    assert [str(one.provenance) for one in reports] == ["tick-plugin 2.0"]


@pytest.mark.parametrize(
    "broken", ["[fluxion\nx = y", "nonsense", "[fluxion]\n= nothing\n", "[fluxion]\nx\n", "[other]\nx = y:z\n"]
)
def test_a_distribution_with_broken_metadata_stops_nothing(site, broken: str) -> None:
    site.install("broken-metadata")
    (next(site.path.glob("*.dist-info")) / "entry_points.txt").write_text(broken)
    site.install("tick-plugin")
    assert "ticks" in site.load().components.names("source")


# --- bad ones ---------------------------------------------------------------------------------------------------------

HEAD = "from fluxion_core.hookspecs import hookimpl\nfrom fluxion_core.spi import Batch, Options, Sink, Source\n"
VERSION = "FLUXION_SPI = (1, 0)\n"


def sources(returned: str, before: str = "") -> str:
    """Return a plugin whose hook returns what is given."""
    return f"{HEAD}{VERSION}{before}\n@hookimpl\ndef fluxion_register_sources():\n    return {returned}\n"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (None, "ModuleNotFoundError: No module named 'bad_plugin'"),
        ("import a_library_that_is_missing", "ModuleNotFoundError: No module named 'a_library_that_is_missing'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(:", "SyntaxError: "),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise RuntimeError('first line\\n\\nsecond line')", "RuntimeError: first line; second line"),
        (HEAD, "the module does not say which SPI it was built for; expected FLUXION_SPI = (1, 0)"),
        ("FLUXION_SPI = '1.0'", "the module does not say which SPI it was built for; expected FLUXION_SPI = (1, 0)"),
        ("FLUXION_SPI = (2, 0)", "built for SPI 2.0, this fluxion-core offers 1.0; install matching versions"),
        ("FLUXION_SPI = (0, 9)", "built for SPI 0.9, this fluxion-core offers 1.0; install matching versions"),
        ("FLUXION_SPI = (1, 99)", "built for SPI 1.99, this fluxion-core offers 1.0; install matching versions"),
    ],
)
def test_a_plugin_that_does_not_load_is_reported_and_stops_nothing(site, code: str | None, reason: str) -> None:
    assert reason_for(site, code).startswith(reason)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (
            "@hookimpl\ndef fluxion_register_source(): pass",
            "fluxion_register_source() is no hook; did you mean 'fluxion_register_sources'?",
        ),
        ("@hookimpl\ndef fluxion_on_event(event): pass", "fluxion_on_event() is no hook; did you mean 'fluxion_event'?"),
        (
            "def fluxion_register_sorces(): pass",
            "fluxion_register_sorces() is no hook; did you mean 'fluxion_register_sources'?",
        ),
        (
            "def fluxion_register_sources(): return []",
            "fluxion_register_sources() is not marked as a hook; put @fluxion_core.hookspecs.hookimpl above it",
        ),
        ("@hookimpl\ndef fluxion_event(evnt): pass", "PluginValidationError: "),
        ("@hookimpl(specname='fluxion_register_source')\ndef mine(): return []", "mine() is no hook; "),
    ],
)
def test_a_hook_that_would_never_be_called_is_an_error(site, function: str, reason: str) -> None:
    assert reason_for(site, f"{HEAD}{VERSION}{function}\n").startswith(reason)


def test_check_pending_finds_what_our_own_look_does_not(site) -> None:
    """A hook in an object, which the entry point names, is mistyped."""
    code = f"{HEAD}class Plugin:\n    FLUXION_SPI = (1, 0)\n    @hookimpl\n    def fluxion_register_sorces(self): pass\nplugin = Plugin()\n"
    site.install("bad-plugin", code, module="bad_module")
    points = next(site.path.glob("*.dist-info")) / "entry_points.txt"
    points.write_text("[fluxion]\nbad = bad_module:plugin\n")
    assert "unknown hook 'fluxion_register_sorces'" in site.report("bad-plugin").reason


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ("None", "TypeError: fluxion_register_sources() returned NoneType; expected a list"),
        ("Source", "TypeError: fluxion_register_sources() returned ABCMeta; expected a list"),
        ("[1]", "fluxion_register_sources() returned a int; expected subclasses of fluxion_core.spi.Source"),
        ("[Sink]", "fluxion_register_sources() returned Sink; expected subclasses of fluxion_core.spi.Source"),
        ("[Source]", "source Source does not define open, poll; the contract is fluxion_core.spi.Source"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_hook_that_returns_something_else_is_an_error(site, returned: str, reason: str) -> None:
    assert reason == reason_for(site, sources(returned))


@pytest.mark.parametrize("name", ["'Ticks'", "'two words'", "'-ticks'", "'ticks_'", "''", "3", "None", "'$ticks'", "'tick.s'"])
def test_a_name_that_is_spelled_wrong_is_an_error(site, name: str) -> None:
    body = f"class T(Source):\n    name = {name}\n    open = poll = lambda self: 0\n"
    assert f"source T has the name {name}; expected a name like [a-z0-9]+([_-][a-z0-9]+)*" == reason_for(
        site, sources("[T]", body)
    )


def test_options_of_another_kind_are_an_error(site) -> None:
    body = "class T(Source):\n    name = 'ticks'\n    options = dict\n    open = poll = lambda self: 0\n"
    expected = "source 'ticks' has the options <class 'dict'>; expected a subclass of fluxion_core.spi.Options"
    assert expected == reason_for(site, sources("[T]", body))


def test_a_plugin_that_fails_half_way_provides_nothing(site, ticks: str) -> None:
    """Its sources were fine, its sinks were not; its listener must not be called either."""
    code = (
        ticks
        + "\n@hookimpl\ndef fluxion_register_sinks():\n    raise OSError('no')\n@hookimpl\ndef fluxion_event(event):\n    1 / 0\n"
    )
    site.install("half-plugin", code)
    registry = site.load()
    assert "ticks" not in registry.components.names("source")
    registry.hooks.hook.fluxion_event(event=None)


def test_an_operator_must_be_one(site) -> None:
    code = f"{HEAD}{VERSION}@hookimpl\ndef fluxion_register_operators():\n    return [len]\n"
    assert "fluxion_register_operators() returned a builtin_function_or_method; expected" in reason_for(site, code)


def test_a_bad_plugin_does_not_stop_a_good_one(site) -> None:
    site.install("a-bad-plugin", "1 / 0")
    site.install("b-typo", f"{HEAD}{VERSION}@hookimpl\ndef fluxion_register_sorces(): pass\n")
    site.install("tick-plugin")
    assert "ticks" in site.load().components.names("source")


# --- collisions -------------------------------------------------------------------------------------------------------


@pytest.fixture
def both(site) -> None:
    """Two distributions that claim one name."""
    site.install("a-ticks", version="1.0")
    site.install("b-ticks", version="2.0")


COLLISION = "claimed by both a-ticks 1.0 and b-ticks 2.0; block one of them with FLUXION_PLUGINS_BLOCK=<distribution>"


@pytest.mark.usefixtures("both")
def test_a_name_that_two_claim_belongs_to_neither(site) -> None:
    with pytest.raises(UnknownNameError) as caught:
        site.load().components.get("source", "ticks")
    assert f"unknown source 'ticks': {COLLISION}" == str(caught.value)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("distribution", ["a-ticks", "b-ticks"])
def test_a_collision_stands_in_both_reports(site, distribution: str) -> None:
    report = site.report(distribution)
    assert (True, (), (f"source ticks: {COLLISION}",)) == (report.ok, report.provides, report.collisions)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(("blocked", "left"), [("a-ticks", "b-ticks"), ("b-ticks", "a-ticks")])
def test_blocking_one_gives_the_name_to_the_other(site, blocked: str, left: str) -> None:
    registry = site.load(block=[blocked])
    assert left == registry.components.get("source", "ticks").provenance.distribution


@pytest.mark.usefixtures("both")
def test_a_collision_takes_nothing_else(site, ticks: str) -> None:
    site.install("c-more", ticks + "\n@hookimpl\ndef fluxion_register_sinks():\n    from fluxion_core.connectors import StdoutSink\n"
                 "    class Out(StdoutSink):\n        name = 'out'\n    return [Out]\n")  # fmt: skip
    registry = site.load()
    assert "out" in registry.components.names("sink")
    report = next(one for one in registry.reports if one.provenance.distribution == "c-more")
    assert (report.provides, len(report.collisions)) == (("sink out",), 1)


def test_the_names_of_the_core_are_reserved(site, ticks: str) -> None:
    site.install("usurper", ticks.replace('"ticks"', '"file"'))
    registry = site.load()
    assert registry.components.get("source", "file").provenance.distribution == "fluxion-core"
    report = next(one for one in registry.reports if one.provenance.distribution == "usurper")
    assert (
        report.provides,
        report.collisions,
    ) == ((), ("source file: the name is the core's own; usurper 1.0 must choose another",))


@pytest.mark.parametrize("name", ["$add", "$shout"])
def test_an_operator_of_the_language_cannot_be_replaced(site, name: str) -> None:
    """It would change the meaning of every pipeline, or stop it: the name is withheld, the plugin's others stay."""
    code = f"""
    from fluxion_core.hookspecs import hookimpl
    from fluxion_core.language import Operator
    FLUXION_SPI = (1, 0)
    @hookimpl
    def fluxion_register_operators():
        return [Operator(name="{name}", function=len), Operator(name="$mine", function=len)]
    """
    site.install("usurper", code)
    registry = site.load()
    mine = [one.name for one in registry.components.all("operator") if one.provenance.distribution == "usurper"]
    report = next(one for one in registry.reports if one.provenance.distribution == "usurper")
    if name == "$add":
        lost = "operator $add: the name is the language's own; usurper 1.0 must choose another"
        assert (["$mine"], (lost,)) == (mine, report.collisions)
    else:
        assert (["$mine", name], ()) == (mine, report.collisions)


def test_a_stage_of_mongodb_cannot_be_replaced(site) -> None:
    """Not even one that we lack: the day we have it, a pipeline would change its meaning."""
    code = """
    from fluxion_core.hookspecs import hookimpl
    from fluxion_core.spi import Stage
    FLUXION_SPI = (1, 0)
    class Out(Stage):
        name = "$out"
        check = process = lambda self, given: []
    @hookimpl
    def fluxion_register_stages():
        return [Out]
    """
    site.install("usurper", code)
    assert site.report("usurper").collisions == ("stage $out: the name is the language's own; usurper 1.0 must choose another",)


def test_a_plugin_that_registers_a_name_twice_is_told_apart_from_two(site, ticks: str) -> None:
    site.install("twice", ticks.replace("return [Ticks]", "return [Ticks, Ticks]"))
    with pytest.raises(UnknownNameError, match=r"registered 2 times by twice 1\.0; only that package can mend it"):
        site.load().components.get("source", "ticks")


def test_the_same_name_for_another_kind_is_no_collision(site, ticks: str) -> None:
    site.install("ticks", ticks.replace('"ticks"', '"stdout"'))
    assert site.report("ticks").collisions == ()


# --- allow and block --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tick-plugin", "Tick-Plugin", "tick_plugin", "TICK.PLUGIN"])
def test_a_blocked_plugin_is_not_even_imported(site, name: str) -> None:
    site.install("tick-plugin", "raise RuntimeError('imported')")
    assert site.report("tick-plugin", block=[name]).reason == "blocked by the allow or block list"


def test_only_allowed_plugins_are_loaded(site, ticks: str) -> None:
    site.install("a-ticks")
    site.install("b-tocks", ticks.replace('"ticks"', '"tocks"'))
    registry = site.load(allow=["b-tocks"])
    assert [name for name in registry.components.names("source") if name in ("ticks", "tocks")] == ["tocks"]


def test_an_empty_allow_list_allows_nothing_but_the_core(site) -> None:
    site.install("tick-plugin")
    names = site.load(allow=[]).components.names("source")
    assert ("ticks" in names, "file" in names) == (False, True)


LOAD = """
from fluxion_core.plugins import load_plugins
from fluxion_core.runtime.binding import bind
registry = load_plugins()
print([(r.provenance.distribution, r.ok) for r in registry.reports if "ticks" in r.provenance.distribution])
"""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, [("a-ticks", True), ("b-ticks", True)]),
        ({"FLUXION_PLUGINS_BLOCK": "b_ticks"}, [("a-ticks", True), ("b-ticks", False)]),
        ({"FLUXION_PLUGINS_BLOCK": " a-ticks , b-ticks,"}, [("a-ticks", False), ("b-ticks", False)]),
        ({"FLUXION_PLUGINS_ALLOW": "A-Ticks"}, [("a-ticks", True), ("b-ticks", False)]),
        ({"FLUXION_PLUGINS_ALLOW": "a-ticks", "FLUXION_PLUGINS_BLOCK": "a-ticks"}, [("a-ticks", False), ("b-ticks", False)]),
    ],
)
@pytest.mark.usefixtures("both")
def test_installed_plugins_are_found_and_the_environment_rules(
    site, environment: dict[str, str], expected: list[object]
) -> None:
    assert f"{expected}\n" == site.run(LOAD, **environment)


# --- hints ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "letter"),
    [
        ("source", "kafka", "unknown source 'kafka': pip install fluxion-connect-kafka"),
        ("sink", "kafka", "unknown sink 'kafka': pip install fluxion-connect-kafka"),
        ("sink", "http", "unknown sink 'http': pip install fluxion-connect-http"),
        ("operator", "$sqlQuery", "unknown operator '$sqlQuery': pip install fluxion-enrich"),
        ("source", "flie", "unknown source 'flie'; did you mean 'file'?"),
        ("source", "xyz", "unknown source 'xyz'; known: file, generator, memory, stdin"),
        ("stage", "$xyz", "unknown stage '$xyz'; known: none"),
    ],
)
def test_a_missing_component_names_its_package_or_what_was_meant(site, kind: str, name: str, letter: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        site.load().components.get(kind, name)
    assert letter == str(caught.value)


@pytest.mark.parametrize("distribution", ["fluxion-connect-kafka", "fluxion_connect_kafka"])
def test_a_package_that_is_installed_and_broken_says_so(site, distribution: str) -> None:
    site.install(distribution, "import a_library_that_is_missing", version="0.9", module="broken_kafka")
    with pytest.raises(UnknownNameError) as caught:
        site.load().components.get("source", "kafka")
    expected = f"unknown source 'kafka': {distribution} 0.9 is installed but not in use: ModuleNotFoundError: No module named"
    assert str(caught.value).startswith(expected)


def test_a_package_that_is_blocked_says_so(site) -> None:
    site.install("fluxion-connect-kafka")
    with pytest.raises(UnknownNameError, match=r"fluxion-connect-kafka 1\.0 is installed but not in use: blocked by the allow"):
        site.load(block=["fluxion-connect-kafka"]).components.get("source", "kafka")


def test_an_unknown_name_points_at_the_plugins_that_are_not_in_use(site) -> None:
    """Nobody can know what a plugin would have provided that does not load."""
    site.install("tick-plugin", "1 / 0")
    with pytest.raises(
        UnknownNameError, match=r"unknown source 'ticks'; .*; not in use: tick-plugin 1\.0 \(fluxion plugins says why\)"
    ):
        site.load().components.get("source", "ticks")


@pytest.mark.parametrize("stage", [{"$set": {"x": {"$tick": 1}}}, {"$tick": {}}, {"$group": {"_id": None, "x": {"$tick": 1}}}])
def test_so_does_an_unknown_name_in_the_stages(site, stage) -> None:
    site.install("tick-plugin", "1 / 0")
    definition = PipelineDefinition(
        id="p",
        source=SourceConfig("generator", count=1),
        stages=[stage],
        sink=SinkConfig("stdout"),
        state_store=StateConfig("memory"),
    )
    with pytest.raises(ConfigError, match=r"unknown \w+ '\$tick'.*; not in use: tick-plugin 1\.0 \(fluxion plugins says why\)"):
        bind(definition, site.load().components)
