"""What may stand under ``error_policy``, and the letter for what may not."""

import pytest

from fluxion_core import ConfigError, ErrorPolicy, SinkConfig, load_pipeline
from fluxion_core.config.model import RetryPolicy


def loaded(tmp_path, policy, key="error_policy"):
    path = tmp_path / "p.yaml"
    path.write_text(f"id: p\nsource: {{type: generator, count: 1}}\nsink: stdout\n{key}: {policy}\n")
    return load_pipeline(path).error_policy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fail_fast", ErrorPolicy.fail_fast()),
        ("skip", ErrorPolicy.skip()),
        ("dead_letter", ErrorPolicy.dead_letter()),
        ("retry", ErrorPolicy.retry()),
        ("{dead_letter: {type: file, path: x}}", ErrorPolicy.dead_letter(SinkConfig("file", path="x"))),
        ("{retry: {maxAttempts: 7, backoff: 1}}", ErrorPolicy("fail_fast", RetryPolicy(max_attempts=7, backoff_seconds=1))),
        ("{retry: , then: skip}", ErrorPolicy.retry(then=ErrorPolicy.skip())),
    ],
)
def test_a_policy_is_read_in_all_its_spellings(tmp_path, text, expected):
    assert expected == loaded(tmp_path, text) == loaded(tmp_path, text, "errorPolicy")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("skp", "error_policy: unknown error policy 'skp'; did you mean 'skip'?"),
        ("{skip: true}", "error_policy: unknown error policy 'skip'; write error_policy: skip, and nothing beside it"),
        ("{retry: {}, thn: skip}", "error_policy.thn: unknown key 'thn' beside retry; did you mean 'then'?"),
        ("{retry: 5}", "error_policy.retry: a mapping of options was expected; write retry: {max_attempts: 5}"),
        ("{retry: {max_attempts: 2.5}}", "error_policy.retry.max_attempts: an integer was expected, not 2.5"),
        ("{retry: {max_attempts: x}}", "error_policy.retry.max_attempts: a number was expected, not 'x'"),
        ("{retry: {max_attempts: 0}}", "error_policy.retry: 'max_attempts' must be >= 1: 0"),
        ("{retry: {jiter: 1}}", "error_policy.retry.jiter: unknown option 'jiter'; did you mean 'jitter'?"),
        ("{retry: {}, then: {retry: {}}}", "error_policy.then: retry may not follow retry; give max_attempts a larger number"),
        ("{retry: {}, then: skp}", "error_policy.then: unknown error policy 'skp'; did you mean 'skip'?"),
    ],
)
def test_what_is_none_is_told(tmp_path, text, expected):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert expected in str(caught.value)


def test_a_mistyped_key_beside_retry_hides_nothing_within_it(tmp_path):
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "{retry: {max_attempt: 5}, thn: skip}")
    assert ["error_policy.thn", "error_policy.retry.max_attempt"] == [problem.path for problem in caught.value.problems]


def test_a_runner_is_a_name(tmp_path):
    with pytest.raises(ConfigError, match=r"runner: the name of a runner was expected, not \['local'\]"):
        loaded(tmp_path, "[local]", "runner")
