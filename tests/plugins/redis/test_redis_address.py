import pytest

from facilitator_redis.address import Address, Form, parse_address


@pytest.mark.parametrize(
    ("url", "address", "text"),
    [
        (
            "redis://127.0.0.1",
            Address(Form.SINGLE, False, (("127.0.0.1", 6379),)),
            "127.0.0.1:6379",
        ),
        (
            "redis://redis.example:7000/3",
            Address(Form.SINGLE, False, (("redis.example", 7000),), database=3),
            "redis.example:7000",
        ),
        (
            "redis://:p%40ss%2Fword@[::1]:7000/",
            Address(Form.SINGLE, False, (("::1", 7000),), password="p@ss/word"),
            "[::1]:7000",
        ),
        (
            "rediss://us%3Aer:pass@redis.example?ssl_ca_certs=/etc/ca.pem",
            Address(
                Form.SINGLE,
                True,
                (("redis.example", 6379),),
                "us:er",
                "pass",
                options={"ssl_ca_certs": "/etc/ca.pem"},
            ),
            "redis.example:6379",
        ),
        (
            "redis+sentinel://user:pass@one,two:5000/main/2?sentinel_password=other",
            Address(
                Form.SENTINEL,
                False,
                (("one", 26379), ("two", 5000)),
                "user",
                "pass",
                2,
                "main",
                {"sentinel_password": "other"},
            ),
            "one:26379, two:5000 (service main)",
        ),
        (
            "rediss+sentinel://one/main",
            Address(Form.SENTINEL, True, (("one", 26379),), service="main"),
            "one:26379 (service main)",
        ),
        (
            "redis+cluster://:pass@one:7000,two:7001,three",
            Address(
                Form.CLUSTER, False, (("one", 7000), ("two", 7001), ("three", 6379)), None, "pass"
            ),
            "one:7000, two:7001, three:6379",
        ),
        (
            "rediss+cluster://one/0",
            Address(Form.CLUSTER, True, (("one", 6379),)),
            "one:6379",
        ),
    ],
)
def test_every_form_of_address(url: str, address: Address, text: str) -> None:
    assert parse_address(url) == address
    assert str(parse_address(url)) == text
    assert "pass" not in repr(address)
    assert "other" not in repr(address)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("http://:hidden@redis.example", "must begin with redis://"),
        ("redis+other://:hidden@redis.example", "must begin with redis://"),
        ("hidden", "must begin with redis://"),
        ("redis://:hidden@", "must name a host"),
        ("redis://:hidden@redis.example:port", "must name a host"),
        ("redis://:hidden@redis.example:99999", "must name a host"),
        ("redis://:hid#den@redis.example", "must have / ? #"),
        ("redis://:hid/den@redis.example:6379/0", "must have / ? #"),
        ("redis://:hid?den@redis.example/0", "must have / ? #"),
        ("redis://admin:12/hidden@redis.example/0", "must have / ? #"),
        ("redis://admin:12?hidden@redis.example/0", "must have / ? #"),
        ("redis://admin:12#hidden@redis.example/0", "must have / ? #"),
        ("redis+sentinel://admin:12?hidden@one,two/main", "must have / ? #"),
        ("redis://:hidden@[::1", "must be a URL"),
        ("redis+cluster://:hidden@one,,two", "must name a host"),
        ("redis://:hidden@one,two", "names several hosts"),
        ("redis://:hidden@redis.example/name", "must name the database by its number"),
        ("redis://:hidden@redis.example/name/0", "must end with the number of the database"),
        ("redis+sentinel://:hidden@one,two", "must end with the service's name"),
        ("redis+sentinel://:hidden@one/main/zero", "must name the database by its number"),
        ("redis+cluster://:hidden@one/1", "must not name a database"),
        ("redis://:hidden@redis.example?timeout=hidden", "an option that is not known"),
        ("redis://redis.example?ssl_ca_certs=hidden", "(for this form: none)"),
        ("rediss://redis.example?password=hidden", "(for this form: ssl_ca_certs, ssl_certfile"),
        ("rediss+cluster://one?sentinel_password=hidden", "an option that is not known"),
    ],
)
def test_what_is_no_address_is_refused_without_being_quoted(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"^(must|names|has) ") as caught:
        parse_address(url)
    assert complaint in str(caught.value)
    assert "hid" not in str(caught.value)
