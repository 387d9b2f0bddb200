# N cron jobs in APScheduler, as its users write them: a background thread that waits for the next one. Prints how long it
# took to be ready, then its CPU share and memory after IDLE seconds, as one line of JSON. usage: scheduler.py N IDLE
import json
import resource
import sys
import time

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

count, idle = int(sys.argv[1]), float(sys.argv[2])
begin = time.monotonic()
scheduler = BackgroundScheduler(timezone="Europe/Berlin")
for i in range(count):
    trigger = CronTrigger.from_crontab(f"{i % 60} {i % 24} * * *", timezone="Europe/Berlin")
    scheduler.add_job(print, trigger, id=f"job{i}")
scheduler.start()
ready = time.monotonic() - begin


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


before = cpu()
time.sleep(idle)
with open("/proc/self/statm") as statm:
    resident = int(statm.read().split()[1]) * 4096
print(json.dumps({"ready": ready, "cpu": (cpu() - before) / idle, "rss_mb": resident / 1e6}))
