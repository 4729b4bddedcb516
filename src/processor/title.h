/*
 * What ps shows: "peruser-processor: alice [zygote]", "[idle, 340 served]".
 * Plain memory, no system call, so it may be changed for each request.
 */
#ifndef PERUSERD_PROCESSOR_TITLE_H
#define PERUSERD_PROCESSOR_TITLE_H

/*
 * Take over the memory of the arguments and the environment, once, at the
 * start; the environment is copied elsewhere.
 */
void title_begin(int argc, char **argv);

/* All of it, for what is no pool's process. */
void title_program(const char *text);

/* What stands before the bracket: the pool's name; and what stands in it. */
void title_name(const char *name);
void title_state(const char *state);

/* "[340 served]" */
void title_served(unsigned long served);

#endif
