package io.nearkv.edge;

import static org.assertj.core.api.Assertions.assertThat;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.NamespaceId;
import java.time.Instant;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Every order in which readers, writers and a revalidation can do their steps with one key of the real table. A step is what the table does under the lock of the key, or one look
 * upstream; so these are all orders there are, but for what happens inside of a step, which {@link EntryTableLincheckTest} has. The model checker of Lincheck takes 3 ms
 * for one order, because of Caffeine's inside, and did not come to those that matter; this takes microseconds.
 */
class EntryTableInterleavingTest {
    private static final NamespaceId NAMESPACE = new NamespaceId(1, 2);
    private static final Key KEY = Key.of("k");
    private static final CacheKey CACHED = new CacheKey(NAMESPACE, KEY);
    /** The time stands still. */
    private static final Freshness.Time TIME = new Freshness.Time(() -> Instant.EPOCH, () -> 0);

    /** One run: a table, a tier above it, and who uses them. */
    private static final class World {
        final EntryTable table = new EntryTable(1 << 16, TIME);
        /** The last change of the key upstream. */
        long upstream;
        /** The last change that the table has heard of for certain. */
        long heard;
        /** Which changes have deleted the key; 0, the beginning, is one of them. */
        final List<Boolean> deleted = new ArrayList<>(List.of(true));
        /** Which state upstream was in when it gave this entry. */
        final IdentityHashMap<Entry, Long> states = new IdentityHashMap<>();

        final IdentityHashMap<Load, Long> loaded = new IdentityHashMap<>();
        final List<String> steps = new ArrayList<>();

        Entry entry(long state) {
            GetResult result = deleted.get((int) state)
                    ? GetResult.Missing.INSTANCE
                    : GetResult.Found.wrap(new byte[] {1}, null, state, 0);
            Entry entry = new Entry(CACHED, result, false, TIME, 0, 1);
            states.put(entry, state);
            return entry;
        }

        long state(Entry entry) {
            Long state = states.get(entry);
            assertThat(state).as("an entry that was loaded").isNotNull();
            return state == null ? -1 : state;
        }

        void checkTable() {
            Entry entry = table.find(NAMESPACE, KEY);
            if (entry != null && entry.generation() == 1) {
                assertThat(state(entry)).as("what the table has").isGreaterThanOrEqualTo(heard);
            }
        }
    }

    /** Somebody who does one step at a time. */
    private abstract static class Actor {
        final World world;
        int step;

        Actor(World world) {
            this.world = world;
        }

        abstract boolean isDone();

        boolean canGoOn() {
            return !isDone();
        }

        abstract void go();
    }

    /** Reads once: from the table, or with a load of its own, or with that of somebody else. */
    private static final class Reader extends Actor {
        private final boolean fresh;
        private long atLeast;
        private @Nullable Load mine;
        private @Nullable Load joined;

        /** Creates one who asks upstream also for what the table has. */
        Reader(World world, boolean fresh) {
            super(world);
            this.fresh = fresh;
        }

        @Override
        boolean isDone() {
            return step == 3;
        }

        @Override
        boolean canGoOn() {
            Load other = joined;
            return !isDone() && (other == null || world.loaded.containsKey(other));
        }

        @Override
        void go() {
            Load own = mine;
            Load other = joined;
            if (step == 0) {
                atLeast = world.heard;
                Entry entry = world.table.find(NAMESPACE, KEY);
                if (entry != null && !fresh) {
                    answer(world.state(entry));
                    return;
                }
                Load load = new Load(CACHED, entry);
                joined = world.table.begin(load);
                mine = load;
                step = joined == null ? 1 : 2;
            } else if (other != null) {
                Long state = world.loaded.get(other);
                answer(state == null ? -1 : state);
            } else if (step == 1) {
                asked = world.upstream;
                step = 2;
            } else if (own != null) {
                boolean unused = world.table.install(own, world.entry(asked));
                world.loaded.put(own, asked);
                answer(asked);
            }
        }

        private long asked;

        private void answer(long state) {
            assertThat(state).as("what a reader gets").isGreaterThanOrEqualTo(atLeast);
            step = 3;
        }

        @Override
        public String toString() {
            return fresh ? "refresher" : "reader";
        }
    }

    /** Changes the key upstream, and lets the table hear of it. */
    private static final class Writer extends Actor {
        private final String changes;

        /** Creates one who puts and deletes as the letters say. */
        Writer(World world, String changes) {
            super(world);
            this.changes = changes;
        }

        @Override
        boolean isDone() {
            return step == 2 * changes.length();
        }

        @Override
        void go() {
            if (step % 2 == 0) {
                world.upstream++;
                world.deleted.add(changes.charAt(step / 2) == 'd');
            } else {
                boolean unused = world.table.changed(CACHED, world.upstream);
                world.heard = world.upstream;
            }
            step++;
        }

        @Override
        public String toString() {
            return "writer";
        }
    }

    /** Vouches for what the table has by what upstream says. */
    private static final class Voucher extends Actor {
        private @Nullable Entry entry;
        private long version;

        Voucher(World world) {
            super(world);
        }

        @Override
        boolean isDone() {
            return step == 2;
        }

        @Override
        void go() {
            if (step == 0) {
                entry = world.table.find(NAMESPACE, KEY);
                version = world.deleted.get((int) world.upstream) ? 0 : world.upstream;
                step = entry == null ? 2 : 1;
                return;
            }
            Entry old = entry;
            if (old != null) {
                long asked = world.upstream;
                if (world.table.vouched(old, version, 0, 1) && version == 0) {
                    world.states.merge(old, Math.min(asked, world.heard), Math::max); // "Not there" again.
                }
            }
            step = 2;
        }

        @Override
        public String toString() {
            return "voucher";
        }
    }

    /** Runs all orders; returns how many. */
    private static int explore(Function<World, List<Actor>> setUp) {
        List<Integer> choices = new ArrayList<>();
        int runs = 0;
        while (true) {
            World world = new World();
            List<Actor> actors = setUp.apply(world);
            List<Integer> ways = new ArrayList<>();
            try {
                while (true) {
                    List<Actor> ready = actors.stream().filter(Actor::canGoOn).toList();
                    if (ready.isEmpty()) {
                        break;
                    }
                    if (choices.size() == ways.size()) {
                        choices.add(0);
                    }
                    Actor next = ready.get(choices.get(ways.size()));
                    ways.add(ready.size());
                    world.steps.add(next.toString() + actors.indexOf(next) + "." + next.step);
                    next.go();
                    world.checkTable();
                }
            } catch (AssertionError e) {
                throw new AssertionError("in the order " + world.steps, e);
            }
            assertThat(actors).allMatch(Actor::isDone);
            assertThat(world.table.loadsUnderWay()).isZero();
            runs++;
            int last = ways.size() - 1;
            while (last >= 0 && choices.get(last) + 1 == ways.get(last)) {
                last--;
            }
            if (last < 0) {
                return runs;
            }
            choices.subList(last + 1, choices.size()).clear();
            choices.set(last, choices.get(last) + 1);
        }
    }

    private static List<Actor> readersAnd(World world, String changes, boolean... fresh) {
        List<Actor> actors = new ArrayList<>(List.of(new Writer(world, changes)));
        for (boolean one : fresh) {
            actors.add(new Reader(world, one));
        }
        return actors;
    }

    @Test
    void no_order_of_a_load_and_changes_leaves_an_older_version_in_the_table() {
        int runs = 0;
        for (String changes : List.of("p", "d", "pp", "pd", "dp", "ppp", "pdp", "dpd")) {
            runs += explore(world -> readersAnd(world, changes, false));
        }
        assertThat(runs).isGreaterThan(100);
    }

    @Test
    void no_order_of_two_readers_and_changes_shows_a_version_older_than_was_heard_of() {
        int runs = 0;
        for (String changes : List.of("p", "pp", "pd", "dp")) {
            runs += explore(world -> readersAnd(world, changes, false, false));
            runs += explore(world -> readersAnd(world, changes, false, true));
            runs += explore(world -> readersAnd(world, changes, true, true));
        }
        assertThat(runs).isGreaterThan(2000);
    }

    @Test
    void no_order_of_a_revalidation_and_changes_vouches_for_an_older_version() {
        for (String changes : List.of("p", "pp", "pd", "dp")) {
            Object unused = explore(world -> {
                List<Actor> actors = new ArrayList<>(readersAnd(world, changes, true));
                actors.add(new Voucher(world));
                return actors;
            });
        }
    }
}
