# Unit tests: one program for src/<layer>/<file>.c, tables with named rows.
if CMOCKA
check_PROGRAMS += tests/unit/board_board
tests_unit_board_board_SOURCES = %D%/board_board.c
tests_unit_board_board_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_board_board_LDADD = libboard.la $(CMOCKA_LIBS)
TESTS += tests/unit/board_board

check_PROGRAMS += tests/unit/confine_confine
tests_unit_confine_confine_SOURCES = %D%/confine_confine.c
tests_unit_confine_confine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_confine_confine_LDADD = libconfine.la $(CMOCKA_LIBS)
TESTS += tests/unit/confine_confine

endif
