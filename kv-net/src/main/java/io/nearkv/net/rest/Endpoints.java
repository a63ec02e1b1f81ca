package io.nearkv.net.rest;

import io.nearkv.core.AccountId;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.identity.Grant;
import io.nearkv.net.server.SessionGuard;
import io.netty.handler.codec.http.HttpRequest;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Understands requests: what the path names, who asks, whether the account and the namespace are the caller's. What is asked of a namespace is {@link EntryEndpoints}', what of the
 * account {@link CatalogueEndpoints}'. Confined to the loop of its handler.
 */
final class Endpoints {
    private final RestHandler handler;
    private final RestContext context;
    private final EntryEndpoints entries;
    private final CatalogueEndpoints catalogue;

    // The account of the last grant as text, because every path has it.
    private @Nullable Grant lastGrant;
    private String lastAccount = "";

    Endpoints(RestHandler handler, RestConnection connection, RestContext context) {
        this.handler = handler;
        this.context = context;
        this.entries = new EntryEndpoints(handler, connection, context);
        this.catalogue = new CatalogueEndpoints(handler, context);
    }

    /** Answers a request, or begins an exchange that will, or parks it. Throws what it is refused with. */
    void handle(HttpRequest request) {
        Route route = Route.of(HttpRules.pathOf(request.uri()));
        handler.isFor(route.op(request.method()));
        SessionGuard guard;
        try {
            guard = handler.authenticate(request.headers());
        } catch (KvException e) {
            throw route.resource() == Route.Resource.TOKEN_VERIFY && e.code() == ErrorCode.UNAUTHORIZED
                    ? new RestException(401, WorkersCodes.INVALID_TOKEN, e)
                    : e;
        }
        if (!route.account().isEmpty()) {
            requireOwn(route, guard.grant());
        }
        switch (route.resource()) {
            case NAMESPACES, TOKEN_VERIFY, USER, ACCOUNTS, MEMBERSHIPS -> catalogue.handle(request, route, guard);
            default -> {
                NamespaceId id = namespaceId(request, route);
                SessionGuard.Namespace known = guard.known(id.high(), id.low());
                if (known != null) {
                    handle(request, route, guard, known);
                } else {
                    lookUp(request, route, guard, id);
                }
            }
        }
    }

    private void handle(HttpRequest request, Route route, SessionGuard guard, SessionGuard.Namespace namespace) {
        if (route.resource() == Route.Resource.NAMESPACE) {
            catalogue.handleNamespace(request, route, guard, namespace.id());
        } else {
            entries.handle(request, route, guard, namespace);
        }
    }

    /** Throws unless the path's account is the caller's; another's answers as one that does not exist. */
    @SuppressWarnings(
            "ReferenceEquality") // Whether it is the very grant of the last request; comparing all of it costs more
    // than the text.
    private void requireOwn(Route route, Grant grant) {
        if (grant != lastGrant) {
            lastGrant = grant;
            lastAccount = grant.account().toString();
        }
        if (!route.account().equals(lastAccount)) {
            String account = route.account();
            boolean wellFormed =
                    account.length() == lastAccount.length() && account.chars().allMatch(HexFormat::isHexDigit);
            if (wellFormed && AccountId.parse(account).equals(grant.account())) {
                return; // in upper case
            }
            throw new RestException(
                    wellFormed ? 404 : 400,
                    WorkersCodes.NO_ROUTE,
                    new KvException(
                            wellFormed ? ErrorCode.NOT_FOUND : ErrorCode.INVALID_REQUEST,
                            "Could not route to /accounts/" + Key.display(account)
                                    + ", perhaps your object identifier is invalid?"));
        }
    }

    private static NamespaceId namespaceId(HttpRequest request, Route route) {
        String text = route.namespace();
        if (text.isEmpty()) {
            throw route.nothingNamed(request.method().name());
        }
        boolean wellFormed = text.length() == 32;
        for (int i = 0; i < text.length() && wellFormed; i++) {
            wellFormed = HexFormat.isHexDigit(text.charAt(i));
        }
        if (!wellFormed) {
            throw RestException.invalid(
                    WorkersCodes.MALFORMED_NAMESPACE_ID,
                    "could not parse UUID from request's namespace_id: '" + Key.display(text)
                            + "' (expected: 32 hex digits)");
        }
        return new NamespaceId(HexFormat.fromHexDigitsToLong(text, 0, 16), HexFormat.fromHexDigitsToLong(text, 16, 32));
    }

    /** Handles the request once it is known whether the namespace is the account's; if that takes time, the request is parked. Throws 404. */
    private void lookUp(HttpRequest request, Route route, SessionGuard guard, NamespaceId id) {
        CompletableFuture<NamespaceInfo> lookup =
                context.server().store().admin().namespace(id);
        if (lookup.isDone()) {
            handle(request, route, guard, guard.accept(id, lookup.join()));
            return;
        }
        int ticket = handler.park();
        Runnable step = () -> {
            SessionGuard.Namespace namespace = guard.accept(id, lookup.join());
            KvException refusal = guard.refusal(); // time has passed
            if (refusal != null) {
                throw refusal;
            }
            handle(request, route, guard, namespace);
        };
        var unused = lookup.whenComplete((info, failure) -> {
            try {
                handler.loop().execute(() -> handler.unpark(ticket, step));
            } catch (RejectedExecutionException e) {
                // The loop has ended, and its requests with it.
                return;
            }
        });
    }
}
