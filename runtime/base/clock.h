/* The only place that reads clocks. Pure parts take time as an argument instead.
 *
 *   int64_t t = sl_clock_mono_ms();     // for waiting; counts suspend, never steps back
 *   int64_t now = sl_clock_wall_ms();   // for people and APIs; milliseconds since 1970 UTC
 */
#ifndef SL_BASE_CLOCK_H
#define SL_BASE_CLOCK_H

#include <stdint.h>

int64_t sl_clock_mono_ms(void);
int64_t sl_clock_mono_us(void);
int64_t sl_clock_wall_ms(void);

/* The monotonic clock that stands still while the machine is suspended: systemd asks for that one. */
int64_t sl_clock_awake_us(void);

/* The monotonic clock as the kernel's own file has it, with a grain of 10 ms; -1 where there is no /proc. Tells whether a
 * library in between (faketime) has a clock of its own. */
int64_t sl_clock_uptime_us(void);

#define SL_CLOCK_BOOT_BYTES 40

/* What tells the boots of this machine apart: a text, padded with zeros; all zeros where the kernel does not say. */
void sl_clock_boot_id(char out[SL_CLOCK_BOOT_BYTES]);

/* CPU time of this process (user + system), microseconds. */
int64_t sl_clock_cpu_us(void);

/* Peak resident memory of this process in bytes. */
int64_t sl_clock_peak_bytes(void);

/* Injected clock for tests: added to what the wall clock and the monotonic clock say. */
void sl_clock_shift(int64_t wall_ms, int64_t mono_ms);

/* Steps both clocks forward, on top of the shift: time that nobody waits for passes at once. */
void sl_clock_skip(int64_t ms);

/* "2026-11-23T02:05:07.123Z" into out (at least 25 bytes). */
void sl_clock_rfc3339(int64_t wall_ms, char out[25]);

#endif
