/* Personal data of orders in text that other people may read: names, addresses, e-mail addresses, phone numbers.
 *
 *   char *marks = calloc(1, text.len);
 *   if (sl_personal_mark(text, marks)) …           // marks[i] is 1 where byte i must not be seen
 *
 * In what looks like JSON the object's key decides: first_name, email, phone, address1 and the like wherever they stand;
 * `name`, `company`, `state` only inside of a customer's or an address's object, so that a product's name and an order's
 * state stay readable. JSON within a JSON string (an echo of the request) is looked into as well. The text may be cut
 * anywhere. E-mail addresses are marked in any text. Only base/log calls this.
 */
#ifndef SL_BASE_PERSONAL_H
#define SL_BASE_PERSONAL_H

#include "base/str.h"

/* Marks what is personal; marks that are there stay. True where something was marked. Never fails. */
bool sl_personal_mark(sl_str text, char *marks);

#endif
