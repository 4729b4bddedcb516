#include "settings/reading.h"

void
check_disk(struct reading *reading)
{
	(void)reading;
}
