"""Requests about the cluster and its topics: versions, metadata, coordinators, creation and deletion."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from fluxion_connect_kafka.testing.broker.cluster import Call, Cluster, Handler, code_of
from fluxion_connect_kafka.testing.broker.codes import Code, Refused
from fluxion_connect_kafka.testing.broker.topics import Topic
from fluxion_connect_kafka.testing.broker.wire import APIS, Fields

__all__ = ["HANDLERS", "NODE_ID"]

NODE_ID = 1
_NO_ID = uuid.UUID(int=0)
_TOPIC_CONFIG_SOURCE = 1
_STRING_TYPE = 2
_SAYS_AUTO_CREATE = 4
_SEVERAL_COORDINATORS = 4
_TOPICS_AS_OBJECTS = 6


async def api_versions(cluster: Cluster, call: Call) -> Fields:
    """Name the requests that are answered."""
    del cluster
    keys = [{"api_key": api.key, "min_version": api.oldest, "max_version": api.newest} for api in APIS.values()]
    return {"error_code": call.error, "api_keys": sorted(keys, key=lambda key: key["api_key"])}


async def metadata(cluster: Cluster, call: Call) -> Fields:
    """Describe the node and the wanted topics; a topic may come into being by being asked for."""
    request = call.request
    every = request.topics is None or (call.version == 0 and not request.topics)
    names = [topic.name for topic in cluster.topics] if every else [topic.name for topic in request.topics]
    may_create = call.version < _SAYS_AUTO_CREATE or request.allow_auto_topic_creation
    return {
        "brokers": [{"node_id": NODE_ID, "host": cluster.host, "port": cluster.port, "rack": None}],
        "cluster_id": "fluxion-small-broker",
        "controller_id": NODE_ID,
        "topics": [_topic(cluster, call.error, name, may_create=may_create) for name in names],
    }


def _topic(cluster: Cluster, error: Code, name: str, *, may_create: bool) -> Fields:
    topic = cluster.topics.get(name)
    code = error
    if topic is None and not code:
        try:
            topic = cluster.topic_or_new(name) if may_create else None
            code = Code.NONE if topic else Code.UNKNOWN_TOPIC_OR_PARTITION
        except Refused as refused:
            code = refused.code
    return {
        "error_code": code, "name": name, "topic_id": topic.id if topic else _NO_ID, "is_internal": False,
        "partitions": [_partition(index) for index in range(len(topic.partitions) if topic else 0)],
    }  # fmt: skip


def _partition(index: int) -> Fields:
    return {
        "error_code": Code.NONE, "partition_index": index, "leader_id": NODE_ID, "leader_epoch": 0,
        "replica_nodes": [NODE_ID], "isr_nodes": [NODE_ID], "offline_replicas": [],
    }  # fmt: skip


async def describe_cluster(cluster: Cluster, call: Call) -> Fields:
    """Describe the node."""
    node = {"broker_id": NODE_ID, "host": cluster.host, "port": cluster.port, "rack": None}
    return {
        "error_code": call.error, "error_message": None, "cluster_id": "fluxion-small-broker", "controller_id": NODE_ID,
        "brokers": [node],
    }  # fmt: skip


async def find_coordinator(cluster: Cluster, call: Call) -> Fields:
    """Name the node as the coordinator of every group and transaction."""
    node = {
        "node_id": NODE_ID, "host": cluster.host, "port": cluster.port, "error_code": call.error, "error_message": None,
    }  # fmt: skip
    if call.version < _SEVERAL_COORDINATORS:
        return node
    return {"coordinators": [{"key": key, **node} for key in call.request.coordinator_keys]}


async def create_topics(cluster: Cluster, call: Call) -> Fields:
    """Create topics."""
    return {"topics": [_create(cluster, call, wanted) for wanted in call.request.topics]}


def _create(cluster: Cluster, call: Call, wanted: Any) -> Fields:
    count = wanted.num_partitions if wanted.num_partitions > 0 else len(wanted.assignments) or 1
    settings = {setting.name: setting.value for setting in wanted.configs}
    topic: Topic | None = None

    def create() -> None:
        nonlocal topic
        call.check()
        if cluster.topics.get(wanted.name) is not None:
            raise Refused(Code.TOPIC_ALREADY_EXISTS)
        if not call.request.validate_only:
            topic = cluster.topics.create(wanted.name, count, settings)

    code = code_of(create)
    return {
        "name": wanted.name, "topic_id": topic.id if topic else _NO_ID, "error_code": code, "error_message": None,
        "num_partitions": count, "replication_factor": 1, "configs": [],
    }  # fmt: skip


async def delete_topics(cluster: Cluster, call: Call) -> Fields:
    """Delete topics."""
    request = call.request
    names = [t.name for t in request.topics] if call.version >= _TOPICS_AS_OBJECTS else request.topic_names
    return {"responses": [_delete(cluster, call, name) for name in names]}


def _delete(cluster: Cluster, call: Call, name: str) -> Fields:
    topic = cluster.topics.get(name)
    code = call.error or code_of(lambda: cluster.topics.delete(name))
    return {"name": name, "topic_id": topic.id if topic else _NO_ID, "error_code": code, "error_message": None}


async def create_partitions(cluster: Cluster, call: Call) -> Fields:
    """Give topics more partitions."""
    results = [
        {"name": wanted.name, "error_code": call.error or _grow(cluster, wanted), "error_message": None}
        for wanted in call.request.topics
    ]
    return {"results": results}


def _grow(cluster: Cluster, wanted: Any) -> Code:
    topic = cluster.topics.get(wanted.name)
    return code_of(lambda: topic.grow(wanted.count)) if topic else Code.UNKNOWN_TOPIC_OR_PARTITION


async def describe_configs(cluster: Cluster, call: Call) -> Fields:
    """Show the settings that topics were created with."""
    return {"results": [_settings(cluster, call.error, resource) for resource in call.request.resources]}


def _settings(cluster: Cluster, error: Code, resource: Any) -> Fields:
    topic = cluster.topics.get(resource.resource_name)
    return {
        "error_code": error, "error_message": None, "resource_type": resource.resource_type,
        "resource_name": resource.resource_name,
        "configs": [_setting(name, value) for name, value in (topic.settings if topic else {}).items()],
    }  # fmt: skip


def _setting(name: str, value: str) -> Fields:
    return {
        "name": name, "value": value, "read_only": False, "config_source": _TOPIC_CONFIG_SOURCE, "is_default": False,
        "is_sensitive": False, "synonyms": [], "config_type": _STRING_TYPE, "documentation": None,
    }  # fmt: skip


HANDLERS: Mapping[str, Handler] = {
    "ApiVersions": api_versions,
    "Metadata": metadata,
    "DescribeCluster": describe_cluster,
    "FindCoordinator": find_coordinator,
    "CreateTopics": create_topics,
    "DeleteTopics": delete_topics,
    "CreatePartitions": create_partitions,
    "DescribeConfigs": describe_configs,
}
