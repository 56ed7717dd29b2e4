"""Whether consumers have their partitions."""

from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from devstack.waiting import wait_until


def wait_until_stable(bootstrap_servers: str, groups: list[str], *, seconds: float = 60) -> None:
    """Wait until the members of each consumer group have their partitions.

    Raises:
        DeadlinePassedError: a group has no member, or is still being balanced.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def stable() -> bool:
        described = admin.describe_consumer_groups(groups, request_timeout=10)
        states = [group.result().state for group in described.values()]
        return all(state == ConsumerGroupState.STABLE for state in states)

    wait_until(stable, what=f"consumers of {', '.join(groups)}", seconds=seconds, every=0.1)
