package io.nearkv.net.server;

/** The operations that are counted; closed set. */
enum Op {
    HELLO(0, "hello"),
    GET(1, "get"),
    PUT(2, "put"),
    DELETE(3, "delete"),
    UPLOAD(4, "upload"),
    GET_ALL(5, "get_all"),
    WRITE_ALL(6, "write_all"),
    BATCH(7, "batch"),
    LIST(8, "list"),
    WATCH(9, "watch"),
    ADMIN(10, "admin"),
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

    String label() {
        return label;
    }
}
