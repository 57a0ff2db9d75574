"""Who makes room when there are too many, and whose message is read next."""

import asyncio

from oms_project.port.crowd import Crowd
from oms_project.port.descriptors import most_connections
from oms_project.port.pump import BURST, Pump


class Guest:
    """A connection that remembers being put out."""

    is_out = False

    def put_out(self):
        self.is_out = True


def test_the_oldest_stranger_makes_room_and_nobody_with_a_key():
    crowd, known, old, new = Crowd(2), Guest(), Guest(), Guest()
    for each in (known, old):
        assert crowd.enter(each)
    crowd.know(known)

    assert crowd.enter(new)

    assert (known.is_out, old.is_out, new.is_out, len(crowd)) == (False, True, False, 2)


def test_a_house_full_of_guests_takes_nobody_and_room_comes_back():
    crowd, guest = Crowd(1), Guest()
    crowd.enter(guest)
    crowd.know(guest)

    assert not crowd.enter(Guest())
    crowd.leave(guest)
    assert crowd.enter(Guest())


def test_where_descriptors_are_few_the_rest_of_the_product_keeps_some(settings):
    settings.OMS_CONNECTIONS = 4000

    assert [most_connections(many) for many in (300, 1024, 20_000)] == [200, 768, 4000]


class Socket:
    """A socket with so many messages that wait."""

    def __init__(self, whose, many, read):
        self.whose, self.many, self.read = whose, many, read

    def read_one(self):
        self.many -= 1
        self.read.append(self.whose)
        return self.many > 0


class Clock:
    """Time and a loop of its own."""

    def __init__(self):
        self.now, self.due = 0.0, []

    def later(self, after_s, work):
        handle = asyncio.TimerHandle(self.now + after_s, work, (), _Loop())
        self.due.append(handle)
        return handle

    def run(self, until):
        while self.due:
            self.due.sort(key=lambda each: each.when())
            handle = self.due.pop(0)
            if handle.cancelled():
                continue
            if handle.when() > until:
                self.due.append(handle)
                break
            self.now = max(self.now, handle.when())
            handle._callback()


class _Loop:
    def get_debug(self):
        return False

    def _timer_handle_cancelled(self, handle):
        pass


def test_sixty_sockets_of_one_user_share_one_turn():
    clock, read = Clock(), []
    pump = Pump(1000, now=lambda: clock.now, later=clock.later)
    for _ in range(60):
        pump.enlist(Socket("flood", 95, read))
    pump.enlist(Socket("other", 3, read))

    clock.run(until=0)

    assert [place for place, whose in enumerate(read) if whose == "other"] == [1, 3, 5]


def test_a_user_is_read_at_a_pace_and_others_do_not_wait_for_it():
    clock, read = Clock(), []
    pump = Pump(10, now=lambda: clock.now, later=clock.later)
    pump.enlist(Socket("flood", 1000, read))
    clock.run(until=0)
    assert len(read) == BURST

    clock.run(until=1.0)
    pump.enlist(Socket("other", 1, read))
    clock.run(until=1.0)

    assert read.count("other") == 1
    assert BURST + 9 <= read.count("flood") <= BURST + 11
