import socket

from devstack.ports import HOST, Ports, is_free


def listening() -> socket.socket:
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen()
    return server


class TestPorts:
    def test_second_start_gets_the_same_port(self, tmp_path):
        port = Ports(tmp_path / "ports.json").get("kafka")

        assert Ports(tmp_path / "ports.json").get("kafka") == port

    def test_second_start_gets_another_port_when_the_first_is_taken(self, tmp_path):
        with listening() as server:
            taken = server.getsockname()[1]
            (tmp_path / "ports.json").write_text(f'{{"kafka": {taken}}}')

            port = Ports(tmp_path / "ports.json").get("kafka")

        assert port != taken
        assert is_free(port)

    def test_names_get_different_ports(self, tmp_path):
        ports = Ports(tmp_path / "ports.json")

        assert ports.get("one", preferred=25_000) != ports.get("two", preferred=25_000)

    def test_port_in_use_is_not_free(self):
        with listening() as server:
            assert not is_free(server.getsockname()[1])
