package io.nearkv.net.rest;

import io.nearkv.core.Limits;
import io.nearkv.core.WriteResult;
import io.nearkv.net.server.Op;
import java.util.concurrent.CompletableFuture;

/** A write that needs no body. */
final class PlainWrite extends Exchange {
    PlainWrite(RestHandler handler, Op op) {
        super(handler, op);
    }

    void start(CompletableFuture<WriteResult> write) {
        expectWithin(Limits.DEFAULT_TIMEOUT);
        await(write, result -> Writes.answer(this, result));
    }
}
