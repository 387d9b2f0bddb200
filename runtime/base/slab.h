/* Memory for many small blocks whose size is known when they are freed, as Lua's are: a list of free blocks for each
 * size, refilled from large pieces. Two to three times cheaper than malloc, which has to find the size itself.
 *
 *   sl_slab *slab = sl_slab_new();
 *   char *p = sl_slab_alloc(slab, NULL, 0, 40);       // the shape of lua_Alloc: (self, block, old size, new size)
 *   p = sl_slab_alloc(slab, p, 40, 60);
 *   sl_slab_alloc(slab, p, 60, 0);                    // frees
 *   sl_slab_free(slab);                               // and everything that was still in use
 *
 * Blocks above SL_SLAB_BLOCK bytes come from malloc. Small memory is kept for reuse until sl_slab_free(): it grows to
 * the most that was in use at once. Not for several threads. Under AddressSanitizer every block is malloc's.
 */
#ifndef SL_BASE_SLAB_H
#define SL_BASE_SLAB_H

#include <stddef.h>

/* The largest block that is kept in lists. */
enum { SL_SLAB_BLOCK = 512 };

typedef struct sl_slab sl_slab;

/* NULL when memory is out. */
sl_slab *sl_slab_new(void);

/* Blocks above SL_SLAB_BLOCK must have been freed before. NULL is fine. */
void sl_slab_free(sl_slab *slab);

/* new_size 0 frees and returns NULL; otherwise a block aligned for anything, or NULL when memory is out (the old block
 * is untouched then). old_size is ignored where block is NULL. */
void *sl_slab_alloc(void *slab, void *block, size_t old_size, size_t new_size);

#endif
