package io.nearkv.core;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One page of a listing, in byte order of the keys. A page may hold fewer keys than asked for, or none, and still not be the last: only {@code next} tells.
 *
 * @param keys what was found
 * @param next where the next page begins, or null if this was the last one
 */
public record ListPage(List<KeyInfo> keys, @Nullable Cursor next) {
    /** Makes the list read-only. */
    public ListPage {
        keys = List.copyOf(keys);
    }

    /** Returns whether this was the last page. */
    public boolean complete() {
        return next == null;
    }
}
