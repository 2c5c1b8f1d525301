"""What the README says is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from fluxion_connect_kafka.options import KafkaSinkOptions, KafkaSourceOptions

from fluxion_core.cli.components import options_markdown
from fluxion_core.plugins import load_plugins

README = (Path(__file__).parents[1] / "README.md").read_text()


@pytest.mark.parametrize(("heading", "options"), [("Source options", KafkaSourceOptions), ("Sink options", KafkaSinkOptions)])
def test_the_option_tables_are_the_declarations(heading, options) -> None:
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    assert options_markdown(options).strip() == section.strip()


def test_the_example_parses() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    example = yaml.safe_load(text)
    for role, options in (("source", KafkaSourceOptions), ("sink", KafkaSinkOptions)):
        assert example[role].pop("type") == "kafka"
        options.parse(example[role], where=role)


def test_the_entry_point_brings_source_and_sink() -> None:
    components = load_plugins().components
    assert "fluxion-connect-kafka" == components.get("source", "kafka").provenance.distribution
    assert "fluxion-connect-kafka" == components.get("sink", "kafka").provenance.distribution


def test_an_import_of_the_plugin_imports_no_client() -> None:
    import subprocess
    import sys

    code = "import sys, fluxion_connect_kafka.plugin; print(any(name.split('.')[0] in ('kafka', 'confluent_kafka') for name in sys.modules))"
    assert "False\n" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
