package io.nearkv.net.server;

import io.nearkv.net.protocol.ProtocolException;

/** How many bytes or events of a stream the peer still takes. Not thread-safe. */
final class Outflow {
    private int credit;

    Outflow(int initial) {
        this.credit = initial;
    }

    int credit() {
        return credit;
    }

    void add(int more) {
        if (more > Integer.MAX_VALUE - credit) {
            throw new ProtocolException("more than 2^31 - 1 of credit");
        }
        credit += more;
    }

    void take(int count) {
        credit -= count;
    }
}
