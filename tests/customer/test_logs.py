import logging
import logging.config

import pytest

from kafka_bridge.conf.logging import logging_config

SECRET = "pi_1_secret_of_somebody"


@pytest.fixture(params=[True, False], ids=["json", "console"])
def formatter(request):
    config = logging_config(level="INFO", json=request.param)["formatters"]["structured"]
    return logging.config.DictConfigurator({}).configure_formatter(dict(config))


def fail():
    client_secret = SECRET
    raise LookupError(str(len(client_secret)))


class TestTracebacks:
    def test_show_the_error_and_no_variables(self, formatter, caplog):
        try:
            fail()
        except LookupError:
            logging.getLogger("test").exception("failed")

        written = formatter.format(caplog.records[0])

        assert "LookupError" in written
        assert "in fail" in written or '"fail"' in written
        assert SECRET not in written
