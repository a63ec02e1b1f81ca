package io.nearkv.core;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** One walk over a listing, page by page. Not thread-safe. */
final class Listing implements Iterator<KeyInfo> {
    private final KvNamespace namespace;
    private final ListOptions options;
    private Iterator<KeyInfo> page;
    private @Nullable Cursor next;

    Listing(KvNamespace namespace, ListOptions options) {
        this.namespace = namespace;
        this.options = options;
        ListPage first = namespace.listPage(options);
        this.page = first.keys().iterator();
        this.next = first.next();
    }

    @Override
    public boolean hasNext() {
        // A page may be empty and still not the last one.
        while (!page.hasNext() && next != null) {
            ListPage following = namespace.listPage(options.withCursor(next));
            page = following.keys().iterator();
            next = following.next();
        }
        return page.hasNext();
    }

    @Override
    public KeyInfo next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the listing is at its end");
        }
        return page.next();
    }
}
