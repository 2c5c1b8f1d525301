"""Nothing in README and docs is true until it was read here."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from fluxion_core import (
    ComponentSet,
    ConfigError,
    ErrorPolicy,
    PipelineDefinition,
    PipelineOrchestrator,
    RunnerConfig,
    SinkConfig,
    SourceConfig,
    StateConfig,
    load_pipeline,
    load_plugins,
    load_stages,
)
from fluxion_core.config.load import KEYS
from fluxion_core.language import compile_pipeline
from fluxion_core.runtime.binding import bind
from fluxion_core.testing.suites import AccumulatorSuite, OperatorSuite, SinkSuite, StageSuite

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs" / "samples"
README = (ROOT / "README.md").read_text()


def sample(name):
    return runpy.run_path(str(SAMPLES / f"{name}.py"))


def run(tmp_path, components: ComponentSet, source, sink, stages=()):
    definition = PipelineDefinition(
        id="sample", source=source, sink=sink, stages=stages, state_store=StateConfig("sqlite", path=str(tmp_path / "state.db"))
    )
    handle = PipelineOrchestrator(components).run(definition)
    handle.wait(30)
    return handle.metrics()


@pytest.mark.parametrize("name", ["tick_source", "sqlite_sink", "shout_operator", "rate_operator", "csv_codec", "lines_stage"])
def test_a_sample_has_under_60_lines(name):
    assert len((SAMPLES / f"{name}.py").read_text().splitlines()) < 60


def test_the_sample_source_runs_and_resumes(tmp_path):
    components = load_plugins().components.with_class("source", sample("tick_source")["TickSource"])
    sink = SinkConfig("file", path=str(tmp_path / "out.ndjson"))
    run(tmp_path, components, SourceConfig("ticks", count=3), sink)
    run(tmp_path, components, SourceConfig("ticks", count=5), sink)
    names = [json.loads(line)["name"] for line in (tmp_path / "out.ndjson").read_text().splitlines()]
    assert [f"tick-{number}" for number in range(5)] == names


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("test_*.py")))
def test_the_samples_keep_the_contract(tmp_path, name):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",  # of its own: sessions that begin together sweep the folders of older ones at once, which warns
        str(tmp_path / "temporary"),
        "--rootdir",
        str(SAMPLES),
        str(SAMPLES / f"{name}.py"),
    ]
    finished = subprocess.run(
        command, cwd=SAMPLES, env={"PYTHONPATH": str(SAMPLES), "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout


def test_the_sample_sink_writes_every_document_once(tmp_path):
    import sqlite3

    components = load_plugins().components.with_class("sink", sample("sqlite_sink")["TableSink"])
    sink = SinkConfig("sqlite-table", path=str(tmp_path / "table.db"))
    run(tmp_path, components, SourceConfig("generator", count=1000), sink)
    database = sqlite3.connect(tmp_path / "table.db")
    rows = [json.loads(body)["n"] for (body,) in database.execute("select body from documents")]
    database.close()
    assert list(range(1000)) == rows


def test_the_pipeline_of_the_page_on_codecs_reads_csv_and_writes_json(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/how-to/write-a-codec.md").read_text(), re.DOTALL)
    (tmp_path / "orders.yaml").write_text(text)
    (tmp_path / "orders.csv").write_text('1,"Ann, B.",5\n2,,7\n3,Bob\n')
    components = load_plugins().components.with_class("codec", sample("csv_codec")["CsvCodec"])
    PipelineOrchestrator(components).run(load_pipeline(tmp_path / "orders.yaml")).wait(30)
    assert (tmp_path / "cents.ndjson").read_text() == '{"id":"1","customer":"Ann, B.","total":500}\n'


def test_the_sample_stage_stands_among_the_stages_of_its_page(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/how-to/write-a-stage.md").read_text(), re.DOTALL)
    (tmp_path / "stages.yaml").write_text(text.removeprefix("stages:\n"))
    components = load_plugins().components.with_class("stage", sample("lines_stage")["Lines"])
    source = SourceConfig("memory", documents=[{"_id": 1, "text": "a\n\nb"}, {"_id": 2}])
    run(tmp_path, components, source, SinkConfig("file", path=str(tmp_path / "out")), load_stages(tmp_path / "stages.yaml"))
    assert (tmp_path / "out").read_text() == '{"_id":1,"text":"a"}\n{"_id":1,"text":"b"}\n'


@pytest.mark.parametrize(
    ("specification", "letter"),
    [
        ("text", "stages[0].$lines: an object was expected; write {field: text}"),
        ({"field": 5}, "stages[0].$lines.field: the name of a field was expected; write field: text"),
        ({"field": "text", "by": ","}, "stages[0].$lines.by: is not known; only field is"),
    ],
)
def test_the_sample_stage_says_what_is_wrong_with_its_specification(tmp_path, specification, letter):
    components = load_plugins().components.with_class("stage", sample("lines_stage")["Lines"])
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, components, SourceConfig("generator"), SinkConfig("stdout"), [{"$lines": specification}])
    assert letter == str(caught.value)


def test_a_pipeline_resumes_from_the_sample_store(tmp_path):
    components = load_plugins().components.with_class("state store", sample("folder_store")["FolderStore"])
    for count in (300, 500):
        definition = PipelineDefinition(
            id="sample",
            source=SourceConfig("generator", count=count),
            stages=[{"$group": {"_id": None, "count": {"$count": {}}}}],
            sink=SinkConfig("file", path=str(tmp_path / "out")),
            state_store=StateConfig("folder", path=str(tmp_path / "state")),
        )
        PipelineOrchestrator(components).run(definition).wait(30)
    assert (tmp_path / "out").read_text() == '{"_id":null,"count":300}\n{"_id":null,"count":500}\n'


def test_the_sample_runner_reports_and_writes_nothing(tmp_path, caplog):
    components = load_plugins().components.with_class("runner", sample("dry_runner")["DryRunner"])
    definition = PipelineDefinition(
        id="sample",
        source=SourceConfig("generator"),
        stages=[{"$match": {"n": {"$lt": 10}}}, {"$set": {"x": {"$divide": [1, "$n"]}}}],
        sink=SinkConfig("file", path=str(tmp_path / "out")),
        runner=RunnerConfig("dry", records=700),
        base_dir=tmp_path,
    )
    handle = PipelineOrchestrator(components).run(definition)
    assert (True, "finished") == (handle.wait(30), handle.status())
    assert ["a dry run: 9 documents would be written, 1 records are at fault"] == caplog.messages
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("page", "suite"),
    [
        ("write-a-sink", SinkSuite),
        ("write-a-stage", StageSuite),
        ("write-an-operator", OperatorSuite),
        ("write-an-operator", AccumulatorSuite),
    ],
)
def test_the_rules_of_a_page_are_numbered_as_in_its_suite(page, suite):
    lists = re.findall(r"\n\n((?:\d\. .*\n)+)", (ROOT / "docs" / "how-to" / f"{page}.md").read_text())
    rules = {int(name.split("_")[2]) for name in dir(suite) if name.startswith("test_rule_")}
    assert sorted(rules) in [[int(number) for number in re.findall(r"^(\d)\. ", text, re.MULTILINE)] for text in lists]


def test_the_sample_operator_works_in_a_pipeline():
    operator = sample("shout_operator")["SHOUT"]
    program = compile_pipeline([{"$set": {"x": {"$shout": "$name"}}}], operators=[operator])
    assert program.start().feed(documents=[{"name": "hi"}, {}]).documents == [{"name": "hi", "x": "HI!"}, {"x": None}]


def test_the_sample_operator_that_asks_the_outside_does_so_through_its_connection(tmp_path):
    (tmp_path / "rates.json").write_text('{"EUR": 1.5}')
    results: list[dict] = []
    definition = PipelineDefinition(
        id="rates",
        source=SourceConfig("memory", documents=[{"currency": "EUR"}, {"currency": "XXX"}, {"currency": "EUR"}]),
        stages=[{"$set": {"rate": {"$rate": {"connection": "bank", "currency": "$currency"}}}}],
        sink=SinkConfig("memory", into=results),
        connections={"bank": {"type": "rates", "path": "rates.json"}},
        base_dir=tmp_path,
        error_policy=ErrorPolicy.skip(),
        state_store=StateConfig("memory"),
    )
    components = load_plugins().components.with_class("operator", sample("rate_operator")["RATE"])
    PipelineOrchestrator(components).run(definition).wait(30)
    assert [{"currency": "EUR", "rate": 1.5}] * 2 == results


def test_the_mistake_of_the_tutorial_is_told_as_the_tutorial_says(tmp_path):
    (letter,) = re.findall(
        r"^examples/orders-ltv/(.*unknown accumulator.*)$", (ROOT / "docs/tutorials/orders-ltv.md").read_text(), re.MULTILINE
    )
    text = (ROOT / "examples" / "orders-ltv" / "orders-ltv.yaml").read_text()
    (tmp_path / "orders-ltv.yaml").write_text(text.replace("$sum:", "$summ:"))
    command = [sys.executable, "-c", "from fluxion_core.cli import main; main(['lint', 'orders-ltv.yaml'])"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (78, f"{letter}\n") == (finished.returncode, finished.stderr)


def test_the_python_sample_runs_the_main_job(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.ndjson").write_text('{"status":"PAID","customerId":"C-1","orderValue":2}\n{"status":"OPEN"}\n')
    sample("orders_ltv")["main"]("orders.ndjson", str(tmp_path / "ltv.ndjson"))
    assert (tmp_path / "ltv.ndjson").read_text() == '{"_id":"C-1","orderCount":1,"lifetimeValue":2}\n'
    assert "'records_in': 2" in capsys.readouterr().out


def test_the_pipeline_of_the_readme_binds(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert len(text.strip().splitlines()) <= 12
    (tmp_path / "orders-ltv.yaml").write_text(text)
    bound = bind(load_pipeline(tmp_path / "orders-ltv.yaml"), load_plugins().components)
    assert bound.delivery == "exactly_once"


def test_the_windows_of_the_page_on_time_are_those_of_the_records(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/how-to/group-by-time.md").read_text(), re.DOTALL)
    (tmp_path / "windows.yaml").write_text(text.replace(", follow: true", "").replace("emit: updates", "emit: final"))
    orders = [{"at": f"2026-05-06T{time}Z", "sku": "a", "orderValue": 2} for time in ("07:00:00", "07:59:59.9", "08:00:00")]
    (tmp_path / "orders.ndjson").write_text("".join(f"{json.dumps(order)}\n" for order in orders))
    PipelineOrchestrator().run(load_pipeline(tmp_path / "windows.yaml")).wait(30)
    windows = [json.loads(line) for line in (tmp_path / "revenue.ndjson").read_text().splitlines()]
    expected = [
        {"_id": {"hour": f"2026-05-06T{hour}:00:00Z", "sku": "a"}, "revenue": sum_} for hour, sum_ in (("07", 4), ("08", 2))
    ]
    assert expected == windows


@pytest.mark.parametrize("page", ["README.md", "docs/reference/python.md"])
def test_the_python_of_a_page_prints_what_it_says(capsys, page):
    (text,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    exec(compile(text, page, "exec"), {})
    assert re.search(r"# (\[.*\])", text)[1] == capsys.readouterr().out.strip()


def test_every_link_of_the_readme_leads_somewhere():
    missing = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if not (ROOT / target).exists()]
    assert missing == []


def test_the_reference_names_every_key_of_the_pipeline_file():
    text = (ROOT / "docs" / "reference" / "pipeline-file.md").read_text()
    assert sorted(KEYS) == sorted(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def test_every_command_of_the_readme_exists():
    for command in re.findall(r"^    fluxion (\w+)", README, re.MULTILINE):
        assert (
            subprocess.run(
                [sys.executable, "-c", f"from fluxion_core.cli import main; main(['{command}', '--help'])"],
                capture_output=True,
                check=False,
            ).returncode
            == 0
        )


def test_the_numbered_steps_are_those_of_the_code():
    text = (ROOT / "docs" / "explanation" / "sealed-loop.md").read_text()
    code = (ROOT / "fluxion_core" / "runtime" / "loop.py").read_text()
    for step in (4, 5):
        assert re.search(rf"\b{step} \w", text)
        assert f"step {step}" in code
