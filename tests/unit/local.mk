# Unit tests: one program for src/<layer>/<file>.c, tables with named rows.
if CMOCKA
endif
