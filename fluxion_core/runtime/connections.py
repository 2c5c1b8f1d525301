"""The connections of a pipeline, held against what the installed operators take: before anything is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fluxion_core.config.model import snake_case_keys
from fluxion_core.errors import ConfigError, EvaluationError, Problem, did_you_mean
from fluxion_core.language import Form, Operator

__all__ = ["Connections"]


class Connections:
    """What the pipeline file says under ``connections``, and the operators that may ask for them."""

    def __init__(self, given: Mapping[str, Any], operators: Sequence[Operator | Form], base_dir: Path) -> None:
        self.options = {name: snake_case_keys(one) for name, one in given.items() if isinstance(one, Mapping)}
        self._given = given
        self._base_dir = base_dir
        asking = [operator for operator in operators if isinstance(operator, Operator) and not operator.pure]
        self._kinds = dict(operator.connection for operator in asking if operator.connection is not None)
        self._others = any(operator.connection is None for operator in asking)

    def problems(self) -> list[Problem]:
        """Return what is wrong with the connections themselves."""
        return [problem for name in self._given for problem in self._problems_of(name)]

    def _problems_of(self, name: str) -> Sequence[Problem]:
        where, given = f"connections.{name}", self.options.get(name)
        if given is None or not isinstance(given.get("type"), str):
            return [Problem(where, "a mapping with 'type' was expected", f"write {name}: {{type: http, ...}}")]
        kind = given["type"]
        if kind not in self._kinds:
            if self._others:
                return []  # an operator that does not say what it takes may take this
            known = f"known: {', '.join(sorted(self._kinds))}" if self._kinds else "pip install fluxion-enrich"
            return [Problem(f"{where}.type", f"unknown connection type '{kind}'", did_you_mean(kind, self._kinds) or known)]
        try:
            told = {key: value for key, value in given.items() if key != "type"}
            self._kinds[kind].parse(told, where=where, base_dir=self._base_dir)
        except ConfigError as error:
            return error.problems
        return []

    def checked(self, operator: Operator) -> Operator:
        """Return *operator* such that compiling it finds a connection that is not there, or of another type."""
        declared, check = operator.connection, operator.check
        if declared is None:
            return operator

        def checked(constants: Mapping[str, Any]) -> None:
            if check is not None:
                check(constants)
            if "connection" in constants:
                self._check_use(constants["connection"], declared[0])

        return msgspec.structs.replace(operator, check=checked)

    def _check_use(self, name: Any, kind: str) -> None:
        if not isinstance(name, str) or name not in self._given:
            hint = did_you_mean(str(name), self._given) or "declare it under connections:"
            raise EvaluationError(f"no connection is called '{name}'; {hint}")
        found = self.options.get(name, {}).get("type")
        if found != kind and found in self._kinds:
            raise EvaluationError(f"connection '{name}' is of type '{found}'; a connection of type '{kind}' was expected")
