package io.nearkv.net.rest;

import io.nearkv.core.WriteResult;
import io.nearkv.net.server.Counters;
import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;

/** Answers to writes of one key. Stateless. */
final class Writes {
    private static final int TYPICAL_BYTES = 128;

    private Writes() {}

    /** Answers what became of a write: 200 with the new version as entity tag, or 412. */
    static void answer(Exchange exchange, WriteResult result) {
        RestHandler handler = exchange.handler;
        if (result instanceof WriteResult.Applied applied) {
            ByteBuf body = handler.buffer(TYPICAL_BYTES);
            JsonAnswer.done(body);
            FullHttpResponse response = Responses.full(200, Responses.JSON, body, handler.date());
            response.headers().set(HttpHeaderNames.ETAG, EntityTag.of(applied.version()));
            handler.finish(exchange, response, Counters.OK);
            return;
        }
        long current = ((WriteResult.ConditionFailed) result).currentVersion();
        handler.finishRefused(
                exchange, RestException.of(WriteResult.conditionFailed(current)), Counters.CONDITION_FAILED, current);
    }
}
