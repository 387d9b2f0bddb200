/* The handler writes the number into a pipe, a byte each, so that order and number are kept. The pipe is made once and
 * stays: a wait that is under way may outlive the subscription, and a byte of 0 ends it. */
#include "io/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int numbers[] = {SIGHUP, SIGUSR1, SIGTERM, SIGINT};
#define NUMBERS (sizeof numbers / sizeof *numbers)

static struct sigaction before[NUMBERS];
static int ends[2] = {-1, -1};
static bool subscribed;
static void (*volatile told_of)(int number);

static void put(int number) {
    char byte = (char)number;
    ssize_t n = write(ends[1], &byte, 1);
    (void)n; /* it holds 65,536 of them */
}

static void on_signal(int number) {
    int saved = errno;
    put(number);
    if (told_of) told_of(number);
    errno = saved;
}

void sl_signals_told(void (*told)(int number)) {
    told_of = told;
}

static void forget_all(void) {
    char sink[64];
    while (read(ends[0], sink, sizeof sink) > 0) continue;
}

int sl_signals_open(sl_err *err) {
    if (subscribed) return sl_fail(err, SL_USAGE, 0, "this process has subscribed to its signals already");
    if (ends[0] < 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return sl_fail_errno(err, "pipe");
    forget_all();
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < NUMBERS; i++) sigaction(numbers[i], &sa, &before[i]);
    subscribed = true;
    return 0;
}

sl_op *sl_signals_start(sl_loop *loop, sl_err *err) {
    return sl_fd_start(loop, ends[0], SL_FD_READ, err);
}

int sl_signals_take(void) {
    char byte;
    return subscribed && read(ends[0], &byte, 1) == 1 ? byte : 0;
}

void sl_signals_close(void) {
    if (!subscribed) return;
    for (size_t i = 0; i < NUMBERS; i++) sigaction(numbers[i], &before[i], NULL);
    subscribed = false;
    forget_all();
    put(0);
}
