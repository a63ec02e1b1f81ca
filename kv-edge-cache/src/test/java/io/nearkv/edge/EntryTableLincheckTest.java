package io.nearkv.edge;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicLong;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Readers, who load what they miss, against writers, whose changes are heard of: the real table must look like one register. That is more than the cache promises (a change is heard
 * of a little after it happened), but with every change heard of before its write returns it is what the rules of the table come to: no reader ever goes back behind a
 * write that has returned, nor behind what another reader has got. Under load, and not by model checking, which takes 3 ms for one order because of what is inside of Caffeine: all
 * orders of the steps of the table are in {@link EntryTableInterleavingTest}.
 */
public class EntryTableLincheckTest {
    private static final boolean LONG = Boolean.getBoolean("nearkv.test.long");
    private static final NamespaceId NAMESPACE = new NamespaceId(1, 2);
    private static final Key KEY = Key.of("k");
    /** The time stands still. */
    private static final Freshness.Time TIME = new Freshness.Time(() -> Instant.EPOCH, () -> 0);

    private final CacheKey key = new CacheKey(NAMESPACE, KEY);
    private final EntryTable table = new EntryTable(1 << 20, TIME);
    /** The tier above: the version of the last change; an odd one has put the key, an even one has deleted it. */
    private final AtomicLong upstream = new AtomicLong();

    /** Reads as the cache does: from the table, or from upstream and into the table. Returns the version, 0 if the key is not there. */
    @Operation
    public long read() {
        Entry entry = table.find(NAMESPACE, KEY);
        return entry != null ? entry.version : load(null);
    }

    /** Reads from upstream also what the table has, as who wants it fresher does. */
    @Operation
    public long refresh() {
        return load(table.find(NAMESPACE, KEY));
    }

    private long load(@Nullable Entry before) {
        Load load = new Load(key, before);
        if (table.begin(load) != null) {
            // In the cache one waits for the other's answer; here, where nobody waits, each asks for itself.
            return answer(upstream.get());
        }
        long version = answer(upstream.get());
        GetResult result = version == 0
                ? GetResult.Missing.INSTANCE
                : GetResult.Found.wrap(new byte[] {(byte) version}, null, version, 0);
        boolean unused = table.install(load, new Entry(key, result, false, TIME, 0, 1));
        return version;
    }

    private static long answer(long last) {
        return last % 2 == 0 ? 0 : last;
    }

    @Operation
    public void write() {
        boolean unused = table.changed(key, upstream.incrementAndGet());
    }

    /** The order in which things may seem to have happened, one after the other. */
    public static class Register {
        private long last;

        public long read() {
            return answer(last);
        }

        public long refresh() {
            return answer(last);
        }

        public void write() {
            last++;
        }
    }

    @Test
    void under_load_the_table_is_like_a_register() {
        new StressOptions()
                .threads(3)
                .actorsBefore(1)
                .actorsPerThread(3)
                .actorsAfter(1)
                .iterations(LONG ? 100 : 5)
                .invocationsPerIteration(LONG ? 10_000 : 200)
                .minimizeFailedScenario(false)
                .sequentialSpecification(Register.class)
                .check(EntryTableLincheckTest.class);
    }
}
