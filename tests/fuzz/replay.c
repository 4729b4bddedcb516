/*
 * Runs a fuzz target once over every file of the folders and files named, so
 * that the corpus is a plain test wherever libFuzzer is not.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1024 * 1024)

static int
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *bytes = malloc(INPUT_MAX);
	size_t len;

	if (file == NULL || bytes == NULL) {
		fprintf(stderr, "replay: can't read %s\n", path);
		exit(1);
	}
	len = fread(bytes, 1, INPUT_MAX, file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, len);
	free(bytes);
	return 1;
}

static int
replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char name[4096];
	int count = 0;

	if (folder == NULL)
		return replay_file(path);
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		count += replay_file(name);
	}
	closedir(folder);
	return count;
}

int
main(int argc, char **argv)
{
	int i, count = 0;

	for (i = 1; i < argc; i++)
		count += replay_folder(argv[i]);
	printf("1..1\n%s 1 - %d inputs replayed\n", count > 0 ? "ok" : "not ok", count);
	return count > 0 ? 0 : 1;
}
