"""The one place that talks to Kafka: everything else sees records, not librdkafka."""

from kafka_bridge.broker.clients import MAX_DEAD_LETTER_BYTES, MAX_RECORD_BYTES, BrokerError
from kafka_bridge.broker.consumer import BrokerConsumer
from kafka_bridge.broker.offsets import PartitionOffsets, group_offsets
from kafka_bridge.broker.producer import BrokerProducer, Produced
from kafka_bridge.broker.retained import retained_records
from kafka_bridge.broker.topics import ExistingTopic, create_topics

__all__ = [
    "MAX_DEAD_LETTER_BYTES",
    "MAX_RECORD_BYTES",
    "BrokerConsumer",
    "BrokerError",
    "BrokerProducer",
    "ExistingTopic",
    "PartitionOffsets",
    "Produced",
    "create_topics",
    "group_offsets",
    "retained_records",
]
