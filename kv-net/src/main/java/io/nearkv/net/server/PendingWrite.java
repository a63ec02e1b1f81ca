package io.nearkv.net.server;

import io.nearkv.core.WriteResult;
import java.util.concurrent.CompletableFuture;

/** A put or delete that waits for its commit. */
final class PendingWrite extends Operation {
    private final Step<WriteResult> commit = new Step<>();

    PendingWrite(Session session, int correlationId, Op op) {
        super(session, correlationId, op);
    }

    void start(CompletableFuture<WriteResult> result) {
        if (commit.await(result, this)) {
            proceed();
        }
    }

    @Override
    void proceed() {
        session.written(this, commit.take());
        session.end(this);
    }
}
