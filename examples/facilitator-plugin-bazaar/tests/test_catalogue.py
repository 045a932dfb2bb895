"""The catalogue's file, and the URLs that it takes."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from facilitator_bazaar.catalogue import Catalogue
from facilitator_bazaar.listing import Listing
from facilitator_bazaar.settings import BazaarSettings
from facilitator_bazaar.urls import is_below, public_url

LISTING = Listing("https://shop.example/", "net", "merchant", "lovelace", '{"resource":1}', "{}")


class Now:
    time = 1_765_000_000.0

    def __call__(self):
        return self.time


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def open_catalogue(tmp_path, now):
    with ExitStack() as stack:

        def open_one(**settings):
            given = BazaarSettings(path=str(tmp_path / "bazaar.db"), **settings)
            return stack.enter_context(closing(Catalogue(given, now)))

        yield open_one


def numbered(number):
    return replace(LISTING, url=f"https://shop.example/{number}", item=f'{{"resource":{number}}}')


def test_several_processes_may_make_the_file_at_once(tmp_path, now):
    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            settings = BazaarSettings(path=str(tmp_path / f"{number}.db"))
            for catalogue in pool.map(lambda given: Catalogue(given, now), [settings] * 4):
                catalogue.close()


def test_pages_follow_the_order_in_which_resources_came(open_catalogue):
    catalogue, other = open_catalogue(), open_catalogue()
    for number in range(5):
        assert (catalogue, other)[number % 2].put(numbered(number))
    page = catalogue.page(2, 1, None, None)
    assert ([item["resource"] for item in page.items], page.total) == ([1, 2], 5)
    assert catalogue.page(2, 9, None, None) == ([], 5)
    assert catalogue.page(9, 0, "net", "merchant").total == 5
    assert catalogue.page(9, 0, "other", None).total == 0


def test_another_recipient_has_an_item_of_its_own(open_catalogue):
    catalogue = open_catalogue()
    catalogue.put(LISTING)
    catalogue.put(replace(LISTING, pay_to="another", terms='{"payTo":"another"}'))
    assert [item["accepts"] for item in catalogue.page(9, 0, None, None).items] == [
        [{}],
        [{"payTo": "another"}],
    ]


def test_a_resource_keeps_a_few_terms(open_catalogue, now):
    catalogue = open_catalogue()
    for number in range(12):
        now.time += 1
        catalogue.put(replace(LISTING, asset=f"{number:02}", terms=f'{{"amount":{number}}}'))
    (item,) = catalogue.page(9, 0, None, None).items
    assert [terms["amount"] for terms in item["accepts"]] == list(range(4, 12))


def test_one_recipient_takes_not_all_of_the_room(open_catalogue):
    catalogue = open_catalogue(max_per_recipient=2, max_resources=3)
    assert [catalogue.put(numbered(number)) for number in range(3)] == [True, True, False]
    assert catalogue.put(replace(numbered(1), item="{}"))  # what is there may change
    assert catalogue.put(replace(LISTING, pay_to="another"))
    assert not catalogue.has_room(replace(LISTING, pay_to="a third"))


def test_what_no_one_pays_for_is_listed_no_longer(open_catalogue, now):
    catalogue = open_catalogue(keep_days=1, max_resources=1)
    catalogue.put(LISTING)
    now.time += 86_401
    assert not catalogue.has(LISTING)
    assert catalogue.page(9, 0, None, None) == ([], 0)
    assert catalogue.put(replace(LISTING, pay_to="another"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://Shop.Example./a%20b?key=1#top", "https://shop.example/a%20b"),
        ("http://shop.example:8080", "http://shop.example:8080/"),
        ("https://93.184.216.34/x", "https://93.184.216.34/x"),
        ("https://[2606:2800::1]/x", "https://[2606:2800::1]/x"),
    ],
)
def test_urls_are_listed_without_query(text, expected):
    assert public_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "/path",
        "ftp://shop.example/",
        "javascript://shop.example/%0aalert(1)",
        "https://user@shop.example/",
        "https://@shop.example/",
        "https://shop.example\\@evil.example/",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example/\n",
        "https://shop.example/ a",
        'https://shop.example/"><script>',
        "https://sh\u00f6p.example/",
        "https://localhost/",
        "https://shop/",
        "https://printer.local/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://shop..example/",
        "https://" + "a" * 2_048 + ".example/",
    ],
)
def test_other_urls_are_not_listed(text):
    assert public_url(text) is None


def test_hosts_are_those_named_and_below():
    assert is_below("https://any.example/", ())
    assert is_below("https://api.shop.example/", ("Shop.example",))
    assert not is_below("https://notshop.example/", ("shop.example",))
