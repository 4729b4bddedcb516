/*
 * peruser-loader: started by the manager where the configuration says
 * fast_start.  See loader.h.
 */
#include "loader/loader.h"
#include "processor/title.h"

int
main(int argc, char **argv)
{
	struct loader loader;

	title_begin(argc, argv);
	title_program("peruser-loader [maps PHP; zygotes are forked from it]");
	loader_confine(&loader);        /* four capabilities are left */
	loader_map(&loader);
	return loader_run(&loader);
}
