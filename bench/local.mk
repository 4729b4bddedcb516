# The benchmark: ./quickstart bench, or bench.pl --build DIR.
EXTRA_DIST += %D%/bench.pl %D%/Bench/Servers.pm
