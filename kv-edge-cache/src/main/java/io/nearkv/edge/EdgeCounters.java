package io.nearkv.edge;

import java.util.concurrent.atomic.LongAdder;

/** What a cache counts. Thread-safe. */
final class EdgeCounters {
    final LongAdder memoryHits = new LongAdder();
    final LongAdder diskHits = new LongAdder();
    final LongAdder misses = new LongAdder();
    final LongAdder coalesced = new LongAdder();
    final LongAdder loads = new LongAdder();
    final LongAdder refreshes = new LongAdder();
    final LongAdder stale = new LongAdder();
    final LongAdder refused = new LongAdder();
    final LongAdder changes = new LongAdder();
    final LongAdder invalidations = new LongAdder();
    final LongAdder revalidated = new LongAdder();
    final LongAdder listHits = new LongAdder();
    final LongAdder listMisses = new LongAdder();
}
