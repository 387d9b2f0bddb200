/* CLOCK_BOOTTIME counts the time a machine was suspended, so that a wait does not grow by a night. */
#include "base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t wall_shift_ms, mono_shift_ms;

static int64_t read_us(clockid_t id) {
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t sl_clock_mono_us(void) {
    return read_us(CLOCK_BOOTTIME) + mono_shift_ms * 1000;
}

int64_t sl_clock_awake_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

int64_t sl_clock_mono_ms(void) {
    return sl_clock_mono_us() / 1000;
}

int64_t sl_clock_wall_ms(void) {
    return read_us(CLOCK_REALTIME) / 1000 + wall_shift_ms;
}

int64_t sl_clock_uptime_us(void) {
    char text[64];
    int fd = open("/proc/uptime", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return -1;
    text[n] = '\0';
    char *end;
    long long seconds = strtoll(text, &end, 10), hundredths = 0;
    if (end == text) return -1;
    if (*end == '.') hundredths = strtoll(end + 1, NULL, 10);
    return seconds * 1000000 + hundredths * 10000 + mono_shift_ms * 1000;
}

void sl_clock_boot_id(char out[SL_CLOCK_BOOT_BYTES]) {
    memset(out, 0, SL_CLOCK_BOOT_BYTES);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = read(fd, out, 36);
    if (n < 0) out[0] = '\0';
    close(fd);
}

int64_t sl_clock_cpu_us(void) {
    return read_us(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t sl_clock_peak_bytes(void) {
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    return (int64_t)ru.ru_maxrss * 1024;
}

void sl_clock_shift(int64_t wall_ms, int64_t mono_ms) {
    wall_shift_ms = wall_ms;
    mono_shift_ms = mono_ms;
}

void sl_clock_skip(int64_t ms) {
    wall_shift_ms += ms;
    mono_shift_ms += ms;
}

void sl_clock_rfc3339(int64_t wall_ms, char out[25]) {
    int64_t s = wall_ms / 1000, ms = wall_ms % 1000;
    if (ms < 0) ms += 1000, s--;
    time_t t = (time_t)s;
    struct tm tm;
    gmtime_r(&t, &tm);
    char text[64];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms);
    snprintf(out, 25, "%.24s", text);
}
