#!/usr/bin/env perl
# Checks an audit log by its documented format alone: perl verify.pl runs/TAG/audit.jsonl
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use JSON::PP;

my ($seq, $head) = (0, '0' x 64);
open my $log, '<:raw', $ARGV[0] or die "$ARGV[0]: $!\n";
while (my $line = <$log>) {
    last unless $line =~ s/\n\z//;    # the last write was cut short
    my $place = 'line ' . ($seq + 1);
    my $event = eval { decode_json($line) };
    ref $event eq 'HASH' or die "$place: is not a record\n";
    $event->{seq} == $seq + 1 && $event->{prev} eq $head or die "$place: does not follow\n";
    my $member = qq("hash":"$event->{hash}",);
    my $start = index $line, $member;
    $start >= 0 or die "$place: is not a record\n";
    substr($line, $start, length $member) = '';
    sha256_hex($line) eq $event->{hash} or die "$place: was changed\n";
    ($seq, $head) = ($event->{seq}, $event->{hash});
}
print "$seq:$head\n";
