# The benchmark: ./quickstart bench, or bench.pl --build DIR; fronts.pl for web servers before it; scale.pl and cold.pl for many users.
EXTRA_DIST += %D%/bench.pl %D%/cold.pl %D%/fronts.pl %D%/scale.pl %D%/Bench/FastCGI.pm %D%/Bench/Fronts.pm \
	%D%/Bench/Farm.pm %D%/Bench/Servers.pm
