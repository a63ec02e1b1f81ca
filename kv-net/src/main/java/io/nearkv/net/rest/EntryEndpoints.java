package io.nearkv.net.rest;

import io.nearkv.core.BatchResult;
import io.nearkv.core.Condition;
import io.nearkv.core.Cursor;
import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.FeedRequest;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.OpenResult;
import io.nearkv.core.Origin;
import io.nearkv.core.Position;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.route.BuildChoice;
import io.nearkv.net.server.Op;
import io.nearkv.net.server.SessionGuard;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpUtil;
import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What is asked of the entries of a namespace: a thin translation onto {@link KvStore}. Confined to the loop of its handler. */
final class EntryEndpoints {
    /** Shortest time that a read may let a copy be good for, over this face (Workers KV). */
    private static final long MIN_CACHE_TTL_SECONDS = 30;
    /** Longer than anybody keeps a copy; larger numbers mean the same. */
    private static final long MAX_CACHE_TTL_SECONDS = 10L * 365 * 24 * 3600;

    /** A body of 100 MB takes the disk a while. */
    private static final WriteOptions BULK = WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(60));

    /** Between heartbeats of a watch: well under the time after which proxies give up a silent connection. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(10);

    /** Names the build that is to answer, for testers. */
    private static final String BUILD_OVERRIDE = "KV-Build-Override";

    private static final String LAST_EVENT_ID = "Last-Event-ID";

    private final RestHandler handler;
    private final RestConnection connection;
    private final RestContext context;
    /** That of the request which is being handled; what comes later has it in hand. */
    private KvStore store;

    EntryEndpoints(RestHandler handler, RestConnection connection, RestContext context) {
        this.handler = handler;
        this.connection = connection;
        this.context = context;
        this.store = context.server().store();
    }

    private KvStore store() {
        return store;
    }

    /** Returns the tier, or one build behind it where a tester has asked for that by its id. */
    private KvStore chosen(HttpRequest request, SessionGuard guard) {
        KvStore all = context.server().store();
        String build = request.headers().get(BUILD_OVERRIDE);
        if (build == null) {
            return all;
        }
        if (all instanceof BuildChoice choice) {
            return choice.ofBuild(build, guard.grant().subject());
        }
        throw RestException.invalid(WorkersCodes.VALIDATION, BUILD_OVERRIDE + ": this node sends no requests by route");
    }

    void handle(HttpRequest request, Route route, SessionGuard guard, SessionGuard.Namespace namespace) {
        store = chosen(request, guard);
        HttpMethod method = request.method();
        switch (route.resource()) {
            case VALUE -> value(request, route, guard, namespace);
            case METADATA -> {
                require(route, method, HttpMethod.GET);
                guard.requireRead(namespace);
                metadata(namespace.id(), key(request, route));
            }
            case KEYS -> {
                require(route, method, HttpMethod.GET);
                guard.requireRead(namespace);
                list(namespace.id(), Query.of(route.query()));
            }
            case BULK -> {
                guard.requireWrite(namespace);
                if (method.equals(HttpMethod.DELETE)) {
                    deleteAll(request, namespace.id());
                } else {
                    require(route, method, HttpMethod.PUT);
                    putAll(request, namespace.id());
                }
            }
            case BULK_DELETE -> {
                require(route, method, HttpMethod.POST);
                guard.requireWrite(namespace);
                deleteAll(request, namespace.id());
            }
            case BULK_GET -> {
                require(route, method, HttpMethod.POST);
                guard.requireRead(namespace);
                getAll(request, namespace.id());
            }
            case WATCH -> {
                require(route, method, HttpMethod.GET);
                guard.requireRead(namespace);
                watch(request, namespace.id(), Query.of(route.query()), guard);
            }
            default -> throw new IllegalArgumentException("no resource of a namespace: " + route.resource());
        }
    }

    static void require(Route route, HttpMethod method, HttpMethod allowed) {
        if (!method.equals(allowed)) {
            throw route.methodNotAllowed(method.name());
        }
    }

    private static byte[] keyBytes(HttpRequest request, Route route) {
        if (route.key().isEmpty()) {
            throw route.nothingNamed(request.method().name());
        }
        return PercentDecoder.decode(route.key());
    }

    private static Key key(HttpRequest request, Route route) {
        try {
            return Key.ofUtf8(keyBytes(request, route));
        } catch (KvException e) {
            throw RestException.badName(e);
        }
    }

    // ---- one key ----

    private void value(HttpRequest request, Route route, SessionGuard guard, SessionGuard.Namespace namespace) {
        HttpMethod method = request.method();
        if (method.equals(HttpMethod.GET)) {
            guard.requireRead(namespace);
            get(request, route, guard, namespace.id());
        } else if (method.equals(HttpMethod.PUT)) {
            guard.requireWrite(namespace);
            put(request, route, guard, namespace.id());
        } else if (method.equals(HttpMethod.DELETE)) {
            guard.requireWrite(namespace);
            delete(request, route, namespace.id());
        } else if (method.equals(HttpMethod.HEAD)) {
            guard.requireRead(namespace);
            download(request, key(request, route), guard, namespace.id(), readOptions(route));
        } else {
            throw route.methodNotAllowed(method.name());
        }
    }

    private void get(HttpRequest request, Route route, SessionGuard guard, NamespaceId namespace) {
        HttpHeaders headers = request.headers();
        DirectReader direct = context.server().directReader();
        byte[] name = keyBytes(request, route);
        ByteBuffer key = ByteBuffer.wrap(name);
        try {
            Key.check(key);
        } catch (KvException e) {
            throw RestException.badName(e);
        }
        ReadOptions reads = readOptions(route);
        if (direct != null
                && reads.cacheTtl() == null
                && !headers.contains(HttpHeaderNames.RANGE)
                && !headers.contains(HttpHeaderNames.IF_NONE_MATCH)) {
            switch (direct.read(namespace, key, handler)) {
                case FOUND -> {
                    return;
                }
                case MISSING -> {
                    handler.answerMissing(Op.GET, Origin.OWNER);
                    return;
                }
                case ELSEWHERE -> {}
            }
        }
        download(request, Key.ofUtf8(name), guard, namespace, reads);
    }

    /** Returns what the query says of how old a copy may be, as the binding of Workers does. */
    private static ReadOptions readOptions(Route route) {
        if (route.query().isEmpty()) {
            return ReadOptions.DEFAULT;
        }
        long ttl = Query.of(route.query()).seconds("cache_ttl");
        if (ttl == Query.ABSENT) {
            return ReadOptions.DEFAULT;
        }
        if (ttl < MIN_CACHE_TTL_SECONDS) {
            throw RestException.invalid(
                    WorkersCodes.VALIDATION,
                    "Invalid cache_ttl of " + ttl + ". Cache TTL must be at least " + MIN_CACHE_TTL_SECONDS + ".");
        }
        return ReadOptions.DEFAULT.withCacheTtl(Duration.ofSeconds(Math.min(ttl, MAX_CACHE_TTL_SECONDS)));
    }

    private void download(HttpRequest request, Key key, SessionGuard guard, NamespaceId namespace, ReadOptions reads) {
        ValueDownload download = new ValueDownload(handler, guard, request.headers());
        handler.admit(download, Limits.CHUNK_BYTES);
        download.start(store().open(namespace, key, reads));
    }

    private void put(HttpRequest request, Route route, SessionGuard guard, NamespaceId namespace) {
        Key key = key(request, route);
        PutOptions options = putOptions(Query.of(route.query()), request.headers());
        String contentType = request.headers().get(HttpHeaderNames.CONTENT_TYPE);
        MultipartReader form =
                MultipartReader.accepts(contentType) && contentType != null ? MultipartReader.of(contentType) : null;
        long length = HttpUtil.getContentLength(request, 0L);
        if (form == null && length > Limits.MAX_VALUE_BYTES) {
            throw BodyRefusal.tooLarge(
                    "value of " + length + " bytes (expected: at most " + Limits.MAX_VALUE_BYTES + ")");
        }
        ValueUpload upload = new ValueUpload(handler, store(), guard, namespace, key, options, form);
        handler.admit(upload, Limits.CHUNK_BYTES);
    }

    private PutOptions putOptions(Query query, HttpHeaders headers) {
        Condition condition = EntityTag.conditionOf(headers);
        long ttl = query.seconds("expiration_ttl");
        long expiration = query.seconds("expiration");
        long minTtl = Limits.MIN_WORKERS_TTL.toSeconds();
        PutOptions options = PutOptions.when(condition);
        try {
            // As in the binding: the time to live wins where both are given.
            if (ttl != Query.ABSENT) {
                if (ttl < minTtl) {
                    throw RestException.invalid(
                            WorkersCodes.TTL_TOO_SHORT, "expiration_ttl must be at least " + minTtl + ": " + ttl);
                }
                return new PutOptions(null, 0, ttl, condition);
            }
            if (expiration != Query.ABSENT) {
                long nowSecond = Math.floorDiv(context.clock().millis(), 1000L);
                if (expiration < nowSecond + minTtl) {
                    throw RestException.invalid(
                            WorkersCodes.VALIDATION,
                            "expiration must be at least " + minTtl + " seconds in the future: " + expiration);
                }
                return options.withExpiration(Instant.ofEpochSecond(expiration));
            }
        } catch (DateTimeException e) {
            throw RestException.invalid(WorkersCodes.VALIDATION, "expiration: " + expiration + " is out of range");
        }
        return options;
    }

    private void delete(HttpRequest request, Route route, NamespaceId namespace) {
        Mutation.Delete mutation = new Mutation.Delete(key(request, route), EntityTag.conditionOf(request.headers()));
        PlainWrite write = new PlainWrite(handler, Op.DELETE);
        handler.admit(write, mutation.sizeBytes());
        write.start(store().write(namespace, mutation, WriteOptions.DEFAULT));
    }

    private void metadata(NamespaceId namespace, Key key) {
        JsonCall<OpenResult> call = new JsonCall<>(
                handler,
                Op.GET,
                null,
                Limits.DEFAULT_TIMEOUT,
                () -> store().open(namespace, key, ReadOptions.DEFAULT),
                (result, out) -> {
                    if (!(result instanceof OpenResult.Opened opened)) {
                        throw RestException.keyNotFound();
                    }
                    try (var reader = opened.reader()) {
                        JsonAnswer.metadata(out, reader.metadata());
                    }
                },
                late -> {
                    if (late instanceof OpenResult.Opened opened) {
                        opened.reader().close();
                    }
                });
        handler.admit(call, Limits.MAX_METADATA_BYTES);
        call.start();
    }

    // ---- many keys ----

    private void list(NamespaceId namespace, Query query) {
        int limit = query.number("limit", 1, Limits.MAX_LIST_LIMIT, Limits.MAX_LIST_LIMIT);
        String prefix = query.text("prefix");
        String cursor = query.text("cursor");
        ListOptions options;
        try {
            options = new ListOptions(
                    prefix == null ? "" : prefix,
                    cursor == null || cursor.isEmpty() ? null : Cursor.parse(cursor),
                    limit);
        } catch (KvException e) {
            throw RestException.badName(e);
        }
        JsonCall<ListPage> call = new JsonCall<>(
                handler,
                Op.LIST,
                null,
                Limits.DEFAULT_TIMEOUT,
                () -> store().list(namespace, options, ReadOptions.DEFAULT),
                (page, out) -> JsonAnswer.keys(out, page));
        handler.admit(call, Limits.CHUNK_BYTES);
        call.start();
    }

    private void requireBulkSize(HttpRequest request, long max) {
        long length = HttpUtil.getContentLength(request, 0L);
        if (length > max) {
            throw BodyRefusal.tooLarge("body of " + length + " bytes (expected: at most " + max + ")");
        }
    }

    private void putAll(HttpRequest request, NamespaceId namespace) {
        requireBulkSize(request, BodyLimits.MAX_BULK_BYTES);
        BulkPutBody body = new BulkPutBody(context.clock());
        batch(body, namespace, () -> List.copyOf(body.puts()));
    }

    private void deleteAll(HttpRequest request, NamespaceId namespace) {
        requireBulkSize(request, BodyLimits.MAX_BULK_BYTES);
        BulkKeysBody body = new BulkKeysBody();
        batch(body, namespace, () -> body.keys().stream().map(Mutation::delete).toList());
    }

    /** All items are written at once: a bulk call happens as a whole, or not at all. */
    private void batch(JsonBody body, NamespaceId namespace, Supplier<List<Mutation>> mutations) {
        int[] count = new int[1];
        JsonCall<BatchResult> call = new JsonCall<>(
                handler,
                Op.BATCH,
                body,
                BULK.timeout(),
                () -> {
                    List<Mutation> all = mutations.get();
                    count[0] = all.size();
                    return all.isEmpty()
                            ? CompletableFuture.completedFuture(new BatchResult.Applied(0, 0))
                            : store().batch(namespace, all, BULK);
                },
                (result, out) -> JsonAnswer.bulkDone(out, count[0]));
        handler.admit(call, Limits.CHUNK_BYTES);
        call.start();
    }

    private void getAll(HttpRequest request, NamespaceId namespace) {
        requireBulkSize(request, BodyLimits.MAX_BULK_GET_BYTES);
        BulkGetBody body = new BulkGetBody();
        JsonCall<List<GetResult>> call = new JsonCall<>(
                handler,
                Op.GET_ALL,
                body,
                Limits.DEFAULT_TIMEOUT,
                () -> store().getAll(namespace, body.keys(), ReadOptions.DEFAULT),
                (results, out) -> JsonAnswer.values(out, body.keys(), results, body.json(), body.withMetadata()));
        handler.admit(call, Limits.MAX_BULK_GET_BYTES);
        call.start();
    }

    // ---- the change feed ----

    private void watch(HttpRequest request, NamespaceId namespace, Query query, SessionGuard guard) {
        String prefix = query.text("prefix");
        String from = request.headers().get(LAST_EVENT_ID);
        if (from == null || from.isEmpty()) {
            from = query.text("from");
        }
        FeedRequest feed;
        try {
            feed = FeedRequest.of(namespace, start(from))
                    .withPrefix(prefix == null ? "" : prefix)
                    .withHeartbeat(HEARTBEAT);
        } catch (KvException e) {
            throw RestException.badName(e);
        }
        int max = context.server().limits().maxWatchesPerConnection();
        if (connection.watches() >= max) {
            throw RestException.of(
                    new KvException(ErrorCode.UNAVAILABLE, "overloaded: " + max + " watches on this connection"));
        }
        WatchStream watch = new WatchStream(handler, connection, guard);
        handler.admit(watch, 0);
        watch.start(feed);
    }

    private static FeedRequest.Start start(@Nullable String from) {
        if (from == null || from.isEmpty() || from.equals("now")) {
            return new FeedRequest.Start.Now();
        }
        return from.equals("oldest")
                ? new FeedRequest.Start.Oldest()
                : new FeedRequest.Start.After(Position.parse(from));
    }
}
