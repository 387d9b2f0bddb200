# A program on a terminal of its own: steps are what to wait for and what to type then.
#   terminal.py '[["> ", "1 + 1\r"], ["2", "\u0004"]]' PROGRAM ARGUMENT …
# A false in the place of what to type: the terminal goes away.
# Prints what the terminal got, and as the last line the status. 9: something did not come.
import json, os, pty, select, signal, sys, time

steps, argv = json.loads(sys.argv[1]), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen, at, deadline = b"", 0, time.monotonic() + 60


def more():
    global seen
    if time.monotonic() > deadline or not select.select([fd], [], [], 60)[0]:
        return False
    try:
        part = os.read(fd, 65536)
    except OSError:
        return False
    seen += part
    return part != b""


def finish(status):
    sys.stdout.buffer.write(seen + b"\n%d\n" % status)
    sys.exit(0)


typed = ""
for wanted, typed in steps:
    wanted = wanted.encode()
    while wanted not in seen[at:]:
        if not more():
            os.kill(pid, signal.SIGKILL)
            seen += b"\n(did not come: " + wanted + b")"
            finish(9)
    at = seen.index(wanted, at) + len(wanted)
    if typed is False:
        os.close(fd)
        break
    os.write(fd, typed.encode())
while typed is not False and more():
    pass
if time.monotonic() >= deadline:
    os.kill(pid, signal.SIGKILL)
    seen += b"\n(it has not ended)"
finish(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
