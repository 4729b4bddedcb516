# The stages of ./quickstart check, sourced by it: $here, $build, $jobs, say, die, configure_in.
# Each stage's TAP totals are added up; the last line is "N passed, N failed".

passed=0
failed=0

# run_stage NAME COMMAND...: its output goes by; what it counted is added.
run_stage() {
	name=$1
	shift
	say "$name"
	log=$build/$(echo "$name" | tr -c 'a-z0-9\n' '-').log
	started=$(date +%s)
	status=0
	"$@" 3>&1 >"$log" 2>&1 || status=$?
	ok=$(sed -n 's/^# PASS: *//p; s/^[a-z]*: \([0-9]*\) passed, .*/\1/p' "$log" | awk '{ n += $1 } END { print n + 0 }')
	bad=$(sed -n 's/^# FAIL: *//p; s/^# ERROR: *//p; s/^[a-z]*: [0-9]* passed, \([0-9]*\) failed/\1/p' "$log" |
		awk '{ n += $1 } END { print n + 0 }')
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	if [ "$status" = 0 ] && [ "$bad" = 0 ] && [ "$ok" = 0 ]; then
		ok=1
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
	echo "    $ok passed, $bad failed, $(($(date +%s) - started)) s"
	[ "$bad" = 0 ] || stage_report "$log"
}

# What failed, and the end of each failed test's own log.
stage_report() {
	grep -E '^(FAIL|ERROR|XPASS):|error:|warning:' "$1" | head -60 || true
	grep -E '^(FAIL|ERROR):' "$1" | awk '{ print $2 }' | sort -u | head -12 | while read -r test; do
		for file in "$build"/*/"${test%.t}".log; do
			[ -f "$file" ] && grep -qE '^not ok|^Bail|SUMMARY|exited with' "$file" &&
				{ echo "--- $file"; tail -60 "$file"; }
		done
	done
	grep -qE '^(FAIL|ERROR):' "$1" || tail -60 "$1"
}

build_and_check() {
	make -C "$build/$1" -j"$jobs" || return 1
	make -C "$build/$1" -j"$jobs" check >"$build/first.out" 2>&1 && { cat "$build/first.out"; return 0; }
	check_again "$1"
}

# Tests of a whole daemon that failed beside others on a busy machine run once more, alone:
# then they count as what they are.  Never where a sanitizer has said anything.  What
# failed at first is named in any case.
check_again() {
	again=$(failed_tests "$build/$1")
	if [ -z "$again" ] || [ "$(echo "$again" | wc -w)" -gt 4 ] || sanitizer_spoke "$build/$1" "$again"; then
		cat "$build/first.out"
		return 1
	fi
	sed -E 's/^(# )?(FAIL|ERROR):/at first \2:/; s/^(not ok)/at first \1/' "$build/first.out"
	say "once more, alone: $again" >&3
	make -C "$build/$1" check TESTS="$again"
}

failed_tests() {
	(cd "$1" && grep -lE '^:global-test-result: (FAIL|ERROR|XPASS)' tests/*/*.trs 2>/dev/null) |
		while read -r trs; do
			name=${trs%.trs}
			for suffix in .t .test; do
				[ ! -e "$here/$name$suffix" ] || name=$name$suffix
			done
			echo "$name"
		done | tr '\n' ' '
}

sanitizer_spoke() {
	for test in $2; do
		name=${test%.test}
		if grep -qE 'SUMMARY: |runtime error:' "$1/${name%.t}.log"; then
			return 0
		fi
	done
	return 1
}

fuzz() {
	make -C "$build/fuzz" -j"$jobs" && "$here/tests/fuzz/run" "$build/fuzz" "${FUZZ_SECONDS:-15}"
}

# Handlers see no difference: some of their tests again, with the other handoff.
by_fastcgi() {
	PERUSERD_HANDOFF=fastcgi make -C "$build/check" check TESTS="tests/integration/05-cgi.t \
		tests/integration/06-php.t tests/integration/20-rolling.t tests/integration/51-perl-cgi.t"
}

without_perl() {
	make -C "$build/no-perl" -j"$jobs" && [ ! -e "$build/no-perl/perl.la" ] &&
		"$build/no-perl/peruserd" -V
}

without_php() {
	make -C "$build/no-php" -j"$jobs" && [ ! -e "$build/no-php/php.la" ] &&
		"$build/no-php/peruserd" -V
}

# The whole tree again from its tarball, out of tree and read-only; with the unit tests and
# one of each kind of the others, which have run whole twice by then.
distcheck() {
	tests=$(sed -n 's/^TESTS += \(tests\/unit\/.*\)/\1/p' "$here/tests/unit/local.mk" | tr '\n' ' ')
	for name in 01-start-stop 02-http 05-cgi 06-php 30-fastcgi-front 50-psgi; do
		tests="$tests tests/integration/$name.t"
	done
	make -C "$build/check" distcheck TESTS="$tests"
}

check_all() {
	run_stage "layers" perl "$here/tools/check-layers" "$here"
	run_stage "build, unit and integration tests" build_and_check check
	if [ "${1:-}" != --quick ]; then
		run_stage "the same handlers by FastCGI" by_fastcgi
		configure_in sanitize --enable-werror --enable-sanitizers CFLAGS="-O1 -g"
		run_stage "the same under sanitizers" build_and_check sanitize
		configure_in fuzz --enable-fuzzers --without-php --without-perl CC=clang CFLAGS="-O1 -g"
		run_stage "fuzzing" fuzz
		configure_in no-php --enable-werror --without-php
		run_stage "without PHP" without_php
		configure_in no-perl --enable-werror --without-perl
		run_stage "without Perl" without_perl
		run_stage "distcheck" distcheck
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
