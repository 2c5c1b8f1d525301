"""What this distribution registers with Fluxion."""

from __future__ import annotations

from fluxion_core.hookspecs import hookimpl
from fluxion_core.language import Operator
from fluxion_enrich.http_call import HTTP_CALL
from fluxion_enrich.sql_query import SQL_QUERY

FLUXION_SPI = (1, 0)


@hookimpl
def fluxion_register_operators() -> list[Operator]:
    """Return the two operators."""
    return [HTTP_CALL, SQL_QUERY]
