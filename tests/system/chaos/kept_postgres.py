"""Runs whose claims are in PostgreSQL, and what can befall its servers."""

import time

from chaos.kept import Kept
from chaos.plan import Trouble, Upset
from support.postgres_servers import USER, PostgresServer, wait_for_standby
from support.postgres_storages import open_postgres


class KeptInPostgres(Kept):
    """On one server."""

    plugin = "postgres"

    def __init__(self, url: str, server: PostgresServer) -> None:
        super().__init__({"FACILITATOR_POSTGRES__URL": url}, lambda: open_postgres(url))
        self.server = server

    def suffer(self, trouble: Trouble) -> None:
        match trouble.upset:
            case Upset.RESTART:
                self.server.kill()
                time.sleep(trouble.seconds / 4)
                self.server.start()
            case Upset.PAUSE:
                self.server.pause()
                time.sleep(trouble.seconds)
                self.server.resume()
            case _:
                super().suffer(trouble)


class KeptWithStandby(KeptInPostgres):
    """On a primary and its standby, which has each claim before the primary confirms it.

    A primary that is killed is followed by its standby, and loses nothing.
    """

    def __init__(self, primary: PostgresServer, standby: PostgresServer) -> None:
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        super().__init__(f"postgresql://{USER}@{hosts}/postgres", primary)
        self._standby = standby

    def close(self) -> None:
        for each in (self.server, self._standby):
            each.close()

    def suffer(self, trouble: Trouble) -> None:
        if trouble.upset is not Upset.LOSE_PRIMARY:
            super().suffer(trouble)
            return
        lost, self.server = self.server, self._standby
        lost.kill()
        time.sleep(trouble.seconds / 4)
        self.server.promote()
        lost.close()
        self._standby = PostgresServer(standby_of=self.server, port=lost.port)
        wait_for_standby(self.server)
