"""How often something may happen."""

from embedsync.bucket import Bucket, bursting


def test_a_bucket_holds_so_many_and_fills_up_evenly() -> None:
    bucket = Bucket(rate=2, most=3, now=10)
    assert [bucket.take(10) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(10.4)
    assert bucket.take(10.5)
    assert not bucket.take(10.5)


def test_a_bucket_keeps_no_more_than_it_holds() -> None:
    bucket = Bucket(rate=2, most=3, now=0)
    assert [bucket.take(1e9) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_was_set_back_gives_nothing() -> None:
    bucket = Bucket(rate=1, most=1, now=100)
    assert bucket.take(100)
    assert not bucket.take(0)
    assert bucket.take(1)


def test_what_a_network_held_up_may_come_together() -> None:
    bucket = bursting(10, now=0)
    assert sum(bucket.take(0) for _ in range(100)) == 50
    assert bursting(0.01, now=0).take(0)
