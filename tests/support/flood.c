/* NDJSON without end, faster than anything reads it, for what must not grow with its input: lines as the bench's flat file has
 * them (tests/bench/data.lua), each with a number, a price and a quantity of its own. No two lines are alike.
 *   flood BYTES [names]      to standard output, whole lines, at least so many bytes (1000000, 10M, 10G)
 *     names     each line also has a field whose name no other line has
 * Ends quietly where nobody reads on.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (256 << 10)
#define LINE_MOST 512

static const char *const words[] = {"pump", "valve", "gasket", "filter", "bracket", "cable", "sensor", "relay", "Größe", "nut", "bolt",
                                    "hose", "clamp", "seal", "motor", "switch"};

static uint64_t state = 0x9E3779B97F4A7C15u;

static uint64_t next_random(void) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1Du;
}

static char *put(char *to, const char *text) {
    size_t n = strlen(text);
    memcpy(to, text, n);
    return to + n;
}

static char *put_number(char *to, uint64_t n, int digits) {
    for (int i = digits; i > 0; i--, n /= 10) to[i - 1] = (char)('0' + n % 10);
    return to + digits;
}

static char *put_words(char *to, uint64_t bits, int count) {
    for (int i = 0; i < count; i++, bits >>= 4) {
        if (i) *to++ = ' ';
        to = put(to, words[bits & 15]);
    }
    return to;
}

static char *put_line(char *to, uint64_t number, int names) {
    uint64_t r = next_random(), more = next_random();
    to = put_number(put(to, "{\"id\":\""), number, 12);
    to = put_words(put(to, "\",\"name\":\""), r, 3);
    to = put_number(put(to, "\",\"price\":1"), (r >> 12) % 1000, 3);
    to = put_number(put(to, "."), (r >> 24) % 100, 2);
    to = put_number(put(to, ",\"qty\":1"), (r >> 32) % 100, 2);
    to = put_number(put(to, ",\"url\":\"https://shop.example/p/"), number, 12);
    to = put_words(put(to, "\",\"tags\":[\""), r >> 48, 1);
    to = put_words(put(to, "\"],\"description\":\""), more, 11);
    if (names) to = put(put_number(put(to, "\",\"own"), number, 12), "\":\"");
    return put(to, "\"}\n");
}

/* "10M" as bytes; 0 where it is none. */
static uint64_t bytes_of(const char *text) {
    char *end;
    uint64_t n = strtoull(text, &end, 10);
    for (const char *unit = "kMG"; *end && *unit; unit++) {
        n *= 1000;
        if (*unit == *end) return n;
    }
    return *end ? 0 : n;
}

static int write_all(const char *from, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, from, len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        from += n;
        len -= (size_t)n;
    }
    return 0;
}

int main(int argc, char **argv) {
    static char block[BLOCK];
    uint64_t left = argc > 1 ? bytes_of(argv[1]) : 0, number = 0;
    if (left == 0) return fprintf(stderr, "usage: flood BYTES [names]     like 1000000, 10M, 10G\n"), 2;
    int names = argc > 2 && strcmp(argv[2], "names") == 0;
    while (left > 0) {
        char *at = block;
        while (at < block + BLOCK - LINE_MOST && (uint64_t)(at - block) < left) at = put_line(at, ++number, names);
        size_t made = (size_t)(at - block);
        if (write_all(block, made) < 0) return errno == EPIPE ? 0 : (perror("flood"), 1);
        left -= made < left ? made : left;
    }
    return 0;
}
