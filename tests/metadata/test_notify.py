"""Processes that share a PostgreSQL database hear of each other's changes, also after it was away."""

from __future__ import annotations

import pytest
from background import background_log
from proxies import Proxy
from sqlalchemy import make_url

from hathi.metadata.database import Database
from hathi.model.errors import UnavailableError
from hathi.supervision import Backoff, Supervisor

TASK = "events of other processes"


@pytest.fixture
def proxy(postgres: str):
    url = make_url(postgres)
    with Proxy(url.host or "127.0.0.1", url.port or 5432) as proxy:
        proxy.url = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        yield proxy


def test_an_outage_is_one_line_and_another_when_it_is_over_and_nothing_is_missed(postgres: str, proxy) -> None:
    supervisor = Supervisor(backoff=Backoff(0.01, 0.02))
    other = Database.open(postgres)
    db = Database.open(proxy.url, supervisor=supervisor)
    try:
        with background_log() as lines, db.feed.subscribe("project/") as subscription:
            proxy.cut()
            while proxy.refused < 32:
                subscription.wait(0.01)
            subscription.wait(0)
            assert [failure.task for failure in supervisor.failures()] == [TASK]
            with other.write() as tx:
                tx.emit("project/p")
            proxy.mend()
            assert subscription.wait(60) == {"project/"}  # what was missed: look at everything
            with other.write() as tx:
                tx.emit("project/q")
            while "project/q" not in subscription.wait(60):
                pass
            assert supervisor.failures() == ()
        assert len(lines) < 12
        assert not any(traceback for _, traceback in lines)
        assert f"{TASK}: works again after" in lines[-1][0]
    finally:
        db.close()
        other.close()


def test_subscribers_are_not_woken_while_the_database_is_away(proxy) -> None:
    db = Database.open(proxy.url, supervisor=Supervisor(backoff=Backoff(0.01, 0.02)))
    try:
        with db.feed.subscribe("project/") as subscription:
            proxy.cut()
            woken = 0
            while proxy.refused < 8:
                woken += bool(subscription.wait(0.01))
            assert woken == 0
    finally:
        db.close()


def test_a_transaction_that_loses_its_connection_is_told_as_unavailable(proxy) -> None:
    db = Database.open(proxy.url)
    try:
        with pytest.raises(UnavailableError), db.write() as tx:
            proxy.cut()
            tx.connection.exec_driver_sql("SELECT 1")
    finally:
        db.close()
