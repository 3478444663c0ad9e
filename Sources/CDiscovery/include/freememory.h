// Memory that was freed back to the kernel. In C, as Swift does not see glibc's malloc.h.
#pragma once

/// Gives back what is free within the heap, not only at its end: after a large list was read, that is as much as is kept.
/// Takes some milliseconds for each 100 MB.
void cdiscovery_give_back_memory(void);
