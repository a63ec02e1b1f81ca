package io.nearkv.net.server;

/** The operations that are counted; closed set. Internal to kv-net. */
public enum Op {
    /** The first words of a connection. */
    HELLO(0, "hello"),
    /** Reads of one key. */
    GET(1, "get"),
    /** Writes of a small value. */
    PUT(2, "put"),
    /** Removals of one key. */
    DELETE(3, "delete"),
    /** Writes of a value that comes piece by piece. */
    UPLOAD(4, "upload"),
    /** Reads of many keys. */
    GET_ALL(5, "get_all"),
    /** Writes of many keys, each for itself. */
    WRITE_ALL(6, "write_all"),
    /** Writes of many keys at once. */
    BATCH(7, "batch"),
    /** Listings. */
    LIST(8, "list"),
    /** Watches. */
    WATCH(9, "watch"),
    /** Accounts, namespaces, backups. */
    ADMIN(10, "admin"),
    /** What could not be understood. */
    OTHER(11, "other");

    private final int index;
    private final String label;

    Op(int index, String label) {
        this.index = index;
        this.label = label;
    }

    int index() {
        return index;
    }

    /** Returns the name in metrics, such as {@code get_all}. */
    public String label() {
        return label;
    }
}
