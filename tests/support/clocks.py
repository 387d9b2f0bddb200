"""Due times around clock changes, found the slow way: by Python's zoneinfo, minute by minute, by the rules as they are written in
docs/schedules.md. Prints a JSON object a line: { zone, text, from, to, due }, due times of (from, to].

    python3 clocks.py SEED ZONES WINDOWS SPECS     how many zones, clock changes of each, and texts for each (0: all zones, all changes)
"""
import json
import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

FIRST = [
    "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "America/Nuuk", "Africa/Cairo", "Africa/Casablanca", "Pacific/Apia",
    "Pacific/Kwajalein", "Europe/Dublin", "America/Sao_Paulo", "America/Santiago", "Asia/Gaza", "Asia/Tehran", "America/New_York",
    "Africa/El_Aaiun", "Asia/Pyongyang", "America/Caracas", "Pacific/Chatham", "Africa/Monrovia", "Asia/Kathmandu", "America/St_Johns",
    "Europe/Lisbon", "Asia/Manila", "Antarctica/Casey", "Europe/Volgograd", "Pacific/Kiritimati", "US/Eastern", "EST5EDT",
]
YEARS = [(1973, 2045), (2096, 2104), (2400, 2401)]
UNITS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def offset(zone, t):
    return int(datetime.fromtimestamp(t, zone).utcoffset().total_seconds())


def changes(zone):
    """Every time at which the offset is another one than the second before."""
    for first, last in YEARS:
        t = int(datetime(first, 1, 1, tzinfo=timezone.utc).timestamp())
        end = int(datetime(last, 1, 1, tzinfo=timezone.utc).timestamp())
        before = offset(zone, t)
        while t < end:
            following = t + 6 * 3600
            now = offset(zone, following)
            if now != before:
                low, high = t, following
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
                yield high
            t, before = following, now


def minutes_of(zone, start, end):
    """(instant, local minute, comes for the second time, local minutes that were jumped over) of each real minute."""
    seen, last = set(), None
    epoch = datetime(1970, 1, 1)
    for t in range(start - 3 * 86400, end + 1, 60):
        local = t + offset(zone, t)
        again = local in seen
        missing = []
        if last is not None and local - last > 60:
            missing = [epoch + timedelta(seconds=s) for s in range(last + 60, local, 60) if s not in seen]
        seen.add(local)
        last = local
        if t > start:
            yield t, epoch + timedelta(seconds=local), again, missing


def values(text, low, high):
    """The values of a field without H and names."""
    allowed = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        a, b = (low, high) if span == "*" else (int(span.split("-")[0]), int(span.split("-")[-1]))
        allowed |= set(range(a, b + 1, int(step or 1)))
    return allowed


class Line:
    def __init__(self, text):
        fields = text.split()
        self.minute, self.hour, self.day, self.month, self.weekday = (values(f, *u) for f, u in zip(fields, UNITS))
        self.wild = fields[0].startswith("*") or fields[1].startswith("*")
        self.both = fields[2].startswith("*") or fields[4].startswith("*")

    def matches(self, d):
        if d.minute not in self.minute or d.hour not in self.hour or d.month not in self.month:
            return False
        day = d.day in self.day
        weekday = d.isoweekday() % 7 in self.weekday or (d.isoweekday() == 7 and 7 in self.weekday)
        return (day and weekday) if self.both else (day or weekday)


def due(lines, minutes):
    times = []
    for t, local, again, missing in minutes:
        for line in lines:
            runs = line.matches(local) and (line.wild or not again)
            if runs or (not line.wild and any(line.matches(m) for m in missing)):
                times.append(t)
                break
    return times


def field(rng, unit, near):
    low, high = UNITS[unit]
    if unit == 4:
        near = rng.randint(0, 7)
    near = min(max(near + rng.choice([-1, 0, 0, 0, 1]), low), high)
    a, b = sorted((near, rng.randint(low, high)))
    step = rng.randint(1, b - a + 1)
    return rng.choice(["*", "*", f"*/{rng.randint(1, min(7, high - low))}", f"{near}", f"{near}", f"{near},{rng.randint(low, high)}",
                       f"{a}-{b}", f"{a}-{b}/{step}", f"{low}-{high}", f"{near},*/{rng.randint(2, 7)}", f"*,{near}"])


def line(rng, local):
    if rng.random() < 0.4:  # a time of each day, near the change
        return " ".join([field(rng, 0, local.minute), field(rng, 1, local.hour), "*", "*", "*"])
    near = [local.minute, local.hour, local.day, local.month, 0]
    return " ".join(field(rng, unit, near[unit]) for unit in range(5))


def possible(text):
    """Whether the line is one that sluice takes: some day of its months exists."""
    one = Line(text)
    longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return not one.both or any(d <= longest[m - 1] for m in one.month for d in one.day)


def main():
    seed, zones, windows, specs = (int(a) for a in sys.argv[1:5])
    rng = random.Random(seed)
    others = sorted(z for z in available_timezones() if "/" in z and not z.startswith(("posix/", "right/")) and z not in FIRST)
    names = FIRST + rng.sample(others, len(others))
    for name in names[: zones or len(names)]:
        zone = ZoneInfo(name)
        found = list(changes(zone))
        chosen = rng.sample(found, min(windows or len(found), len(found)))
        for at in chosen:
            start = at - rng.randint(1, 20) * 3600 - rng.randint(0, 59)
            end = at + rng.randint(4, 40) * 3600
            minutes = list(minutes_of(zone, start - start % 60, end))
            minutes = [m for m in minutes if start < m[0] <= end]
            local = datetime.fromtimestamp(at + rng.choice([-3600, 0, -1800, 1800, 3600]), zone)
            for _ in range(specs):
                texts = [t for t in (line(rng, local) for _ in range(rng.choice([1, 1, 1, 2, 3]))) if possible(t)]
                answer = due([Line(t) for t in texts], minutes)
                print(json.dumps({"zone": name, "text": "TZ=" + name + "\n" + "\n".join(texts), "from": start, "to": end, "due": answer}))


main()
