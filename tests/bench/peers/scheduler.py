# N cron jobs in APScheduler, as its users write them: a background thread that waits for the next one. Prints how long it
# took to be ready, then its CPU share and memory after IDLE seconds, then how late jobs that do nothing begin where all are
# due at one instant, as one line of JSON. Its jobs are functions in the same process and nothing of them is kept: what ours
# does for a claim (a durable row each) it does not do. usage: scheduler.py N IDLE
import json
import math
import resource
import sys
import threading
import time
from datetime import datetime, timezone

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

count, idle = int(sys.argv[1]), float(sys.argv[2])
late, done = [], threading.Event()


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


# The first whole minute that leaves room for the start and for the idle time.
due = math.ceil((time.time() + 20 + idle) / 60) * 60
at = datetime.fromtimestamp(due, timezone.utc)


def job(shop):
    late.append(time.time() - due)
    if len(late) == count:
        done.set()


begin, cpu_begin = time.monotonic(), cpu()
scheduler = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(8)},
                                job_defaults={"misfire_grace_time": 600})
for i in range(count):
    trigger = CronTrigger.from_crontab(f"{at.minute} {at.hour} * * *", timezone="UTC")
    scheduler.add_job(job, trigger, args=[f"shop_{i}"], id=f"job{i}")
scheduler.start()
ready, start_cpu = time.monotonic() - begin, cpu() - cpu_begin

time.sleep(1)
before = cpu()
time.sleep(idle)
after = cpu()
resident = resident_mb()
done.wait(max(0, due - time.time()) + 300)
late.sort()
print(json.dumps({
    "ready": ready, "start_cpu": start_cpu, "cpu": (after - before) / idle, "rss_mb": resident, "rss_after": resident_mb(),
    "burst_cpu": cpu() - after,
    "p50": late[len(late) // 2], "p99": late[math.ceil(len(late) * 0.99) - 1], "max": late[-1],
}))
