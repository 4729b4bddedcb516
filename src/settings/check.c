#include <string.h>

#include "settings/reading.h"

void
check_all(struct reading *reading)
{
	(void)reading;
}
