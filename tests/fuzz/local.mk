# Every parser that meets foreign bytes has a target here.  FUZZ_TARGETS builds
# with clang's libFuzzer (--enable-fuzzers); the replay of the same target over
# its committed corpus is a plain test, always.

EXTRA_DIST += %D%/corpus %D%/replay.test %D%/run

check_PROGRAMS += tests/fuzz/nv_replay tests/fuzz/envelope_replay tests/fuzz/fcgi_replay
tests_fuzz_nv_replay_SOURCES = %D%/nv_fuzz.c %D%/replay.c
tests_fuzz_nv_replay_LDADD = libwire.la
tests_fuzz_envelope_replay_SOURCES = %D%/envelope_fuzz.c %D%/replay.c
tests_fuzz_envelope_replay_LDADD = libwire.la
tests_fuzz_fcgi_replay_SOURCES = %D%/fcgi_fuzz.c %D%/replay.c
tests_fuzz_fcgi_replay_LDADD = libwire.la
check_PROGRAMS += tests/fuzz/fcgi_application_replay
tests_fuzz_fcgi_application_replay_SOURCES = %D%/fcgi_application_fuzz.c %D%/replay.c
tests_fuzz_fcgi_application_replay_LDADD = libhttp.la libwire.la

check_PROGRAMS += tests/fuzz/proxy_replay tests/fuzz/cgi_request_replay tests/fuzz/answer_replay tests/fuzz/chunked_replay tests/fuzz/date_replay tests/fuzz/head_replay tests/fuzz/uri_replay
tests_fuzz_answer_replay_SOURCES = %D%/answer_fuzz.c %D%/replay.c
tests_fuzz_answer_replay_LDADD = libhttp.la
tests_fuzz_cgi_request_replay_SOURCES = %D%/cgi_request_fuzz.c %D%/replay.c
tests_fuzz_cgi_request_replay_LDADD = libhttp.la libwire.la
tests_fuzz_proxy_replay_SOURCES = %D%/proxy_fuzz.c %D%/replay.c
tests_fuzz_proxy_replay_LDADD = libhttp.la
tests_fuzz_chunked_replay_SOURCES = %D%/chunked_fuzz.c %D%/replay.c
tests_fuzz_chunked_replay_LDADD = libhttp.la
tests_fuzz_date_replay_SOURCES = %D%/date_fuzz.c %D%/replay.c
tests_fuzz_date_replay_LDADD = libhttp.la
tests_fuzz_head_replay_SOURCES = %D%/head_fuzz.c %D%/replay.c
tests_fuzz_head_replay_LDADD = libhttp.la libwire.la
tests_fuzz_uri_replay_SOURCES = %D%/uri_fuzz.c %D%/replay.c
tests_fuzz_uri_replay_LDADD = libhttp.la
TESTS += %D%/replay.test

EXTRA_DIST += %D%/state.dict
check_PROGRAMS += tests/fuzz/state_replay
tests_fuzz_state_replay_SOURCES = %D%/state_fuzz.c %D%/replay.c
tests_fuzz_state_replay_LDADD = libmanager.la

EXTRA_DIST += %D%/settings.dict
check_PROGRAMS += tests/fuzz/settings_replay
tests_fuzz_settings_replay_SOURCES = %D%/settings_fuzz.c %D%/replay.c
tests_fuzz_settings_replay_LDADD = libsettings.la

if FUZZERS
noinst_PROGRAMS += tests/fuzz/state_fuzz
tests_fuzz_state_fuzz_SOURCES = %D%/state_fuzz.c
tests_fuzz_state_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_state_fuzz_LDADD = libmanager.la
noinst_PROGRAMS += tests/fuzz/nv_fuzz tests/fuzz/envelope_fuzz tests/fuzz/fcgi_fuzz
tests_fuzz_nv_fuzz_SOURCES = %D%/nv_fuzz.c
tests_fuzz_nv_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_nv_fuzz_LDADD = libwire.la
tests_fuzz_envelope_fuzz_SOURCES = %D%/envelope_fuzz.c
tests_fuzz_envelope_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_envelope_fuzz_LDADD = libwire.la
tests_fuzz_fcgi_fuzz_SOURCES = %D%/fcgi_fuzz.c
tests_fuzz_fcgi_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fcgi_fuzz_LDADD = libwire.la
noinst_PROGRAMS += tests/fuzz/fcgi_application_fuzz
tests_fuzz_fcgi_application_fuzz_SOURCES = %D%/fcgi_application_fuzz.c
tests_fuzz_fcgi_application_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_fcgi_application_fuzz_LDADD = libhttp.la libwire.la

noinst_PROGRAMS += tests/fuzz/proxy_fuzz tests/fuzz/cgi_request_fuzz tests/fuzz/answer_fuzz tests/fuzz/chunked_fuzz tests/fuzz/date_fuzz tests/fuzz/head_fuzz tests/fuzz/uri_fuzz
tests_fuzz_answer_fuzz_SOURCES = %D%/answer_fuzz.c
tests_fuzz_answer_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_answer_fuzz_LDADD = libhttp.la
tests_fuzz_cgi_request_fuzz_SOURCES = %D%/cgi_request_fuzz.c
tests_fuzz_cgi_request_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_cgi_request_fuzz_LDADD = libhttp.la libwire.la
tests_fuzz_proxy_fuzz_SOURCES = %D%/proxy_fuzz.c
tests_fuzz_proxy_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_proxy_fuzz_LDADD = libhttp.la
tests_fuzz_chunked_fuzz_SOURCES = %D%/chunked_fuzz.c
tests_fuzz_chunked_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_chunked_fuzz_LDADD = libhttp.la
tests_fuzz_date_fuzz_SOURCES = %D%/date_fuzz.c
tests_fuzz_date_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_date_fuzz_LDADD = libhttp.la
tests_fuzz_head_fuzz_SOURCES = %D%/head_fuzz.c
tests_fuzz_head_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_head_fuzz_LDADD = libhttp.la libwire.la
tests_fuzz_uri_fuzz_SOURCES = %D%/uri_fuzz.c
tests_fuzz_uri_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_uri_fuzz_LDADD = libhttp.la

noinst_PROGRAMS += tests/fuzz/settings_fuzz
tests_fuzz_settings_fuzz_SOURCES = %D%/settings_fuzz.c
tests_fuzz_settings_fuzz_CFLAGS = $(AM_CFLAGS) $(FUZZ_CFLAGS)
tests_fuzz_settings_fuzz_LDADD = libsettings.la
endif
