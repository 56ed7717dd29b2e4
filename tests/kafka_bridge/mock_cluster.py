"""librdkafka's mock cluster, which fails on demand, through the library that the client brings.

https://github.com/confluentinc/librdkafka/blob/v2.16.0/src/rdkafka_mock.h
"""

import ctypes
from pathlib import Path
from typing import Final

import confluent_kafka

PRODUCE: Final = 0
"""The request's number in Kafka's protocol."""

_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_FUNCTIONS: Final = {
    "rd_kafka_conf_new": ([], _POINTER),
    "rd_kafka_new": ([_INT, _POINTER, _TEXT, ctypes.c_size_t], _POINTER),
    "rd_kafka_destroy": ([_POINTER], None),
    "rd_kafka_mock_cluster_new": ([_POINTER, _INT], _POINTER),
    "rd_kafka_mock_cluster_destroy": ([_POINTER], None),
    "rd_kafka_mock_cluster_bootstraps": ([_POINTER], _TEXT),
    "rd_kafka_mock_topic_create": ([_POINTER, _TEXT, _INT, _INT], _INT),
    "rd_kafka_mock_push_request_errors_array": (
        [_POINTER, ctypes.c_int16, ctypes.c_size_t, _POINTER],
        None,
    ),
    "rd_kafka_mock_broker_set_down": ([_POINTER, ctypes.c_int32], _INT),
    "rd_kafka_mock_broker_set_up": ([_POINTER, ctypes.c_int32], _INT),
}


class MockCluster:
    """A cluster of one broker in this process."""

    def __init__(self) -> None:
        self._library = _library()
        text = ctypes.create_string_buffer(512)
        self._client = self._library.rd_kafka_new(
            0, self._library.rd_kafka_conf_new(), text, len(text)
        )
        assert self._client, text.value
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        self.bootstrap_servers = self._library.rd_kafka_mock_cluster_bootstraps(
            self._cluster
        ).decode()

    def create_topic(self, name: str, partitions: int = 3) -> None:
        assert (
            self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
            == 0
        )

    def fail(self, request: int, *errors: int) -> None:
        """Answer the next requests of this kind with these error codes."""
        codes = (_INT * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, request, len(errors), codes
        )

    def go_down(self) -> None:
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def come_up(self) -> None:
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    (file,) = folder.glob("librdkafka-*.so*")
    library = ctypes.CDLL(str(file))
    for name, (arguments, result) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    return library
