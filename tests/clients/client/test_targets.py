import pytest

from limen.client.targets import parse_targets


@pytest.mark.parametrize(
    ("given", "uri", "local"),
    [
        ("127.0.0.1:50051", "ipv4:127.0.0.1:50051", True),
        ("127.8.9.10:1", "ipv4:127.8.9.10:1", True),
        ("[::1]:50051", "ipv6:[::1]:50051", True),
        ("localhost:50051", "dns:///localhost:50051", True),
        ("LOCALHOST:50051", "dns:///localhost:50051", True),
        ("unix:/run/limen.sock", "unix:/run/limen.sock", True),
        ("unix:/run/a,b.sock", "unix:/run/a,b.sock", True),
        ("unix-abstract:limen", "unix-abstract:limen", True),
        ("dns:///localhost:1", "dns:///localhost:1", True),
        ("127.0.0.1:1, 127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2", True),
        (
            ["127.0.0.1:1", "127.0.0.1:2,127.0.0.1:3"],
            "ipv4:127.0.0.1:1,127.0.0.1:2,127.0.0.1:3",
            True,
        ),
        ("ipv4:10.0.0.1:1,10.0.0.2:1", "ipv4:10.0.0.1:1,10.0.0.2:1", False),
        (["[::1]:1", "[2001:db8::1]:1"], "ipv6:[::1]:1,[2001:db8::1]:1", False),
        ("127.0.0.1:1,10.0.0.1:1", "ipv4:127.0.0.1:1,10.0.0.1:1", False),
        ("limen.internal:50051", "dns:///limen.internal:50051", False),
        ("0.0.0.0:50051", "ipv4:0.0.0.0:50051", False),
        # Names that look local and are answered by whoever runs the name server.
        ("localhost.example.org:1", "dns:///localhost.example.org:1", False),
        ("127.0.0.1.example.org:1", "dns:///127.0.0.1.example.org:1", False),
        ("127.1:1", "dns:///127.1:1", False),
        ("dns://192.0.2.53/localhost:1", "dns://192.0.2.53/localhost:1", False),
    ],
)
def test_reads_an_address(given, uri, local):
    target = parse_targets(given)
    assert (target.uri, target.local) == (uri, local)


@pytest.mark.parametrize(
    "given",
    [
        "",
        [],
        " , ",
        "localhost",
        "127.0.0.1",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:x",
        ":50051",
        "http://127.0.0.1:8080",
        "https://limen.example.org:443",
        "xds:///limen",
        "127.0.0.1:50051/path",
        "127.0.0.1@192.0.2.1:50051",
        "[::1:50051",
        ["localhost:1", "localhost:2"],
        ["127.0.0.1:1", "[::1]:1"],
        ["unix:/a", "unix:/b"],
        "dns:",
    ],
)
def test_refuses_what_is_no_address(given):
    with pytest.raises(ValueError, match="target"):
        parse_targets(given)
