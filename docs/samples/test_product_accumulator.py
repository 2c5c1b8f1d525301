"""The accumulator held to its contract, in ``$group``, in ``$setWindowFields`` and over restarts."""

import pytest
from product_accumulator import PRODUCT

from fluxion_core.testing.suites import AccumulatorCase, AccumulatorSuite


class TestProduct(AccumulatorSuite):
    @pytest.fixture
    def case(self) -> AccumulatorCase:
        return AccumulatorCase(accumulator=PRODUCT)
