# The benchmark: ./quickstart bench, or bench.pl --build DIR; fronts.pl --build DIR for web servers before it.
EXTRA_DIST += %D%/bench.pl %D%/fronts.pl %D%/scale.pl %D%/Bench/Fronts.pm %D%/Bench/Farm.pm %D%/Bench/Servers.pm
