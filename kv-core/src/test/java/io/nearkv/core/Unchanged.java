package io.nearkv.core;

import java.util.function.Predicate;

/** Holds when asked about the same number as the last time. */
final class Unchanged implements Predicate<Integer> {
    private int last = -1;

    @Override
    public boolean test(Integer now) {
        boolean same = now == last;
        last = now;
        return same;
    }
}
