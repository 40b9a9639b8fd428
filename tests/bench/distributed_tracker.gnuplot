# SPDX-License-Identifier: GPL-2.0-or-later
# Of distributed_tracker.sh: `one` and `sixteen` are its tables for 1 and 16 shards, `out` the picture.
set terminal svg size 1000,760 font "sans,12" background "white"
set output out
set multiplot layout 2,2
set logscale x
set xlabel "trackers"
set grid
set key top left
set title "Registrations of the most loaded tracker (one alone has all)"
set logscale y
plot one using 1:5 skip 1 with linespoints title "at most, 1 shard", sixteen using 1:5 skip 1 with linespoints title "at most, 16 shards", one using 1:4 skip 1 with lines dashtype 2 title "mean", one using 1:2 skip 1 with lines dashtype 3 title "one tracker alone"
set title "Load: most over mean"
plot one using 1:6 skip 1 with linespoints title "registrations, 1 shard", sixteen using 1:6 skip 1 with linespoints title "registrations, 16 shards", one using 1:7 skip 1 with linespoints title "peers connected"
unset logscale y
set title "Lookup: hops to the responsible tracker"
plot one using 1:9 skip 1 with linespoints title "measured", one using 1:(log($1)/log(2)/2) skip 1 with lines dashtype 2 title "log2(N)/2"
set title "Bytes in the overlay for one request"
plot one using 1:11 skip 1 with linespoints title "CONNECT", one using 1:14 skip 1 with linespoints title "FIND, 1 shard", sixteen using 1:14 skip 1 with linespoints title "FIND, 16 shards"
unset multiplot
