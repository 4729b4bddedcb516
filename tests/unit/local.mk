# Unit tests: one program for src/<layer>/<file>.c, tables with named rows.
if CMOCKA
check_PROGRAMS += tests/unit/board_board
tests_unit_board_board_SOURCES = %D%/board_board.c
tests_unit_board_board_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_board_board_LDADD = libboard.la $(CMOCKA_LIBS)
TESTS += tests/unit/board_board

endif
