"""The main job from Python: run with a file of orders and a file for results."""

import sys

from fluxion_core import PipelineDefinition, PipelineOrchestrator, SinkConfig, SourceConfig


def main(orders: str, results: str) -> None:
    definition = PipelineDefinition(
        id="orders-ltv",
        source=SourceConfig("file", path=orders),
        stages=[
            {"$match": {"status": "PAID"}},
            {"$group": {"_id": "$customerId", "orderCount": {"$count": {}}, "lifetimeValue": {"$sum": "$orderValue"}}},
        ],
        sink=SinkConfig("file", path=results),
    )
    handle = PipelineOrchestrator().run(definition)  # returns at once
    handle.wait()
    print(handle.metrics().snapshot()["ledger"])


if __name__ == "__main__":
    main(*sys.argv[1:])
