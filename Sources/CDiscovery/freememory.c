#include "freememory.h"

#include <malloc.h>

void cdiscovery_give_back_memory(void) { malloc_trim(0); }
