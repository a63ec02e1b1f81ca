package io.nearkv.net.rest;

import io.nearkv.core.AccountId;
import io.nearkv.core.AccountInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvAdmin;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.identity.Grant;
import io.nearkv.core.identity.Permission;
import io.nearkv.net.server.Counters;
import io.nearkv.net.server.Op;
import io.nearkv.net.server.SessionGuard;
import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What is asked of the account: its namespaces, and who the caller is. Confined to the loop of its handler. */
final class CatalogueEndpoints {
    private static final int TYPICAL_BYTES = 512;
    private static final int DEFAULT_PER_PAGE = 20;
    private static final int MAX_PER_PAGE = 1000;

    private final RestHandler handler;
    private final RestContext context;

    CatalogueEndpoints(RestHandler handler, RestContext context) {
        this.handler = handler;
        this.context = context;
    }

    private KvAdmin admin() {
        return context.server().store().admin();
    }

    void handle(HttpRequest request, Route route, SessionGuard guard) {
        HttpMethod method = request.method();
        if (route.resource() == Route.Resource.NAMESPACES && method.equals(HttpMethod.POST)) {
            create(guard);
            return;
        }
        EntryEndpoints.require(route, method, HttpMethod.GET);
        switch (route.resource()) {
            case NAMESPACES -> list(Query.of(route.query()), guard);
            case TOKEN_VERIFY -> {
                Grant grant = guard.grant();
                answer(out -> JsonAnswer.token(out, grant.tokenId(), 0, grant.expiresAtEpochSecond()));
            }
            case USER -> {
                Grant grant = guard.grant();
                answer(out -> JsonAnswer.user(out, grant.tokenId(), grant.subject()));
            }
            case ACCOUNTS -> accounts(Query.of(route.query()), guard, JsonAnswer::accounts);
            case MEMBERSHIPS -> accounts(Query.of(route.query()), guard, JsonAnswer::memberships);
            default -> throw new IllegalArgumentException("no resource of an account: " + route.resource());
        }
    }

    void handleNamespace(HttpRequest request, Route route, SessionGuard guard, NamespaceId id) {
        HttpMethod method = request.method();
        if (method.equals(HttpMethod.GET)) {
            if (!guard.maySee(id)) {
                throw guard.scope("the token may not see namespace " + id);
            }
            call(null, () -> admin().namespace(id), (namespace, out) -> JsonAnswer.namespace(out, namespace));
        } else if (method.equals(HttpMethod.PUT)) {
            guard.requireAdmin(id);
            NamespaceBody body = new NamespaceBody();
            call(
                    body,
                    () -> named(admin().renameNamespace(id, body.title())),
                    (namespace, out) -> JsonAnswer.namespace(out, namespace));
        } else if (method.equals(HttpMethod.DELETE)) {
            guard.requireAdmin(id);
            call(null, () -> admin().deleteNamespace(id), (nothing, out) -> JsonAnswer.done(out));
        } else {
            throw route.methodNotAllowed(method.name());
        }
    }

    private void create(SessionGuard guard) {
        guard.requireEverywhere(Permission.ADMIN);
        AccountId account = guard.grant().account();
        NamespaceBody body = new NamespaceBody();
        call(
                body,
                () -> named(admin().createNamespace(account, body.title())),
                (namespace, out) -> JsonAnswer.namespace(out, namespace));
    }

    /** Says what a title is refused with in the words of Workers KV. */
    private static CompletableFuture<NamespaceInfo> named(CompletableFuture<NamespaceInfo> future) {
        return future.handle((namespace, failure) -> {
            if (failure == null) {
                return namespace;
            }
            KvException error = KvException.from(failure);
            throw switch (error.code()) {
                case PRECONDITION_FAILED ->
                    new RestException(
                            400,
                            WorkersCodes.TITLE_TAKEN,
                            new KvException(
                                    ErrorCode.PRECONDITION_FAILED,
                                    "a namespace with this account ID and title already exists"));
                case RATE_LIMITED ->
                    // Not 429: clients would ask again at once, and it would be refused again.
                    new RestException(403, WorkersCodes.QUOTA, error);
                default -> RestException.of(error);
            };
        });
    }

    private void list(Query query, SessionGuard guard) {
        int page = query.number("page", 1, Integer.MAX_VALUE, 1);
        int perPage = query.number("per_page", 1, MAX_PER_PAGE, DEFAULT_PER_PAGE);
        Comparator<NamespaceInfo> order = switch (choice(query, "order", "id", "title")) {
            case "title" -> Comparator.comparing(NamespaceInfo::title);
            default -> Comparator.comparing(namespace -> namespace.id().toString());
        };
        Comparator<NamespaceInfo> directed =
                choice(query, "direction", "asc", "desc").equals("desc") ? order.reversed() : order;
        call(null, () -> admin().namespaces(guard.grant().account()), (namespaces, out) -> {
            List<NamespaceInfo> seen = namespaces.stream()
                    .filter(namespace -> guard.maySee(namespace.id()))
                    .sorted(directed)
                    .toList();
            JsonAnswer.namespaces(out, pageOf(seen, page, perPage), page, perPage, seen.size());
        });
    }

    private static String choice(Query query, String name, String otherwise, String other) {
        String text = query.text(name);
        if (text == null || text.isEmpty() || text.equals(otherwise)) {
            return otherwise;
        }
        if (text.equals(other)) {
            return other;
        }
        throw RestException.invalid(
                WorkersCodes.VALIDATION,
                name + ": '" + Key.display(text) + "' (expected: " + otherwise + " or " + other + ")");
    }

    private static <T> List<T> pageOf(List<T> all, int page, int perPage) {
        long from = Math.min(all.size(), (page - 1L) * perPage);
        return all.subList((int) from, (int) Math.min(all.size(), from + perPage));
    }

    /** Writes a page of accounts. */
    private interface AccountsAnswer {
        void write(ByteBuf out, List<AccountInfo> accounts, int page, int perPage, long total);
    }

    /** A token knows of its own account alone. */
    private void accounts(Query query, SessionGuard guard, AccountsAnswer answer) {
        int page = query.number("page", 1, Integer.MAX_VALUE, 1);
        int perPage = query.number("per_page", 1, MAX_PER_PAGE, DEFAULT_PER_PAGE);
        AccountId own = guard.grant().account();
        call(null, () -> admin().accounts(), (accounts, out) -> {
            List<AccountInfo> seen = accounts.stream()
                    .filter(account -> account.id().equals(own))
                    .toList();
            answer.write(out, pageOf(seen, page, perPage), page, perPage, seen.size());
        });
    }

    private void answer(Consumer<ByteBuf> json) {
        ByteBuf body = handler.buffer(TYPICAL_BYTES);
        json.accept(body);
        handler.answer(Op.ADMIN, Responses.full(200, Responses.JSON, body, context.date()), Counters.OK);
    }

    private <T> void call(
            @Nullable JsonBody body,
            Supplier<CompletableFuture<T>> call,
            BiConsumer<? super T, ? super ByteBuf> answer) {
        JsonCall<T> exchange = new JsonCall<>(handler, Op.ADMIN, body, Limits.DEFAULT_TIMEOUT, call, answer);
        handler.admit(exchange, TYPICAL_BYTES);
        exchange.start();
    }
}
