"""One start of the scheduler, wired as `services.scheduler.app` wires it, between the models."""

from collections.abc import Coroutine
from random import Random
from typing import Any, cast

from services.scheduler.announcer import Announcer
from services.scheduler.claims import Claims
from services.scheduler.dispatcher import Dispatcher
from services.scheduler.ledger import Ledger
from services.scheduler.reaper import Reaper
from services.scheduler.relay import Relay
from services.scheduler.results import Results
from services.scheduler.settings import SchedulerSettings
from services.scheduler.wakeup import News
from shared.broker import Consumer, Publisher, Requests
from shared.db.engine import Sessions
from tests.simulation.courier import ConsumerModel, CourierModel, PublisherModel, RequestsModel
from tests.simulation.crew import KEY
from tests.simulation.life import Life

SETTINGS = SchedulerSettings(amqp_url="amqp://simulated")


class Process:
    """The scheduler's loops, running. Nobody listens to its announcements, which promise nothing."""

    def __init__(self, life: Life, sessions: Sessions, courier: CourierModel, random: Random) -> None:
        publisher = cast("Publisher", PublisherModel(courier, life, random))
        self.life = life
        self.ledger = Ledger(sessions, life, Announcer(publisher, sessions, life))
        self.news = News()
        dispatcher = Dispatcher(self.ledger, self.news, SETTINGS)
        relay = Relay(self.ledger, publisher, grace=SETTINGS.misfire.grace)
        claims = cast("Consumer", ConsumerModel(courier.claims, courier, life))
        events = cast("Consumer", ConsumerModel(courier.events, courier, life))
        requests = cast("Requests", RequestsModel(courier, life))
        loops: dict[str, Coroutine[Any, Any, None]] = {
            "planner": dispatcher.run(),
            "held": dispatcher.run_held(),
            "relay": relay.run(),
            "marks": relay.run_marks(),
            "sweeps": relay.run_sweeps(),
            "claims": Claims(self.ledger, publisher, key=KEY).run(claims),
            "results": Results(self.ledger, self.news).run(events),
            "reaper": Reaper(self.ledger, requests, lost_after_s=SETTINGS.lost_after_s).run(),
        }
        for role, loop in loops.items():
            life.start(role, loop)
