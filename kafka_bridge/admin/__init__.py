"""The bridge in each service's Django admin: dead letters, inbox, outbox and lanes."""

from kafka_bridge.admin.dead_letters import DeadLetterAdmin
from kafka_bridge.admin.inbox import InboxEventAdmin
from kafka_bridge.admin.lanes import LaneAdmin
from kafka_bridge.admin.outbox import OutboxEventAdmin

__all__ = ["DeadLetterAdmin", "InboxEventAdmin", "LaneAdmin", "OutboxEventAdmin"]
