package io.nearkv.net.rest;

import io.nearkv.core.KvException;
import io.nearkv.core.identity.Authority;
import io.nearkv.net.server.ServerContext;
import io.nearkv.net.server.SessionGuard;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import org.jspecify.annotations.Nullable;

/**
 * Who calls on a connection. HTTP says it with every request; a token is verified when it is another than that of the request before, and then only compared. Confined to the event loop
 * of its connection.
 */
final class Caller {
    private static final String BEARER = "Bearer ";
    /** What clients of older kinds send in place of a bearer token; the value is the token all the same. */
    private static final String SERVICE_KEY = "X-Auth-User-Service-Key";

    private static final String KEY = "X-Auth-Key";

    private final ServerContext context;
    private final Object peer;

    private @Nullable String presented;
    private @Nullable SessionGuard guard;

    Caller(ServerContext context, Object peer) {
        this.context = context;
        this.peer = peer;
    }

    /** Returns the guard of the request's token. Throws 401 if node or token are not good now, 429 if the peer has failed too often. */
    SessionGuard authenticate(HttpHeaders headers) {
        Authority authority = context.authority();
        String token = presentedIn(headers);
        SessionGuard known = guard;
        if (known == null || !token.equals(presented)) {
            KvException refusal = authority.refusal();
            if (refusal != null) {
                throw refusal;
            }
            known = context.guard(context.authenticate(bare(token), peer));
            guard = known;
            presented = token;
        }
        KvException refusal = known.refusal();
        if (refusal != null) {
            throw refusal;
        }
        return known;
    }

    private static String presentedIn(HttpHeaders headers) {
        String value = headers.get(HttpHeaderNames.AUTHORIZATION);
        if (value == null) {
            value = headers.get(SERVICE_KEY);
        }
        if (value == null) {
            value = headers.get(KEY);
        }
        return value == null ? "" : value;
    }

    private static String bare(String value) {
        return value.regionMatches(true, 0, BEARER, 0, BEARER.length())
                ? value.substring(BEARER.length()).strip()
                : value.strip();
    }
}
