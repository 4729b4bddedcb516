# The benchmark: ./quickstart bench, or bench.pl --build DIR.
EXTRA_DIST += %D%/bench.pl %D%/scale.pl %D%/Bench/Farm.pm %D%/Bench/Servers.pm
