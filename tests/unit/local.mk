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

check_PROGRAMS += tests/unit/http_cgi_request
tests_unit_http_cgi_request_SOURCES = %D%/http_cgi_request.c
tests_unit_http_cgi_request_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_cgi_request_LDADD = libhttp.la libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_cgi_request

check_PROGRAMS += tests/unit/base_net
tests_unit_base_net_SOURCES = %D%/base_net.c
tests_unit_base_net_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_net_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_net

check_PROGRAMS += tests/unit/http_proxy
tests_unit_http_proxy_SOURCES = %D%/http_proxy.c
tests_unit_http_proxy_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_proxy_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_proxy

check_PROGRAMS += tests/unit/http_forwarded
tests_unit_http_forwarded_SOURCES = %D%/http_forwarded.c
tests_unit_http_forwarded_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_forwarded_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_forwarded

check_PROGRAMS += tests/unit/http_chars
tests_unit_http_chars_SOURCES = %D%/http_chars.c
tests_unit_http_chars_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_chars_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_chars

check_PROGRAMS += tests/unit/http_head
tests_unit_http_head_SOURCES = %D%/http_head.c
tests_unit_http_head_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_head_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_head

check_PROGRAMS += tests/unit/http_uri
tests_unit_http_uri_SOURCES = %D%/http_uri.c
tests_unit_http_uri_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_uri_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_uri

check_PROGRAMS += tests/unit/http_chunked
tests_unit_http_chunked_SOURCES = %D%/http_chunked.c
tests_unit_http_chunked_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_chunked_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_chunked

check_PROGRAMS += tests/unit/http_answer
tests_unit_http_answer_SOURCES = %D%/http_answer.c
tests_unit_http_answer_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_answer_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_answer

check_PROGRAMS += tests/unit/http_date
tests_unit_http_date_SOURCES = %D%/http_date.c
tests_unit_http_date_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_date_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_date

check_PROGRAMS += tests/unit/http_status
tests_unit_http_status_SOURCES = %D%/http_status.c
tests_unit_http_status_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_status_LDADD = libhttp.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_status

check_PROGRAMS += tests/unit/http_vars
tests_unit_http_vars_SOURCES = %D%/http_vars.c
tests_unit_http_vars_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_vars_LDADD = libhttp.la libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/http_vars

check_PROGRAMS += tests/unit/handlers_mime
tests_unit_handlers_mime_SOURCES = %D%/handlers_mime.c %D%/fake_host.c %D%/fake_host.h
tests_unit_handlers_mime_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_handlers_mime_LDADD = libhandlers.la $(CMOCKA_LIBS)
TESTS += tests/unit/handlers_mime

check_PROGRAMS += tests/unit/handlers_perl_source
tests_unit_handlers_perl_source_SOURCES = %D%/handlers_perl_source.c src/handlers/perl_source.c
tests_unit_handlers_perl_source_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_handlers_perl_source_LDADD = $(CMOCKA_LIBS)
TESTS += tests/unit/handlers_perl_source

check_PROGRAMS += tests/unit/handlers_ranges
tests_unit_handlers_ranges_SOURCES = %D%/handlers_ranges.c %D%/fake_host.c %D%/fake_host.h
tests_unit_handlers_ranges_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_handlers_ranges_LDADD = libhandlers.la $(CMOCKA_LIBS)
TESTS += tests/unit/handlers_ranges

check_PROGRAMS += tests/unit/handlers_static
tests_unit_handlers_static_SOURCES = %D%/handlers_static.c %D%/fake_host.c %D%/fake_host.h
tests_unit_handlers_static_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_handlers_static_LDADD = libhandlers.la $(CMOCKA_LIBS)
TESTS += tests/unit/handlers_static

check_PROGRAMS += tests/unit/handlers_cgi
tests_unit_handlers_cgi_SOURCES = %D%/handlers_cgi.c %D%/fake_host.c %D%/fake_host.h
tests_unit_handlers_cgi_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_handlers_cgi_LDADD = libhandlers.la $(CMOCKA_LIBS)
TESTS += tests/unit/handlers_cgi

check_PROGRAMS += tests/unit/processor_resolve
tests_unit_processor_resolve_SOURCES = %D%/processor_resolve.c %D%/fake_host.c %D%/fake_host.h
tests_unit_processor_resolve_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_processor_resolve_LDADD = libprocessor.la $(CMOCKA_LIBS)
TESTS += tests/unit/processor_resolve

check_PROGRAMS += tests/unit/wire_record
tests_unit_wire_record_SOURCES = %D%/wire_record.c
tests_unit_wire_record_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_record_LDADD = libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/wire_record

check_PROGRAMS += tests/unit/manager_ranges
tests_unit_manager_ranges_SOURCES = %D%/manager_ranges.c
tests_unit_manager_ranges_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_ranges_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_ranges

check_PROGRAMS += tests/unit/manager_state
tests_unit_manager_state_SOURCES = %D%/manager_state.c
tests_unit_manager_state_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_manager_state_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_state

check_PROGRAMS += tests/unit/manager_channel
tests_unit_manager_channel_SOURCES = %D%/manager_channel.c
tests_unit_manager_channel_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_channel_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_channel

check_PROGRAMS += tests/unit/manager_roster
tests_unit_manager_roster_SOURCES = %D%/manager_roster.c
tests_unit_manager_roster_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_roster_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_roster

check_PROGRAMS += tests/unit/manager_scale
tests_unit_manager_scale_SOURCES = %D%/manager_scale.c
tests_unit_manager_scale_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_scale_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_scale

check_PROGRAMS += tests/unit/manager_scale_trace
tests_unit_manager_scale_trace_SOURCES = %D%/manager_scale_trace.c
tests_unit_manager_scale_trace_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_scale_trace_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_scale_trace

check_PROGRAMS += tests/unit/manager_multiplexers_scale
tests_unit_manager_multiplexers_scale_SOURCES = %D%/manager_multiplexers_scale.c
tests_unit_manager_multiplexers_scale_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_multiplexers_scale_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_multiplexers_scale

check_PROGRAMS += tests/unit/manager_slot
tests_unit_manager_slot_SOURCES = %D%/manager_slot.c
tests_unit_manager_slot_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_slot_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_slot

check_PROGRAMS += tests/unit/manager_listener
tests_unit_manager_listener_SOURCES = %D%/manager_listener.c
tests_unit_manager_listener_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_listener_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_listener

check_PROGRAMS += tests/unit/manager_child
tests_unit_manager_child_SOURCES = %D%/manager_child.c
tests_unit_manager_child_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_child_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_child

check_PROGRAMS += tests/unit/manager_logs
tests_unit_manager_logs_SOURCES = %D%/manager_logs.c
tests_unit_manager_logs_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_logs_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_logs

check_PROGRAMS += tests/unit/manager_usage
tests_unit_manager_usage_SOURCES = %D%/manager_usage.c
tests_unit_manager_usage_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_usage_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_usage

check_PROGRAMS += tests/unit/manager_paths
tests_unit_manager_paths_SOURCES = %D%/manager_paths.c
tests_unit_manager_paths_CPPFLAGS = $(AM_CPPFLAGS) -DSBINDIR='"$(sbindir)"'
tests_unit_manager_paths_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_manager_paths_LDADD = libmanager.la $(CMOCKA_LIBS)
TESTS += tests/unit/manager_paths

check_PROGRAMS += tests/unit/status_view
tests_unit_status_view_SOURCES = %D%/status_view.c
tests_unit_status_view_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_status_view_LDADD = libstatus.la $(CMOCKA_LIBS)
TESTS += tests/unit/status_view

check_PROGRAMS += tests/unit/ctl_top_draw
tests_unit_ctl_top_draw_SOURCES = %D%/ctl_top_draw.c
tests_unit_ctl_top_draw_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_ctl_top_draw_LDADD = libctl.la $(CMOCKA_LIBS)
TESTS += tests/unit/ctl_top_draw

check_PROGRAMS += tests/unit/status_show
tests_unit_status_show_SOURCES = %D%/status_show.c
tests_unit_status_show_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_status_show_LDADD = libstatus.la $(CMOCKA_LIBS)
TESTS += tests/unit/status_show

check_PROGRAMS += tests/unit/settings_hosts
tests_unit_settings_hosts_SOURCES = %D%/settings_hosts.c
tests_unit_settings_hosts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_hosts_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_hosts

check_PROGRAMS += tests/unit/settings_read
tests_unit_settings_read_SOURCES = %D%/settings_read.c %D%/settings_said.h
tests_unit_settings_read_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_read_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_read

check_PROGRAMS += tests/unit/settings_schema
tests_unit_settings_schema_SOURCES = %D%/settings_schema.c %D%/settings_said.h
tests_unit_settings_schema_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_schema_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_schema
check_PROGRAMS += tests/unit/base_buf
tests_unit_base_buf_SOURCES = %D%/base_buf.c
tests_unit_base_buf_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_buf_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_buf

check_PROGRAMS += tests/unit/base_clock
tests_unit_base_clock_SOURCES = %D%/base_clock.c
tests_unit_base_clock_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_clock_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_clock

check_PROGRAMS += tests/unit/base_fault
tests_unit_base_fault_SOURCES = %D%/base_fault.c
tests_unit_base_fault_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_fault_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_fault

check_PROGRAMS += tests/unit/base_fd
tests_unit_base_fd_SOURCES = %D%/base_fd.c
tests_unit_base_fd_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_fd_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_fd

check_PROGRAMS += tests/unit/base_guard
tests_unit_base_guard_SOURCES = %D%/base_guard.c
tests_unit_base_guard_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_guard_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_guard

check_PROGRAMS += tests/unit/base_log
tests_unit_base_log_SOURCES = %D%/base_log.c
tests_unit_base_log_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_log_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_log

check_PROGRAMS += tests/unit/base_str
tests_unit_base_str_SOURCES = %D%/base_str.c
tests_unit_base_str_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_str_LDADD = libbase.la $(CMOCKA_LIBS)
TESTS += tests/unit/base_str

check_PROGRAMS += tests/unit/wire_fcgi_taken
tests_unit_wire_fcgi_taken_SOURCES = %D%/wire_fcgi_taken.c
tests_unit_wire_fcgi_taken_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_fcgi_taken_LDADD = libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/wire_fcgi_taken

check_PROGRAMS += tests/unit/wire_fcgi
tests_unit_wire_fcgi_SOURCES = %D%/wire_fcgi.c
tests_unit_wire_fcgi_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_fcgi_LDADD = libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/wire_fcgi

check_PROGRAMS += tests/unit/wire_envelope
tests_unit_wire_envelope_SOURCES = %D%/wire_envelope.c
tests_unit_wire_envelope_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_envelope_LDADD = libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/wire_envelope

check_PROGRAMS += tests/unit/wire_fdpass
tests_unit_wire_fdpass_SOURCES = %D%/wire_fdpass.c
tests_unit_wire_fdpass_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_fdpass_LDADD = libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/wire_fdpass

check_PROGRAMS += tests/unit/wire_message
tests_unit_wire_message_SOURCES = %D%/wire_message.c
tests_unit_wire_message_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_message_LDADD = libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/wire_message

check_PROGRAMS += tests/unit/wire_nv
tests_unit_wire_nv_SOURCES = %D%/wire_nv.c
tests_unit_wire_nv_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_wire_nv_LDADD = libwire.la $(CMOCKA_LIBS)
TESTS += tests/unit/wire_nv

check_PROGRAMS += tests/unit/settings_dump
tests_unit_settings_dump_SOURCES = %D%/settings_dump.c %D%/settings_said.h
tests_unit_settings_dump_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_dump_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_dump

check_PROGRAMS += tests/unit/settings_include
tests_unit_settings_include_SOURCES = %D%/settings_include.c %D%/settings_said.h
tests_unit_settings_include_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_include_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_include
check_PROGRAMS += tests/unit/confine_sandbox
tests_unit_confine_sandbox_SOURCES = %D%/confine_sandbox.c
tests_unit_confine_sandbox_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_confine_sandbox_LDADD = libsandbox.la $(CMOCKA_LIBS)
TESTS += tests/unit/confine_sandbox

check_PROGRAMS += tests/unit/processor_body
tests_unit_processor_body_SOURCES = %D%/processor_body.c
tests_unit_processor_body_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_processor_body_LDADD = libprocessor.la $(CMOCKA_LIBS)
TESTS += tests/unit/processor_body

check_PROGRAMS += tests/unit/processor_fcgx
tests_unit_processor_fcgx_SOURCES = %D%/processor_fcgx.c
tests_unit_processor_fcgx_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_processor_fcgx_LDADD = libprocessor.la $(CMOCKA_LIBS)
TESTS += tests/unit/processor_fcgx

check_PROGRAMS += tests/unit/processor_respond
tests_unit_processor_respond_SOURCES = %D%/processor_respond.c
tests_unit_processor_respond_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_processor_respond_LDADD = libprocessor.la $(CMOCKA_LIBS)
TESTS += tests/unit/processor_respond

check_PROGRAMS += tests/unit/settings_manual
tests_unit_settings_manual_SOURCES = %D%/settings_manual.c %D%/settings_said.h
tests_unit_settings_manual_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_manual_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_manual

check_PROGRAMS += tests/unit/settings_access_format
tests_unit_settings_access_format_SOURCES = %D%/settings_access_format.c %D%/settings_said.h
tests_unit_settings_access_format_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_access_format_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_access_format

check_PROGRAMS += tests/unit/settings_disk
tests_unit_settings_disk_SOURCES = %D%/settings_disk.c %D%/settings_said.h
tests_unit_settings_disk_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_settings_disk_LDADD = libsettings.la $(CMOCKA_LIBS)
TESTS += tests/unit/settings_disk

check_PROGRAMS += tests/unit/multiplexer_route
tests_unit_multiplexer_route_SOURCES = %D%/multiplexer_route.c
tests_unit_multiplexer_route_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_multiplexer_route_LDADD = libmultiplexer.la $(CMOCKA_LIBS)
TESTS += tests/unit/multiplexer_route

check_PROGRAMS += tests/unit/multiplexer_timeouts
tests_unit_multiplexer_timeouts_SOURCES = %D%/multiplexer_timeouts.c
tests_unit_multiplexer_timeouts_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_multiplexer_timeouts_LDADD = libmultiplexer.la $(CMOCKA_LIBS)
TESTS += tests/unit/multiplexer_timeouts

check_PROGRAMS += tests/unit/multiplexer_access_line
tests_unit_multiplexer_access_line_SOURCES = %D%/multiplexer_access_line.c
tests_unit_multiplexer_access_line_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_multiplexer_access_line_LDADD = libmultiplexer.la $(CMOCKA_LIBS)
TESTS += tests/unit/multiplexer_access_line

check_PROGRAMS += tests/unit/multiplexer_spare
tests_unit_multiplexer_spare_SOURCES = %D%/multiplexer_spare.c
tests_unit_multiplexer_spare_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_multiplexer_spare_LDADD = libmultiplexer.la $(CMOCKA_LIBS)
TESTS += tests/unit/multiplexer_spare

check_PROGRAMS += tests/unit/multiplexer_completion
tests_unit_multiplexer_completion_SOURCES = %D%/multiplexer_completion.c
tests_unit_multiplexer_completion_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
tests_unit_multiplexer_completion_LDADD = libmultiplexer.la $(CMOCKA_LIBS)
TESTS += tests/unit/multiplexer_completion
check_PROGRAMS += tests/unit/handlers_opened
tests_unit_handlers_opened_SOURCES = %D%/handlers_opened.c
tests_unit_handlers_opened_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_handlers_opened_LDADD = libhandlers.la $(CMOCKA_LIBS)
TESTS += tests/unit/handlers_opened

check_PROGRAMS += tests/unit/processor_recent
tests_unit_processor_recent_SOURCES = %D%/processor_recent.c
tests_unit_processor_recent_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_processor_recent_LDADD = libprocessor.la $(CMOCKA_LIBS)
TESTS += tests/unit/processor_recent
endif
