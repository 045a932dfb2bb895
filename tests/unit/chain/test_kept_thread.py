"""The follower's thread where the system gives no further one."""

import threading

import pytest

from facilitator.chain.follower import Follower
from facilitator.chain.kept_thread import KeptThread
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.clock import ManualClock
from facilitator.testing.running import NETWORK, NOW
from facilitator.testing.waiting import eventually
from facilitator_devnet.devnet import Devnet


def no_thread(thread: threading.Thread) -> None:
    raise RuntimeError(f"can't start {thread.name}")


def test_it_starts_once_and_ends() -> None:
    ran, go_on = threading.Semaphore(0), threading.Event()

    def run() -> None:
        ran.release()
        assert go_on.wait(60)

    thread = KeptThread(run, "one")
    thread.join()
    thread.start()
    thread.start()
    assert ran.acquire(timeout=60)
    assert not thread.has_ended
    go_on.set()
    thread.join()
    assert thread.has_ended
    thread.start()
    assert not ran.acquire(blocking=False)


def test_without_a_thread_the_chain_is_followed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it could not be followed is no verdict, and forgotten when there is a thread."""
    devnet = Devnet(NETWORK, ManualClock(NOW))
    faults: list[BaseException] = []
    follower = Follower(devnet, ManualClock(NOW), faults.append)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", no_thread)
            with pytest.raises(ChainUnavailable, match="no further thread"):
                follower.follow()
            assert follower.tip is None
        tip = follower.follow()
        devnet.produce_block()
        eventually(lambda: follower.tip != tip)
    finally:
        follower.close()
        devnet.close()
    assert faults == []
