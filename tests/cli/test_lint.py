"""``fluxion lint``, and ``explain`` and ``run`` where the file is wrong: every problem at once, each where it stands."""

import pytest

WRONG = """\
id: "bad id!"
sorce: {type: file}
source: {type: fiel, path: x}
stages:
  - $mach: {a: 1}
  - $group: {_id: $x, total: {$summ: $y}}
sink: {type: file, pth: x}
emit: updatez
error_policy: skp
dead_letter: {type: file}
runner: lcoal
runtime: {micro_batchsize: 5, queue_capacity: 0}
"""
LETTERS = [
    "wrong.yaml:1:1 id: pipeline id 'bad id!': expected 1 to 128 letters",
    "wrong.yaml:2:1 sorce: unknown key 'sorce'; did you mean 'source'?",
    "wrong.yaml:3:10 source.type: unknown source 'fiel'; did you mean 'file'?",
    "wrong.yaml:5:5 stages[0].$mach: unknown stage '$mach'; did you mean '$match'?",
    "wrong.yaml:6:23 stages[1].$group.total: unknown accumulator '$summ'; did you mean '$sum'?",
    "wrong.yaml:7:1 sink.path: required option is missing",
    "wrong.yaml:7:20 sink.pth: unknown option 'pth'; did you mean 'path'?",
    "wrong.yaml:8:1 emit: unknown word 'updatez'; did you mean 'updates'?",
    "wrong.yaml:9:1 error_policy: unknown error policy 'skp'; did you mean 'skip'?",
    "wrong.yaml:10:1 dead_letter.path: required option is missing",
    "wrong.yaml:11:1 runner: unknown runner 'lcoal'; did you mean 'local'?",
    "wrong.yaml:12:11 runtime.micro_batchsize: unknown option 'micro_batchsize'; did you mean 'micro_batch_size'?",
    "wrong.yaml:12:31 runtime.queue_capacity: 0 is too small; expected at least 1",
]


@pytest.mark.parametrize("command", ["lint", "explain", "run"])
def test_every_problem_is_told_at_once_in_the_order_of_the_file(shell, command):
    shell.write("wrong.yaml", WRONG)
    outcome = shell.fluxion(command, "wrong.yaml")
    assert (78, "") == (outcome.code, outcome.out)
    assert LETTERS == [line[: len(letter)] for line, letter in zip(outcome.err.splitlines(), LETTERS, strict=True)]


def test_problems_of_json_stand_where_they_stand(shell):
    shell.write(
        "p.json",
        '{"id": "p",\n "source": {"type": "fiel"},\n "sink": "stdout",\n "stages": [{"$match": {}},\n  {"$mach": {}}]}',
    )
    expected = ["p.json:2:13 source.type: unknown source 'fiel'", "p.json:5:4 stages[1].$mach: unknown stage '$mach'"]
    assert expected == [line.partition(";")[0] for line in shell.fluxion("lint", "p.json").err.splitlines()]


@pytest.mark.parametrize("text", ['[{"$match": {}},\n {"$mach": 1}]', '{"stages": [{"$match": {}},\n {"$mach": 1}]}'])
def test_problems_of_a_file_of_stages_stand_in_that_file(shell, text):
    shell.write("stages.json", text)
    name = shell.pipeline(stages="stages.json")
    assert "stages.json:2:3 stages[1].$mach: unknown stage '$mach'; did you mean '$match'?\n" == shell.fluxion("lint", name).err


def test_problems_of_keys_in_camel_case_stand_where_they_stand(shell):
    shell.write(
        "p.yaml", "id: p\nsource: {type: generator, count: 1}\nsink: stdout\nerrorPolicy: skp\nruntime: {queueCapacity: 0}\n"
    )
    begins = ["p.yaml:4:1 error_policy: unknown error policy 'skp'", "p.yaml:5:11 runtime.queue_capacity: 0 is too small"]
    letters = shell.fluxion("lint", "p.yaml").err.splitlines()
    assert begins == [line[: len(begin)] for line, begin in zip(letters, begins, strict=True)]


def test_what_is_missing_hides_nothing_else(shell):
    shell.write("p.yaml", "stages: [{$mach: 1}]\n")
    begins = ["p.yaml id: 'id' is missing", "p.yaml source: ", "p.yaml sink: ", "p.yaml:1:11 stages[0].$mach: unknown stage"]
    letters = shell.fluxion("lint", "p.yaml").err.splitlines()
    assert begins == [line[: len(begin)] for line, begin in zip(letters, begins, strict=True)]


def test_every_file_is_checked(shell):
    shell.write("a.yaml", "id: a\nsource: fiel\nsink: stdout\n")
    outcome = shell.fluxion("lint", "missing.yaml", "a.yaml", shell.pipeline())
    assert 78 == outcome.code
    assert ["missing.yaml: cannot read missing.yaml: No such file or directory; check the path"] == outcome.err.splitlines()[:1]
    assert outcome.err.splitlines()[1].startswith("a.yaml:2:")
    assert outcome.out.startswith("p.yaml: ok: delivery exactly_once")


def test_a_good_file_is_told_what_streams_and_what_waits(shell):
    name = shell.pipeline(stages=[{"$match": {"a": 1}}, {"$sort": {"a": 1}}])
    outcome = shell.fluxion("lint", name)
    assert 0 == outcome.code
    assert ["streams", "waits for the end of input"] == [
        line.split(": ")[1].split(";")[0] for line in outcome.out.splitlines()[1:]
    ]


def test_what_needs_the_whole_input_is_refused_where_it_has_no_end(shell):
    name = shell.pipeline(source={"type": "generator"}, stages=[{"$sort": {"a": 1}}])
    outcome = shell.fluxion("lint", name)
    assert 78 == outcome.code
    assert "stages[0].$sort: " in outcome.err


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"dead_letter": "stdout"},
            "nothing goes to dead_letter: error_policy is fail_fast; set error_policy: dead_letter, or remove dead_letter",
        ),
        ({"dead_letter": "stdout", "error_policy": "skip"}, "nothing goes to dead_letter: error_policy is skip"),
        (
            {"stages": [{"$match": {"a": [{"b": "x ${STATUS:-paid}"}]}}]},
            "stages[0].$match.a[0].b: ${STATUS:-paid} is text like any other: nothing is taken from the environment in stages",
        ),
        ({"stages": [{"$set": {"x${NAME}": 1}}]}, "stages[0].$set.x${NAME}: ${NAME} is text like any other"),
        (
            {"stages": [{"$match": {}}, {"$group": {"_id": "shop", "n": {"$count": {}}}}]},
            "stages[1].$group._id: 'shop' is text, which makes one group of everything; write $shop for the field",
        ),
        (
            {"stages": [{"$group": {"_id": "$shop", "n": {"$sum": "total"}}}]},
            "stages[0].$group.n.$sum: 'total' is text, which is no number; write $total for the field",
        ),
    ],
)
def test_what_is_allowed_but_hardly_meant_is_noted(shell, parts, expected):
    name = shell.pipeline(**parts)
    outcome = shell.fluxion("lint", name)
    assert (0, f"{name}: note: {expected}") == (outcome.code, outcome.out.splitlines()[0][: len(f"{name}: note: {expected}")])
    assert f"note      {expected}" in shell.fluxion("explain", name).out


@pytest.mark.parametrize("text", ["shop\x1b[31m", "shop\nlint: ok", "s" * 5000])
def test_text_that_is_no_name_is_not_taken_for_that_of_a_field(shell, text):
    outcome = shell.fluxion("lint", shell.pipeline(stages=[{"$group": {"_id": text, "n": {"$sum": text}}}]))
    assert (0, False) == (outcome.code, "note:" in outcome.out)


def test_dead_letters_that_have_no_way_to_their_sink_are_a_warning_at_a_run(shell):
    shell.write("in.ndjson", "")
    outcome = shell.fluxion("run", shell.pipeline(dead_letter="stdout"))
    assert "WARNING fluxion.pipeline.p: nothing goes to dead_letter: error_policy is fail_fast; set" in outcome.err


@pytest.mark.parametrize(
    "parts",
    [
        {"dead_letter": "stdout", "error_policy": "dead_letter"},
        {"dead_letter": "stdout", "error_policy": {"retry": {"max_attempts": 2}, "then": "dead_letter"}},
        {"stages": [{"$set": {"a": "$${NAME}", "b": "${1}", "c": "${", "d": "$b"}}]},
        {"stages": [{"$group": {"_id": None, "n": {"$sum": 1}, "a": {"$avg": "$v"}, "f": {"$first": "text"}}}]},
        {"stages": [{"$group": {"_id": {"$literal": "all"}, "n": {"$sum": {"$toInt": "$v"}}}}]},
    ],
)
def test_what_is_meant_is_not_noted(shell, parts):
    assert "note" not in shell.fluxion("lint", shell.pipeline(**parts)).out


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (
            {"sink": {"type": "file", "path": "./x/../in.ndjson"}},
            "sink.path: is the file of source.path; give the sink a file of its own",
        ),
        ({"dead_letter": {"type": "file", "path": "in.ndjson"}}, "dead_letter.path: is the file of source.path"),
        ({"dead_letter": {"type": "file", "path": "out.ndjson"}}, "dead_letter.path: is the file of sink.path"),
        (
            {"error_policy": {"dead_letter": {"type": "file", "path": "out.ndjson"}}},
            "error_policy.dead_letter.path: is the file of sink.path; give dead letters a file of their own",
        ),
        ({"sink": {"type": "file", "path": "state.db", "append": True}}, "sink.path: is the file of state.path; give the sink"),
        ({"dead_letter": {"type": "file", "path": "state.db"}}, "dead_letter.path: is the file of state.path"),
        (
            {"state": {"type": "sqlite", "path": "in.ndjson"}},
            "state.path: is the file of source.path; give the state a file of its own",
        ),
        (
            {"collections": {"c": {"type": "file", "path": "out.ndjson"}}},
            "sink.path: is the file of collections.c.path; give the sink a file of its own",
        ),
    ],
)
def test_no_two_components_share_a_file(shell, parts, expected):
    """A pipeline that reads what it writes never ends."""
    outcome = shell.fluxion("lint", shell.pipeline(**parts))
    assert 78 == outcome.code
    assert expected in outcome.err


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_file_is_known_by_what_it_is_not_by_its_name(shell, link):
    target, other = shell.write("in.ndjson", ""), shell.folder / "out.ndjson"
    if link == "symbolic":
        other.symlink_to(target)
    else:
        other.hardlink_to(target)
    outcome = shell.fluxion("lint", shell.pipeline(sink={"type": "file", "path": "out.ndjson", "append": True}))
    assert 78 == outcome.code
    assert f"sink.path: is the file of source.path by another name ({other} is {target})" in outcome.err


def test_a_file_that_is_not_there_yet_is_known_by_where_its_path_leads(shell):
    (shell.folder / "here").symlink_to(shell.folder)
    outcome = shell.fluxion("lint", shell.pipeline(sink={"type": "file", "path": "here/in.ndjson"}))
    assert 78 == outcome.code
    assert (
        f"sink.path: is the file of source.path by another name ({shell.folder}/here/in.ndjson is {shell.folder}/in.ndjson)"
        in outcome.err
    )


def test_a_collection_may_be_read_from_the_file_of_the_source(shell):
    name = shell.pipeline(collections={"c": {"type": "file", "path": "in.ndjson"}})
    assert 0 == shell.fluxion("lint", name).code


def test_nothing_is_made_by_looking(shell):
    name = shell.pipeline(stages=[{"$match": {}}])
    assert 0 == shell.fluxion("lint", name).code == shell.fluxion("explain", name).code
    assert ["p.yaml"] == [path.name for path in shell.folder.iterdir()]


def test_explain_shows_the_plan_and_on_request_the_code(shell):
    name = shell.pipeline(stages=[{"$match": {"secretField": 1}}, {"$set": {"b": {"$add": ["$c", 1]}}}])
    plain, full = shell.fluxion("explain", name), shell.fluxion("explain", name, "--source")
    for line in ("pipeline  p", "sink      file (dedupe: batch)", "delivery  exactly_once: ", "emit      final", "plan"):
        assert line in plain.out
    assert "def " not in plain.out
    assert "def " in full.out
    assert "'secretField'" in full.out.partition("def ")[0]
    assert "secretField" not in full.out.partition("def ")[2]


@pytest.mark.parametrize("command", ["lint", "run"])
def test_more_processes_than_there_are_shares_of_the_keys_are_refused(shell, command):
    shell.write("in.ndjson", [{"n": 1}])
    outcome = shell.fluxion(command, shell.pipeline(runtime={"parallelism": 257}))
    assert 78 == outcome.code
    assert "runtime.parallelism: 257 is too large; expected at most 256" in outcome.err
