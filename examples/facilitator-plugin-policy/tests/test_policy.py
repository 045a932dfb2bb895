"""The policy in a facilitator that runs."""

from hashlib import blake2b

import pytest

from facilitator.plugin import PaymentView, Requirements, Terms
from facilitator.x402.networks import PREPROD
from facilitator_policy import plugin


def run(run_facilitator, tmp_path, **settings):
    own = {f"policy__{name}": value for name, value in settings.items()}
    return run_facilitator(
        plugins="devnet,memory,policy", policy__path=str(tmp_path / "policy.db"), **own
    )


def key_hash(wallet):
    return blake2b(bytes(wallet.payment_key.verify_key), digest_size=28).hexdigest()


def refusal(running, body):
    """The reason that both endpoints give."""
    reason = running.verify(body).get("invalidReason")
    assert running.settle(body)["errorReason"] == reason
    return reason


def with_resource(body, url):
    resource = {"url": url, "description": "", "mimeType": "text/plain"}
    return {**body, "paymentPayload": {**body["paymentPayload"], "resource": resource}}


def test_without_settings_everything_passes(run_facilitator, make_payer, tmp_path):
    assert make_payer(run(run_facilitator, tmp_path)).pay()["success"]
    assert not (tmp_path / "policy.db").exists()


@pytest.mark.parametrize("by_address", [True, False])
def test_a_denied_payer_is_refused_and_others_pass(
    run_facilitator, make_payer, devnet_wallets, tmp_path, by_address
):
    alice, bob = devnet_wallets["alice"], devnet_wallets["bob"]
    running = run(
        run_facilitator, tmp_path, deny_payers=alice.bech32 if by_address else key_hash(alice)
    )
    assert refusal(running, make_payer(running).body()) == "policy_payer_refused"
    assert make_payer(running, bob).pay()["success"]


def test_only_payers_of_the_list_pass(run_facilitator, make_payer, devnet_wallets, tmp_path):
    running = run(run_facilitator, tmp_path, allow_payers=devnet_wallets["bob"].bech32)
    assert refusal(running, make_payer(running).body()) == "policy_payer_refused"
    assert make_payer(running, devnet_wallets["bob"]).pay()["success"]


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("deny_pay_to", "policy_recipient_refused"),
        ("allow_pay_to", "policy_recipient_refused"),
        ("deny_assets", "policy_asset_refused"),
        ("allow_assets", "policy_asset_refused"),
        ("allow_callers", "policy_caller_refused"),
    ],
)
def test_lists_of_what_the_resource_server_asks(
    run_facilitator, make_payer, devnet_wallets, tmp_path, setting, reason
):
    values = {
        "deny_pay_to": devnet_wallets["merchant"].bech32,
        "allow_pay_to": devnet_wallets["carol"].bech32,
        "deny_assets": "lovelace",
        "allow_assets": "ab" * 28 + ".cd",
        "allow_callers": "shop",
    }
    running = run(run_facilitator, tmp_path, **{setting: values[setting]})
    assert refusal(running, make_payer(running).body()) == reason


def test_resources_are_judged_by_the_beginning(run_facilitator, make_payer, tmp_path):
    running = run(
        run_facilitator,
        tmp_path,
        allow_resources="https://shop.example/",
        deny_resources="https://shop.example/secret",
    )
    body = make_payer(running).body()
    assert refusal(running, body) == "policy_resource_refused"
    for url in ("https://shop.example.evil/", "https://shop.example/secret/1"):
        assert refusal(running, with_resource(body, url)) == "policy_resource_refused"
    assert running.verify(with_resource(body, "https://shop.example/1"))["isValid"]


def test_a_payer_reaches_the_ceiling_of_the_day(
    run_facilitator, make_payer, devnet_wallets, tmp_path
):
    running = run(run_facilitator, tmp_path, max_per_day="5000000 lovelace")
    payer = make_payer(running)
    assert payer.pay(amount=3_000_000)["success"]
    assert refusal(running, payer.body(amount=2_000_001)) == "policy_daily_ceiling"
    assert payer.pay(amount=2_000_000)["success"]
    assert make_payer(running, devnet_wallets["bob"]).pay(amount=5_000_000)["success"]


def test_a_payment_that_is_refused_later_does_not_count_for_long(
    run_facilitator, make_payer, tmp_path
):
    running = run(run_facilitator, tmp_path, max_per_day="5000000 lovelace")
    payer = make_payer(running)
    expired = payer.body(amount=4_000_000, seconds=-100)
    assert not running.settle(expired)["success"]
    assert refusal(running, payer.body(amount=2_000_000)) == "policy_daily_ceiling"
    running.clock.advance(61)
    assert payer.pay(amount=2_000_000)["success"]


@pytest.mark.parametrize(
    ("setting", "value", "complaint"),
    [
        ("deny_payers", "no key", "deny_payers"),
        ("allow_pay_to", "addr_test1", "allow_pay_to"),
        ("max_per_day", "5 ada", "neither lovelace nor"),
        ("max_per_day", "lovelace", "not an amount and an asset"),
    ],
)
def test_wrong_settings_stop_the_start(run_facilitator, tmp_path, setting, value, complaint):
    with pytest.raises(Exception, match=complaint):
        run(run_facilitator, tmp_path, **{setting: value})


def voucher(to):
    """Return a message without a transaction, as of a channel that was opened anywhere."""
    asked = ("batch-settlement", PREPROD.id, "1000", "lovelace", to.bech32, 300, {})
    return PaymentView("", Terms(PREPROD, None, 1000, to.address, 300, 1, "", Requirements(*asked)))


def test_a_message_without_a_transaction_is_judged_by_its_terms(
    run_facilitator, devnet_wallets, tmp_path
):
    alice, bob = devnet_wallets["alice"], devnet_wallets["bob"]
    run(run_facilitator, tmp_path, deny_pay_to=bob.bech32)
    assert plugin.before_verify(voucher(alice)) is None
    assert plugin.before_verify(voucher(bob)).reason == "policy_recipient_refused"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("allow_payers", "policy_payer_refused"),
        ("deny_payers", "policy_payer_refused"),
        ("max_per_day", "policy_daily_ceiling"),
    ],
)
def test_a_message_without_a_known_payer_passes_no_rule_on_payers(
    run_facilitator, devnet_wallets, tmp_path, setting, reason
):
    alice = devnet_wallets["alice"]
    value = "1000000 lovelace" if setting == "max_per_day" else alice.bech32
    run(run_facilitator, tmp_path, **{setting: value})
    assert plugin.before_verify(voucher(alice)).reason == reason
