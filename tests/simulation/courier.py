"""RabbitMQ as it may be at its worst: messages are lost, come twice, late and in any order, or not at all."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from shared.broker import Outgoing
from shared.domain.errors import BrokerUnavailable, PortalError, Unroutable
from shared.messages.answers import Answer, ReleaseAnswer
from shared.messages.commands import JobDue
from shared.messages.envelope import Message
from shared.messages.topology import CLAIM_TTL_S, Exchange, Queue
from tests.simulation.life import Life
from tests.simulation.machine import Machine

_USUAL_S = (0.01,) * 9 + (0.03,)
"""What is sent together mostly arrives together, and is handled together."""


@dataclass(frozen=True, kw_only=True)
class Odds:
    """How often what happens to a message; the rest arrives once, in a few milliseconds."""

    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    unconfirmed: float = 0.0
    """It arrives, and its sender is told that it may not have."""
    unroutable: float = 0.0


class CourierModel:
    """The one message broker. It may be down, which is seen at once by whoever publishes."""

    def __init__(self, machine: Machine, random: Random, odds: Odds) -> None:
        self._machine = machine
        self._random = random
        self.odds = odds
        self.is_up = True
        self.counts: Counter[str] = Counter()
        self.to_executors: Callable[[JobDue], None] = lambda message: None
        self.to_asker: Callable[[str, Message], None] = lambda address, message: None
        self._ready: Counter[str] = Counter()
        self.claims, self.events = Line(), Line()

    def carry(self, message: Message, deliver: Callable[[], None], *, queue: str = "") -> bool:
        """Deliver a message zero, one or two times; False when the sender is to be told of no confirm."""
        if not self.is_up:
            self.counts["refused"] += 1
            return False
        draw, odds = self._random.random(), self.odds
        copies = 1
        if draw < odds.lost:
            self.counts["lost"] += 1
            copies = 0
        elif draw < odds.lost + odds.twice:
            self.counts["doubled"] += 1
            copies = 2
        for _ in range(copies):
            self._ready[queue] += 1
            self._machine.after(self._delay_s(), lambda: self._arrive(queue, deliver))
        if self._random.random() < odds.unconfirmed:
            self.counts["unconfirmed"] += 1
            return False
        return True

    def ask(self, message: Message, reply_to: str) -> None:
        """Bring a request to the schedulers; one that nobody takes in time is void."""
        self.carry(message, lambda: self._put_request(message, reply_to))

    def tell(self, message: Message) -> bool:
        """Bring an event to the schedulers; False when its sender is to say it again."""
        return self.carry(message, lambda: self.events.put(message, None))

    def _put_request(self, message: Message, reply_to: str) -> None:
        self.claims.put(message, reply_to)
        self._machine.after(CLAIM_TTL_S, lambda: self.claims.expire(message))

    def depth(self, queue: str) -> int:
        """Return how many messages of this queue have not been taken."""
        return self._ready[queue]

    def go_down(self) -> None:
        """Lose the connections of everyone; what is in the queues stays there."""
        self.is_up = False
        for line in (self.claims, self.events):
            line.give_back()

    def come_up(self) -> None:
        """Be there again."""
        self.is_up = True
        for line in (self.claims, self.events):
            line.wake()

    def _arrive(self, queue: str, deliver: Callable[[], None]) -> None:
        if not self.is_up:
            self._machine.after(60 + 60 * self._random.random(), lambda: self._arrive(queue, deliver))
            return
        self._ready[queue] -= 1
        deliver()

    def _delay_s(self) -> float:
        if self._random.random() < self.odds.late:
            self.counts["late"] += 1
            return 10.0 ** self._random.uniform(0, 3.5)
        return self._random.choice(_USUAL_S)


class PublisherModel:
    """Stands where the scheduler has its `Publisher`."""

    def __init__(self, courier: CourierModel, life: Life, random: Random) -> None:
        self._courier = courier
        self._life = life
        self._random = random

    async def publish_all(self, batch: Sequence[Outgoing]) -> list[PortalError | None]:
        """Publish each and say what became of it, as far as one can know."""
        outcomes = []
        for outgoing in batch:
            await self._life.point("before publish")
            outcomes.append(self._publish(outgoing))
        await self._life.point("after publish")
        return outcomes

    async def is_taken(self) -> bool:
        """Say whether the broker is there."""
        await self._life.point("before feeler")
        return self._courier.is_up

    async def declare(self, queue: Queue) -> None:
        """Declare nothing: the queues are there while the broker is."""
        await self._up(f"declare {queue.name}")

    async def keep_declared(self, *queues: Queue) -> None:
        """Declare nothing."""
        await self._up(f"declare {len(queues)} queues")

    async def depth(self, queue: Queue) -> int:
        """Return how many messages wait in the queue."""
        await self._up("depth")
        return self._courier.depth(queue.name)

    async def answer(self, reply_to: str, correlation_id: str | None, message: Message) -> None:
        """Send an answer; nobody is told whether it arrives."""
        del correlation_id
        await self._life.point("before answer")
        courier = self._courier
        courier.carry(message, lambda: courier.to_asker(reply_to, message))

    def _publish(self, outgoing: Outgoing) -> PortalError | None:
        courier, message = self._courier, outgoing.message
        if outgoing.exchange is not Exchange.DUE or not isinstance(message, JobDue):
            return None
        if courier.is_up and self._random.random() < courier.odds.unroutable:
            courier.counts["unroutable"] += 1
            return Unroutable("no queue")
        queue = f"portal.due.{outgoing.key}"
        is_confirmed = courier.carry(message, lambda: courier.to_executors(message), queue=queue)
        return None if is_confirmed else BrokerUnavailable("not confirmed")

    async def _up(self, what: str) -> None:
        await self._life.point("before declare")
        if not self._courier.is_up:
            raise BrokerUnavailable(f"down: {what}")


class RequestsModel:
    """Stands where the reaper asks itself: it hears itself while the broker is there."""

    def __init__(self, courier: CourierModel, life: Life) -> None:
        self._courier = courier
        self._life = life

    async def ask(self, message: Message, *, timeout_s: float) -> Answer:
        """Return the answer at once."""
        del timeout_s
        await self._life.point("before ask")
        if not self._courier.is_up:
            raise BrokerUnavailable("down")
        return ReleaseAnswer(source="scheduler", time=message.time, attempts=())


class DeliveryModel:
    """One message that was given to a scheduler."""

    def __init__(self, line: "Line", message: Message, reply_to: str | None, life: Life) -> None:
        self._line = line
        self._life = life
        self.message = message
        self.reply_to = reply_to
        self.correlation_id: str | None = None
        self.is_stale = False

    def belongs_to(self, life: Life) -> bool:
        """Say whether this process took it."""
        return self._life is life

    async def ack(self, *, up_to_here: bool = False) -> None:
        """Say that its effect is stored."""
        await self._life.point("before ack")
        if not self.is_stale:
            self._line.ack(self, self._life, up_to_here=up_to_here)

    async def requeue(self) -> None:
        """Give it back."""
        await self._life.point("before requeue")
        self._line.give_back(self._life)

    async def park(self, reason: str) -> None:
        """Fail: the models say nothing that the scheduler could not understand."""
        raise AssertionError(f"{type(self.message).__name__} was parked: {reason}")


class ConsumerModel:
    """Stands where the scheduler has a `Consumer`."""

    def __init__(self, line: "Line", courier: CourierModel, life: Life) -> None:
        self._line = line
        self._courier = courier
        self._life = life

    async def batch(self, *, limit: int, within_s: float) -> list[DeliveryModel]:
        """Wait until there is something and return all of it that fits."""
        del within_s
        while True:
            await self._life.point("before receive")
            taken = self._line.take(self._life, limit) if self._courier.is_up else []
            if taken:
                return taken
            await self._line.arrival()


class Line:
    """A queue of the schedulers: what is taken and not acknowledged comes again."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Message, str | None]] = deque()
        self._taken: list[DeliveryModel] = []
        self._sleepers: list[asyncio.Future[None]] = []
        self.on_ack: Callable[[Message], None] = lambda message: None

    def put(self, message: Message, reply_to: str | None) -> None:
        self._waiting.append((message, reply_to))
        self.wake()

    def expire(self, message: Message) -> None:
        self._waiting = deque(one for one in self._waiting if one[0] is not message)

    def take(self, life: Life, limit: int) -> list[DeliveryModel]:
        count = min(limit, len(self._waiting))
        taken = [DeliveryModel(self, *self._waiting.popleft(), life) for _ in range(count)]
        self._taken += taken
        return taken

    def ack(self, delivery: DeliveryModel, life: Life, *, up_to_here: bool) -> None:
        position = self._taken.index(delivery)
        done = [
            one
            for index, one in enumerate(self._taken)
            if index == position or (up_to_here and index < position and one.belongs_to(life))
        ]
        for one in done:
            self._taken.remove(one)
            self.on_ack(one.message)

    def give_back(self, life: Life | None = None) -> None:
        back = [one for one in self._taken if life is None or one.belongs_to(life)]
        for one in reversed(back):
            one.is_stale = True
            self._taken.remove(one)
            self._waiting.appendleft((one.message, one.reply_to))

    def wake(self) -> None:
        sleepers, self._sleepers = self._sleepers, []
        for sleeper in sleepers:
            if not sleeper.done():
                sleeper.set_result(None)

    async def arrival(self) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.append(sleeper)
        await sleeper
