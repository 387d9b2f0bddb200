/* A short name for a text, to tell whether two are the same: 128 bits, quick, the same on every machine. Two different
 * texts that nobody made for the purpose do not get the same one; against somebody who means harm use data/digest.
 *
 *   char name[SL_FINGERPRINT_LEN + 1];
 *   sl_fingerprint(record, name);
 */
#ifndef SL_DATA_FINGERPRINT_H
#define SL_DATA_FINGERPRINT_H

#include "base/str.h"

enum { SL_FINGERPRINT_LEN = 32 };

/* Writes 32 hexadecimal digits and a NUL. */
void sl_fingerprint(sl_str text, char out[SL_FINGERPRINT_LEN + 1]);

#endif
