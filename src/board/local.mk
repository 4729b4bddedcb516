# may call: base
noinst_LTLIBRARIES += libboard.la
libboard_la_SOURCES = %D%/board.c
libboard_la_LIBADD = libbase.la
