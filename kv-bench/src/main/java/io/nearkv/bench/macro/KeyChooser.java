package io.nearkv.bench.macro;

import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/** Says which operation comes next and with which key. */
interface KeyChooser {
    /** What {@link Walk#nextKey} returns when every key has been used. */
    int EXHAUSTED = -1;

    /** Returns a new walk for one place of the load. */
    Walk walk(int place);

    /** One place's walk; confined to whoever holds the place. */
    interface Walk {
        /** Returns the next kind; comes before {@link #nextKey}. */
        OperationKind nextKind();

        /** Returns the next key's index, or {@link #EXHAUSTED}. */
        int nextKey();
    }

    /** Draws kinds and keys at random, as the mix and the key space say. */
    static KeyChooser random(KeySpace space, Mix mix) {
        // Longer than the caches, and drawn before the clock starts: drawing costs as much as a get.
        int[] keys = space.sequence(1 << 21, 0);
        OperationKind[] kinds = mix.table(new SplittableRandom(space.seed()), 1 << 12);
        return place -> new Walk() {
            private int kindAt = new SplittableRandom(place).nextInt(kinds.length);
            private int keyAt = new SplittableRandom(~place).nextInt(keys.length);

            @Override
            public OperationKind nextKind() {
                kindAt = (kindAt + 1) & (kinds.length - 1);
                return kinds[kindAt];
            }

            @Override
            public int nextKey() {
                keyAt = (keyAt + 1) & (keys.length - 1);
                return keys[keyAt];
            }
        };
    }

    /** Uses every key once, over all places together: deleting a key that is gone already is cheaper than deleting one that is there. */
    static KeyChooser everyKeyOnce(KeySpace space, OperationKind kind) {
        int[] keys = space.everyKeyOnce();
        AtomicInteger next = new AtomicInteger();
        return place -> new Walk() {
            @Override
            public OperationKind nextKind() {
                return kind;
            }

            @Override
            public int nextKey() {
                // The early look keeps the counter from running around its range while places stop.
                if (next.get() >= keys.length) {
                    return EXHAUSTED;
                }
                int at = next.getAndIncrement();
                return at < keys.length ? keys[at] : EXHAUSTED;
            }
        };
    }
}
