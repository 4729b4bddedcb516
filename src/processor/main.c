/*
 * peruser-processor: started by the manager, once for each active pool.  See
 * zygote.h for what it becomes and serve.h for what it forks.
 */
#include "processor/title.h"
#include "processor/zygote.h"

int
main(int argc, char **argv)
{
	struct zygote zygote;

	title_begin(argc, argv);
	zygote_confine(&zygote);        /* a fixed record: the pool's user from here on */
	zygote_read_settings(&zygote);
	zygote_load(&zygote);           /* interpreters, then the chroot, then the user's code */
	return zygote_run(&zygote);
}
