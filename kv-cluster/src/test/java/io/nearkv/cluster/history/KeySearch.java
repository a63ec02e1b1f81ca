package io.nearkv.cluster.history;

import io.nearkv.cluster.history.Operation.Condition;
import io.nearkv.cluster.history.Report.Verdict;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The search for an order of the operations on one key. Confined to one thread; used once. */
final class KeySearch {
    /*
     * Wing and Gong's search (1993): take any operation that no other open one precedes in real time, apply it to the model, go on; go back where nothing fits. With
     * Lowe's memory (2017): a set of taken operations together with a state is looked at once. Iterative, because histories are long.
     *
     * Operations that were answered, or seen by a get ("must"), and other writes of unknown outcome ("may") are numbered apart, each in the order of invocation. All
     * must be taken of the first, any number of the second. An index into the second is written as its complement, so that one int names either.
     *
     * What keeps it from being exponential where nothing is wrong. Each of these only leaves out orders for which another one remains:
     * 1. An operation that fits and changes nothing (a read) is taken at once, without an alternative: taken later in some order, it can be moved here.
     * 2. Versions only grow. So nothing is taken that lifts the floor above what an open operation still needs ("maxFloor").
     * 3. A value that a get found, and that only one put writes, proves that this put took effect, before the end of that get, and tells its version.
     * 4. Unknown writes that nobody could have noticed are left out; those whose value nobody found are alike; of those that are alike, the earlier is taken first.
     * 5. An unknown write is taken only directly before something that notices it: what would go just as well without it is not tried ("without").
     */
    private static final int TAIL = 10;
    private static final int CLOCK_EVERY = 256;
    /** What a remembered configuration costs besides its words: objects, the table's entry, the state. */
    private static final int CONFIGURATION_BYTES = 160;

    private static final int UNNOTICED = -2;

    private enum Kind {
        FOUND,
        ABSENT,
        PUT,
        DELETE,
        FAILED
    }

    private static final class Step {
        final Operation source;
        final Kind kind;
        final Condition condition;
        int value;
        long told;
        long returned;
        /** The largest floor at which this can still be taken. */
        long maxFloor = Long.MAX_VALUE;
        /** The unknown write like this that was invoked before it, or -1. */
        int sameBefore = -1;

        Step(Operation source, Kind kind, Condition condition, int value, long told) {
            this.source = source;
            this.kind = kind;
            this.condition = condition;
            this.value = value;
            this.told = told;
            returned = source.response() instanceof Operation.Unknown ? Operation.NEVER : source.returnedNanos();
        }

        long invoked() {
            return source.invokedNanos();
        }

        boolean changes() {
            return kind == Kind.PUT || kind == Kind.DELETE;
        }

        @Nullable
        RegisterState applyTo(RegisterState state) {
            return switch (kind) {
                case FOUND -> state.found(value, told);
                case ABSENT -> state.foundNothing();
                case PUT -> state.put(condition, value, told);
                case DELETE -> state.delete(condition, told);
                case FAILED -> state.failing(condition, told);
            };
        }

        private record Alike(Kind kind, int value, Condition condition) {}

        Alike alike() {
            return new Alike(kind, value, condition);
        }

        void computeMaxFloor() {
            if (told > 0) {
                maxFloor = changes() ? told - 1 : told;
            }
            if (changes() && condition.kind() == Condition.Kind.VERSION_IS) {
                maxFloor = Math.min(maxFloor, condition.version());
            }
        }
    }

    /** One level of the search: the state after everything on the path, and what could come next. */
    private static final class Frame {
        final RegisterState state;
        /** The state before the unknown write that led here, if nothing has noticed it yet. */
        final @Nullable RegisterState without;

        final int pathLength;
        final int firstOpen;
        final int lowest;
        final int[] candidates;
        int next;

        Frame(
                RegisterState state,
                @Nullable RegisterState without,
                int pathLength,
                int firstOpen,
                int lowest,
                int[] candidates) {
            this.state = state;
            this.without = without;
            this.pathLength = pathLength;
            this.firstOpen = firstOpen;
            this.lowest = lowest;
            this.candidates = candidates;
        }
    }

    /** A set of taken operations and a state. What all the operations before a word have in common needs no words. */
    private static final class Configuration {
        private final long[] words;
        private final RegisterState state;
        private final int hash;

        Configuration(long[] words, RegisterState state) {
            this.words = words;
            this.state = state;
            hash = 31 * Arrays.hashCode(words) + state.hashCode();
        }

        @Override
        public int hashCode() {
            return hash;
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Configuration that
                    && hash == that.hash
                    && Arrays.equals(words, that.words)
                    && state.equals(that.state);
        }
    }

    /** The furthest that the search came. */
    private record Furthest(
            List<Step> tail, int taken, BitSet takenMust, RegisterState state, List<Step> open, List<Step> unknown) {}

    private final long deadlineNanos;
    private final long maxMemoryBytes;
    private final List<String> values = new ArrayList<>();
    private final Step[] must;
    private final Step[] may;
    private final int[] byMaxFloor;
    private final long[] takenMust;
    private final long[] takenMay;
    private final int[] path;
    private int pathLength;
    private int taken;
    private long usedMemoryBytes;
    private int steps;
    private @Nullable String undecided;
    /** A get, and the put of what it found, if there is one at all: not in this order. */
    private List<Step> refutation = List.of();

    private @Nullable Furthest furthest;

    KeySearch(List<Operation> operations, long deadlineNanos, long maxMemoryBytes) {
        this.deadlineNanos = deadlineNanos;
        this.maxMemoryBytes = maxMemoryBytes;
        Comparator<Step> byInvocation = Comparator.comparingLong(Step::invoked);
        List<Step> all = new ArrayList<>(toSteps(operations));
        all.sort(byInvocation);
        promote(all);
        List<Step> needed =
                all.stream().filter(step -> step.returned != Operation.NEVER).toList();
        must = needed.toArray(Step[]::new);
        may = unknownWrites(all).toArray(Step[]::new);
        for (Step step : must) {
            step.computeMaxFloor();
        }
        byMaxFloor = sortedByMaxFloor(must);
        takenMust = new long[(must.length + 63) >> 6];
        takenMay = new long[(may.length + 63) >> 6];
        path = new int[must.length + may.length];
    }

    private List<Step> toSteps(List<Operation> operations) {
        Map<String, Integer> ids = new HashMap<>();
        List<Step> all = new ArrayList<>();
        for (Operation operation : operations) {
            Operation.Response response = operation.response();
            boolean get = operation.request() instanceof Operation.Get;
            if (response instanceof Operation.Refused || (get && response instanceof Operation.Unknown)) {
                continue;
            }
            if (response instanceof Operation.Found found) {
                all.add(new Step(operation, Kind.FOUND, Condition.NONE, id(ids, found.value()), found.version()));
            } else if (response instanceof Operation.Absent) {
                all.add(new Step(operation, Kind.ABSENT, Condition.NONE, 0, 0));
            } else {
                all.add(write(ids, operation));
            }
        }
        return all;
    }

    private Step write(Map<String, Integer> ids, Operation operation) {
        int value = 0;
        Kind kind = Kind.DELETE;
        Condition condition = Condition.NONE;
        if (operation.request() instanceof Operation.Put put) {
            value = id(ids, put.value());
            kind = Kind.PUT;
            condition = put.condition();
        } else if (operation.request() instanceof Operation.Delete delete) {
            condition = delete.condition();
        }
        if (operation.response() instanceof Operation.ConditionFailed failed) {
            return new Step(operation, Kind.FAILED, condition, 0, failed.currentVersion());
        }
        return new Step(operation, kind, condition, value, operation.appliedVersion());
    }

    private int id(Map<String, Integer> ids, String value) {
        return ids.computeIfAbsent(value, v -> {
            values.add(v);
            return values.size() - 1;
        });
    }

    /** Finds what gets prove about the puts that they read from. */
    private void promote(List<Step> all) {
        int[] writers = new int[values.size()];
        Map<Integer, Step> firstWriter = new HashMap<>();
        for (Step step : all) {
            if (step.kind == Kind.PUT) {
                writers[step.value]++;
                firstWriter.putIfAbsent(step.value, step);
            }
        }
        for (Step get : all) {
            if (get.kind != Kind.FOUND) {
                continue;
            }
            Step put = firstWriter.get(get.value);
            if (put == null || put.invoked() > get.returned) {
                refutation = put == null ? List.of(get) : List.of(get, put);
                return;
            }
            if (writers[get.value] == 1) {
                put.returned = Math.min(put.returned, get.returned);
                if (put.told == Operation.NOT_TOLD) {
                    put.told = get.told;
                }
            }
        }
    }

    private List<Step> unknownWrites(List<Step> all) {
        boolean[] found = new boolean[values.size()];
        boolean conditions = false;
        boolean absences = false;
        for (Step step : all) {
            conditions |= step.condition.kind() != Condition.Kind.NONE;
            absences |= step.kind == Kind.ABSENT;
            if (step.kind == Kind.FOUND) {
                found[step.value] = true;
            }
        }
        List<Step> unknown = new ArrayList<>();
        Map<Step.Alike, Integer> last = new HashMap<>();
        for (Step step : all) {
            if (step.returned != Operation.NEVER) {
                continue;
            }
            boolean noticed = step.kind == Kind.PUT ? found[step.value] : absences;
            if (!noticed && !conditions) {
                continue;
            }
            if (!noticed && step.kind == Kind.PUT) {
                step.value = UNNOTICED;
            }
            Integer before = last.put(step.alike(), unknown.size());
            step.sameBefore = before == null ? -1 : before;
            unknown.add(step);
        }
        return unknown;
    }

    private static int[] sortedByMaxFloor(Step[] steps) {
        Integer[] order = new Integer[steps.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingLong(i -> steps[i].maxFloor));
        return Arrays.stream(order).mapToInt(Integer::intValue).toArray();
    }

    Verdict run() {
        if (!refutation.isEmpty()) {
            return Verdict.BAD;
        }
        Set<Configuration> seen = new HashSet<>();
        ArrayDeque<Frame> frames = new ArrayDeque<>();
        frames.push(frame(RegisterState.EMPTY, null, 0, 0));
        while (taken < must.length) {
            Frame frame = frames.peek();
            if (frame == null) {
                return Verdict.BAD;
            }
            if (frame.next == frame.candidates.length) {
                noteFurthest(frame);
                frames.pop();
                Frame below = frames.peek();
                if (below != null) {
                    undoTo(below.pathLength);
                }
                continue;
            }
            if (++steps % CLOCK_EVERY == 0 && System.nanoTime() - deadlineNanos > 0) {
                return undecided(frame, "time");
            }
            if (usedMemoryBytes > maxMemoryBytes) {
                return undecided(frame, "memory");
            }
            Frame next = take(frame, frame.candidates[frame.next++], seen);
            if (next != null) {
                frames.push(next);
            }
        }
        return Verdict.GOOD;
    }

    private Verdict undecided(Frame frame, String what) {
        noteFurthest(frame);
        undecided = "not decided, because there was no " + what + " left after " + steps + " steps";
        return Verdict.UNDECIDED;
    }

    /** Takes one operation, and the reads that fit then; returns null, with nothing taken, where this leads nowhere. */
    private @Nullable Frame take(Frame frame, int which, Set<Configuration> seen) {
        Step step = step(which);
        RegisterState state = step.applyTo(frame.state);
        if (state == null) {
            return null;
        }
        if (frame.without != null) {
            RegisterState alternative = step.applyTo(frame.without);
            if (alternative != null && alternative.sameEntry(state)) {
                return null;
            }
        }
        push(which);
        int lowest = frame.lowest;
        while (lowest < byMaxFloor.length && get(takenMust, byMaxFloor[lowest])) {
            lowest++;
        }
        if (lowest < byMaxFloor.length && must[byMaxFloor[lowest]].maxFloor < state.floor()) {
            undoTo(frame.pathLength);
            return null;
        }
        Frame next = frame(state, which < 0 ? frame.state : null, frame.firstOpen, lowest);
        if (taken == must.length) {
            return next;
        }
        Configuration configuration = configuration(next);
        // With an unknown write that nothing has noticed yet not everything is tried, so that this is no reason not to
        // try it when it is reached in another way.
        if (next.without == null ? !seen.add(configuration) : seen.contains(configuration)) {
            undoTo(frame.pathLength);
            return null;
        }
        if (next.without == null) {
            usedMemoryBytes += CONFIGURATION_BYTES + 8L * configuration.words.length;
        }
        return next;
    }

    /** Takes every read that fits, and returns what can come then. */
    private Frame frame(RegisterState state, @Nullable RegisterState without, int firstOpenBefore, int lowest) {
        int firstOpen = firstOpenBefore;
        RegisterState unnoticed = without;
        while (true) {
            firstOpen = nextClear(takenMust, firstOpen);
            boolean more = false;
            int[] candidates = new int[8];
            int count = 0;
            long minReturned = Operation.NEVER;
            for (int i = firstOpen;
                    i < must.length && must[i].invoked() <= minReturned;
                    i = nextClear(takenMust, i + 1)) {
                minReturned = Math.min(minReturned, must[i].returned);
                if (!must[i].changes() && state.equals(must[i].applyTo(state))) {
                    push(i);
                    more = true;
                    unnoticed = null;
                } else {
                    candidates = add(candidates, count++, i);
                }
            }
            if (more) {
                continue; // the end of one of them may have kept others back
            }
            for (int i = nextClear(takenMay, 0);
                    i < may.length && may[i].invoked() <= minReturned;
                    i = nextClear(takenMay, i + 1)) {
                if (may[i].sameBefore < 0 || get(takenMay, may[i].sameBefore)) {
                    candidates = add(candidates, count++, ~i);
                }
            }
            return new Frame(state, unnoticed, pathLength, firstOpen, lowest, Arrays.copyOf(candidates, count));
        }
    }

    private static int[] add(int[] array, int count, int element) {
        int[] grown = count < array.length ? array : Arrays.copyOf(array, 2 * count);
        grown[count] = element;
        return grown;
    }

    private Configuration configuration(Frame frame) {
        int from = frame.firstOpen >> 6;
        int to = takenMust.length;
        // What is taken beyond the first open one was invoked before one of the candidates returned: a window of few
        // words, but for very slow operations.
        int last = Math.max(from, lastCandidateWord(frame) + 1);
        to = Math.min(to, last + 1);
        while (to < takenMust.length && takenMust[to] != 0) {
            to++;
        }
        while (to > from && takenMust[to - 1] == 0) {
            to--;
        }
        long[] words = new long[1 + (to - from) + takenMay.length];
        words[0] = ((long) from << 32) | (to - from);
        System.arraycopy(takenMust, from, words, 1, to - from);
        System.arraycopy(takenMay, 0, words, 1 + to - from, takenMay.length);
        return new Configuration(words, frame.state);
    }

    private static int lastCandidateWord(Frame frame) {
        int last = 0;
        for (int candidate : frame.candidates) {
            last = Math.max(last, candidate >> 6);
        }
        return last;
    }

    private Step step(int which) {
        return which < 0 ? may[~which] : must[which];
    }

    private void push(int which) {
        path[pathLength++] = which;
        if (which < 0) {
            takenMay[~which >> 6] |= 1L << ~which;
        } else {
            takenMust[which >> 6] |= 1L << which;
            taken++;
        }
    }

    private void undoTo(int length) {
        while (pathLength > length) {
            int which = path[--pathLength];
            if (which < 0) {
                takenMay[~which >> 6] &= ~(1L << ~which);
            } else {
                takenMust[which >> 6] &= ~(1L << which);
                taken--;
            }
        }
    }

    private static boolean get(long[] words, int index) {
        return (words[index >> 6] & (1L << index)) != 0;
    }

    /** Returns the first index at or after {@code from} that is not in the set; it may be beyond the end. */
    private static int nextClear(long[] words, int from) {
        int word = from >> 6;
        if (word >= words.length) {
            return from;
        }
        long open = ~words[word] & (-1L << from);
        while (open == 0) {
            if (++word == words.length) {
                return word << 6;
            }
            open = ~words[word];
        }
        return (word << 6) + Long.numberOfTrailingZeros(open);
    }

    private void noteFurthest(Frame frame) {
        if (furthest != null && furthest.taken() >= taken) {
            return;
        }
        List<Step> tail = new ArrayList<>();
        for (int i = Math.max(0, pathLength - TAIL); i < pathLength; i++) {
            tail.add(step(path[i]));
        }
        List<Step> open = new ArrayList<>();
        List<Step> unknown = new ArrayList<>();
        for (int candidate : frame.candidates) {
            (candidate < 0 ? unknown : open).add(step(candidate));
        }
        furthest = new Furthest(tail, taken, BitSet.valueOf(takenMust), frame.state, open, unknown);
    }

    /** Returns what was wrong, or how far the search has come, for a person to read. */
    String explain(String key, long originNanos) {
        StringBuilder text = new StringBuilder("key ").append(Operation.quoted(key));
        if (!refutation.isEmpty()) {
            text.append(" is not linearizable: ")
                    .append(
                            refutation.size() == 1
                                    ? "no put of this key writes what was found"
                                    : "found before it was written");
            refutation.forEach(step -> line(text, step, originNanos));
            return text.toString();
        }
        Furthest point = furthest;
        if (point == null) {
            return text.append(" is linearizable").toString();
        }
        text.append(undecided == null ? " is not linearizable" : ": " + undecided);
        text.append(String.format(
                Locale.ROOT,
                ".%n  Of %d operations that were answered or seen %d can be put in order.",
                must.length,
                point.taken()));
        if (!point.tail().isEmpty()) {
            text.append(" The last of these:");
            point.tail().forEach(step -> line(text, step, originNanos));
        }
        text.append("\n  Then ").append(describe(point.state())).append(". Next would have to be one of:");
        Set<Step> shown = new HashSet<>(point.tail());
        for (Step step : point.open()) {
            line(text, step, originNanos);
            text.append("\n        ").append(why(step, point, originNanos));
            shown.add(step);
        }
        if (!point.unknown().isEmpty()) {
            text.append("\n  Unknown writes that may have taken effect, and do not help:");
            point.unknown().stream().limit(TAIL).forEach(step -> line(text, step, originNanos));
            shown.addAll(point.unknown());
            if (point.unknown().size() > TAIL) {
                text.append("\n    and ").append(point.unknown().size() - TAIL).append(" more");
            }
        }
        List<Step> sources = new ArrayList<>();
        for (Step get : point.open()) {
            for (Step put : must) {
                if (get.kind == Kind.FOUND && put.kind == Kind.PUT && put.value == get.value && shown.add(put)) {
                    sources.add(put);
                }
            }
        }
        if (!sources.isEmpty()) {
            text.append("\n  What they found was written by:");
            sources.stream().limit(TAIL).forEach(step -> line(text, step, originNanos));
        }
        return text.toString();
    }

    private static void line(StringBuilder text, Step step, long originNanos) {
        text.append("\n    ").append(History.line(step.source, originNanos));
    }

    private String describe(RegisterState state) {
        String floor = state.floor() == 0 ? "" : " (largest version so far: " + state.floor() + ")";
        if (state.absent()) {
            return "the key is absent" + floor;
        }
        String value =
                state.value() == UNNOTICED ? "a value that nobody found" : Operation.quoted(values.get(state.value()));
        return state.version() == RegisterState.FREE
                ? "the key holds " + value + " at some version from " + state.floor()
                : "the key holds " + value + " v" + state.version();
    }

    private String why(Step step, Furthest point, long originNanos) {
        RegisterState state = point.state();
        RegisterState after = step.applyTo(state);
        if (after == null) {
            return step.changes() && step.told > 0 && step.told <= state.floor()
                    ? "does not fit: version " + step.told + " is not larger than " + state.floor()
                    : "does not fit: " + describe(state);
        }
        for (int i = 0; i < must.length; i++) {
            Step other = must[i];
            if (other != step
                    && other.maxFloor < after.floor()
                    && !point.takenMust().get(i)) {
                return "would be too new for what is still to come:\n          "
                        + History.line(other.source, originNanos);
            }
        }
        return "would fit, but what follows does not";
    }
}
