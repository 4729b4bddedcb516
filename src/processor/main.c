/*
 * peruser-processor: started by the manager, once for each active pool.  See
 * zygote.h for what it becomes and serve.h for what it forks.
 */
#include "processor/title.h"
#include "processor/zygote.h"

int
main(int argc, char **argv)
{
	title_begin(argc, argv);
	return zygote_live();
}
