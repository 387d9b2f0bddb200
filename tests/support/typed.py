"""Types keys into a shell on a terminal of its own, and waits for a file that what they start writes.

    python3 tests/support/typed.py PROMPT KEYS FILE PROGRAM [ARGUMENT ...]

The keys go out when the prompt is there. Exit 1 where the file does not come; what was on the screen goes to standard error.
"""
import os, pty, select, sys, time

prompt, keys, path, argv = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)

screen, typed, end = b"", False, time.monotonic() + 60
while time.monotonic() < end and not os.path.exists(path):
    if select.select([fd], [], [], 0.02)[0]:
        try:
            screen += os.read(fd, 65536)
        except OSError:
            break
        if b"\x1b[c" in screen[-64:] or b"\x1b[0c" in screen[-64:]:
            os.write(fd, b"\x1b[?62;c")  # a terminal says what it is
    if not typed and prompt.encode() in screen:
        os.write(fd, keys.encode())
        typed = True

os.kill(pid, 9)
os.waitpid(pid, 0)
if not os.path.exists(path):
    sys.stderr.write(screen.decode(errors="replace"))
    sys.exit(1)
