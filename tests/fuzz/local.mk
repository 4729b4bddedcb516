# Every parser that meets foreign bytes has a target here.  FUZZ_TARGETS builds
# with clang's libFuzzer (--enable-fuzzers); the replay of the same target over
# its committed corpus is a plain test, always.

EXTRA_DIST += %D%/corpus %D%/replay.test %D%/run

check_PROGRAMS += tests/fuzz/nv_replay tests/fuzz/envelope_replay
tests_fuzz_nv_replay_SOURCES = %D%/nv_fuzz.c %D%/replay.c
tests_fuzz_nv_replay_LDADD = libwire.la
tests_fuzz_envelope_replay_SOURCES = %D%/envelope_fuzz.c %D%/replay.c
tests_fuzz_envelope_replay_LDADD = libwire.la
TESTS += %D%/replay.test

if FUZZERS
noinst_PROGRAMS += tests/fuzz/nv_fuzz tests/fuzz/envelope_fuzz
tests_fuzz_nv_fuzz_SOURCES = %D%/nv_fuzz.c
tests_fuzz_nv_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_nv_fuzz_LDADD = libwire.la
tests_fuzz_envelope_fuzz_SOURCES = %D%/envelope_fuzz.c
tests_fuzz_envelope_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_envelope_fuzz_LDADD = libwire.la
endif
