"""Stands for a daemon whose child has inherited the lock of a run: takes the lock, and becomes the child.

    heir.py LOCKFILE PLACE DESCRIPTOR PROGRAM ARGUMENT…     fails with 9 where somebody else has it
"""
import fcntl
import os
import struct
import sys

F_OFD_SETLK = 37
path, place, number, argv = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
fd = os.open(path, os.O_RDWR)
lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, place * 16, 16, 0)
try:
    fcntl.fcntl(fd, F_OFD_SETLK, lock)
except OSError:
    sys.exit(9)
os.dup2(fd, number)
os.close(fd)
os.set_inheritable(number, True)
os.execv(argv[0], argv)
