# may call: base wire confine processor; links what peruser-processor links
noinst_LTLIBRARIES += libloader.la
libloader_la_SOURCES = %D%/loader.c %D%/loader.h
libloader_la_LIBADD = libprocessor.la

pkglibexec_PROGRAMS += peruser-loader
peruser_loader_SOURCES = %D%/main.c
peruser_loader_LDADD = libloader.la
