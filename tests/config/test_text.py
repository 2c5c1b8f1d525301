"""Pipeline text is hostile: bombs, tags, depth, odd bytes; each gets a letter with its place, never a traceback."""

from time import process_time

import pytest

from fluxion_core import ConfigError, load_pipeline, load_stages

HEAD = "id: p\nsource: {type: generator, count: 1}\nsink: stdout\n"


def letters(tmp_path, content, name="p.yaml"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load_pipeline(path)
    return [(problem.line, problem.column, str(problem)) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("!!int abc", "'abc' is no int"),
        ("!!float abc", "'abc' is no float"),
        ("!!bool x", "'x' is no bool"),
        ("!!binary aGk=", "the tag tag:yaml.org,2002:binary is not supported"),
        ("!own x", "the tag !own is not supported"),
        ("!own {a: 1}", "the tag !own is not supported"),
        ("!own [1]", "the tag !own is not supported"),
        ("!!set {a}", "the tag tag:yaml.org,2002:set is not supported"),
        ("!!python/object/apply:os.system [id]", "the tag tag:yaml.org,2002:python/object/apply:os.system is not supported"),
        ("!!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not supported"),
        ("9" * 5000, f"'{'9' * 40}' is no int"),
    ],
)
def test_a_tag_asks_for_what_is_not_given(tmp_path, value, expected):
    ((line, column, letter),) = letters(tmp_path, f"{HEAD}variables: {{v: {value}}}")
    assert (4, 16, f"variables.v: {expected}") == (line, column, letter[: len(f"variables.v: {expected}")])


@pytest.mark.parametrize(
    ("value", "place", "expected"),
    [
        ("{<<: {a: 1}}", (4, 17), "merge keys (<<) are not supported"),
        ("{{}: 1}", (4, 17), "a name must be text"),
        ("{a: 1, a: 2}", (4, 23), "'a' is given twice"),
    ],
)
def test_names_are_text_and_stand_once(tmp_path, value, place, expected):
    ((line, column, letter),) = letters(tmp_path, f"{HEAD}variables: {{v: {value}}}")
    assert (place, expected) == ((line, column), letter.partition(": ")[2])


def test_two_spellings_of_a_key_are_one_key_given_twice(tmp_path):
    ((line, _, letter),) = letters(tmp_path, f"{HEAD}dead_letter: stdout\ndeadLetter: stdout\n")
    assert (5, "deadLetter: 'dead_letter' is given twice, in two spellings") == (line, letter)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "runtime: {queue_capacity: 1, queueCapacity: 2}",
            "runtime.queueCapacity: 'queue_capacity' is given twice, in two spellings",
        ),
        ("dead_letter: {type: x, aB: 1, a_b: 1}", "dead_letter.a_b: 'a_b' is given twice, in two spellings"),
        ("dead_letter: {type: x, options: {aB: 1, a_b: 1}}", "dead_letter.options.a_b: 'a_b' is given twice, in two spellings"),
        ("connections: {c: {type: x, aB: 1, a_b: 1}}", "connections.c.a_b: 'a_b' is given twice, in two spellings"),
    ],
)
def test_two_spellings_of_an_option_are_one_option_given_twice(tmp_path, text, expected):
    ((line, _, letter),) = letters(tmp_path, f"{HEAD}{text}\n")
    assert (4, expected) == (line, letter)


def test_aliases_that_make_the_text_large_are_refused_in_good_time(tmp_path):
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
    bomb += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    began = process_time()
    ((_, _, letter),) = letters(tmp_path, bomb)
    assert "the text holds more than 200000 values" in letter
    assert process_time() - began < 5


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a: &a [*a]", "the text holds deeper than 120 levels"),
        ("a: " + "[" * 5000 + "]" * 5000, "is nested too deeply"),
        (b"id: \xff", "is not UTF-8: byte 4 cannot be decoded"),
        ("id: a\nsource: {path: ${X}}\n", "not YAML: expected ',' or '}', but got '{'; put what holds ${...} in quotes"),
        (b"id: a\0b", "not YAML: unacceptable character #x0000"),
        ("id: a\n---\nid: b\n", "not YAML: expected a single document in the stream, but found another document"),
        ("id: a\nsource:\n\ttype: x\n", "not YAML: found character '\\t' that cannot start any token"),
        ("- a\n", "a pipeline is a mapping, not a list"),
        ("", "a pipeline is a mapping, not nothing"),
        ("#" * (4 * 1024 * 1024 + 1), "has 4194305 bytes; a pipeline has at most 4194304"),
    ],
)
def test_what_is_no_pipeline_is_told_in_one_letter(tmp_path, content, expected):
    ((_, _, letter),) = letters(tmp_path, content)
    assert expected in letter


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"id": "p", "variables": {"x": ' + "9" * 5000 + "}}", "Exceeds the limit (4300 digits)"),
        ('{"id": "p", "variables": {"x": NaN}}', "NaN is no JSON; write a number, or null"),
        ('{"id": "p", "id": "q"}', "'id' is given twice in one object"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"id": "p",\n "x"}', "not JSON: Expecting ':' delimiter"),
    ],
)
def test_json_is_read_as_strictly(tmp_path, content, expected):
    ((_, _, letter),) = letters(tmp_path, content, "p.json")
    assert expected in letter


def test_places_in_json_are_those_of_names_and_values(tmp_path):
    text = '{"id": 1,\r\n "source": {"type": "file", "a\\"b": [], "e": {}},\n "sink": "stdout",\n "emit": "nope", "delivery": "nope"}'
    found = {(line, column) for line, column, _ in letters(tmp_path, text, "p.json")}
    assert {(1, 2), (4, 2), (4, 18)} == found


def test_scalars_are_those_of_yaml_1_2(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(f"{HEAD}variables: {{a: on, b: NO, c: 2020-01-01, d: 0o17, e: 1_000, f: 1e3, g: ~, h: true, i: 010}}")
    expected = {
        "a": "on",
        "b": "NO",
        "c": "2020-01-01",
        "d": 15,
        "e": "1_000",
        "f": 1000.0,
        "g": None,
        "h": True,
        "i": 10,
    }
    assert expected == load_pipeline(path).variables


@pytest.mark.parametrize("text", ["[{$match: {}}]", "{stages: [{$match: {}}]}", "{pipeline: [{$match: {}}]}"])
def test_stages_stand_alone_or_under_a_name(tmp_path, text):
    path = tmp_path / "stages.yaml"
    path.write_text(text)
    assert [{"$match": {}}] == load_stages(path)


def test_what_a_variable_holds_never_becomes_structure(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(
        "id: p\nsource: {type: file, path: '${P}'}\nsink: {type: file, path: '${Q:-out}'}\nstages: [{$match: {a: '${P}'}}]\n"
    )
    definition = load_pipeline(path, environment={"P": "x, follow: true}\n- [", "Q": ""})
    assert "x, follow: true}\n- [" == definition.source.options["path"]
    assert ("out", "${P}") == (definition.sink.options["path"], definition.stages[0]["$match"]["a"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${NOPE}", "environment variable NOPE is not set"),
        ("${KAFKA_BOOTSTRP}", "environment variable KAFKA_BOOTSTRP is not set; did you mean 'KAFKA_BOOTSTRAP'?"),
        ("${a b}", "'${a b}' is no reference to a variable"),
        ("${A", "'${A' is no reference to a variable"),
    ],
)
def test_a_variable_that_is_not_there_is_told_without_the_value_of_another(tmp_path, text, expected):
    path = tmp_path / "p.yaml"
    path.write_text(f"id: p\nsource: {{type: file, path: '${{KEY}}{text}'}}\nsink: stdout\n")
    with pytest.raises(ConfigError) as caught:
        load_pipeline(path, environment={"KEY": "s3cret", "KAFKA_BOOTSTRAP": "s3cret"})
    assert expected in str(caught.value)
    assert "s3cret" not in str(caught.value)
