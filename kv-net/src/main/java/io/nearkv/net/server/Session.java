package io.nearkv.net.server;

import io.nearkv.core.DirectReader;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.NamespaceInfo;
import io.nearkv.core.PutOptions;
import io.nearkv.core.ReadOptions;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.core.identity.Permission;
import io.nearkv.net.protocol.DeleteFrame;
import io.nearkv.net.protocol.ErrorCodec;
import io.nearkv.net.protocol.FeedCodec;
import io.nearkv.net.protocol.FoundFrame;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.Frames;
import io.nearkv.net.protocol.GetFrame;
import io.nearkv.net.protocol.ProtocolException;
import io.nearkv.net.protocol.PutFrame;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import io.netty.util.collection.IntObjectHashMap;
import io.netty.util.collection.IntObjectMap;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a client that has said HELLO may do on its connection: understands its requests, and keeps those in flight. Confined to the event loop.
 *
 * <p>The guards stand before everything: no request looks at a cache or at the store before {@link #requireServing} and the permission have passed. A get that the store answers
 * from memory makes no object; whatever has to wait becomes an {@link Operation}.
 */
final class Session implements DirectReader.Visitor {
    private static final Logger log = LoggerFactory.getLogger(Session.class);

    /** Stores keep the deadlines of calls themselves; this much later the server does it for them. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final ServerConnection connection;
    private final ServerContext context;
    private final Counters counters;
    private final KvStore store;
    private final SessionGuard guard;
    private final @Nullable DirectReader directReader;
    private final int peerWindowBytes;

    private final IntObjectMap<Operation> inFlight = new IntObjectHashMap<>();
    private long inFlightBytes;
    private long heldBytes;
    private int streams;
    private int watches;

    private final RequestClock clock;
    private int directId;

    Session(ServerConnection connection, KvStore store, SessionGuard guard, int peerWindowBytes) {
        this.connection = connection;
        this.context = connection.context();
        this.counters = context.counters();
        this.store = store;
        this.guard = guard;
        this.directReader = store.directReader();
        this.peerWindowBytes = peerWindowBytes;
        this.clock = connection.loopState().requestClock();
    }

    LoopState loopState() {
        return connection.loopState();
    }

    ServerConnection connection() {
        return connection;
    }

    ServerContext context() {
        return context;
    }

    /** Returns what this connection is for. */
    KvStore store() {
        return store;
    }

    SessionGuard guard() {
        return guard;
    }

    /** Returns how many bytes of a stream the peer takes before it says more. */
    int peerWindowBytes() {
        return peerWindowBytes;
    }

    // ---- frames ----

    /** Takes one frame; borrows the buffer. Throws {@link ProtocolException} where nothing that follows can be understood. */
    void handle(ByteBuf in, FrameReader frame) {
        int type = frame.type();
        if ((frame.flags() & ~FrameType.definedFlags(type)) != 0 && type < FrameType.FIRST_IGNORABLE) {
            requireFree(frame);
            error(frame.correlationId(), Op.OTHER, unknown(FrameType.name(type) + " with unknown flags"));
            return;
        }
        switch (type) {
            case FrameType.GET -> {
                request(Op.GET, in, frame);
                return; // it may be one of many that share a look at the clock
            }
            case FrameType.PUT -> request(Op.PUT, in, frame);
            case FrameType.DELETE -> request(Op.DELETE, in, frame);
            case FrameType.PUT_STREAM -> request(Op.UPLOAD, in, frame);
            case FrameType.CALL -> request(Op.OTHER, in, frame);
            case FrameType.WATCH -> request(Op.WATCH, in, frame);
            case FrameType.DATA -> data(in, frame);
            case FrameType.CREDIT -> credit(in, frame);
            case FrameType.CANCEL -> cancel(in, frame);
            case FrameType.PING ->
                Frames.writeLong(connection.out(), FrameType.PONG, frame.correlationId(), readLong(in, frame));
            case FrameType.PONG -> {}
            case FrameType.OFFER -> connection.documents().offer(in, frame, false);
            case FrameType.FOLLOW -> connection.documents().follow(frame);
            case FrameType.HELLO -> throw new ProtocolException("a second HELLO");
            default -> {
                if (type < FrameType.FIRST_IGNORABLE) {
                    requireFree(frame);
                    error(frame.correlationId(), Op.OTHER, unknown("frame type " + FrameType.name(type)));
                }
            }
        }
        clock.next();
    }

    private static KvException unknown(String what) {
        return new KvException(ErrorCode.INVALID_REQUEST, what + " is not known to this server");
    }

    private static long readLong(ByteBuf in, FrameReader frame) {
        try {
            return Frames.readLong(in, frame);
        } catch (KvException e) {
            throw new ProtocolException("PING is malformed");
        }
    }

    private void request(Op op, ByteBuf in, FrameReader frame) {
        int id = frame.correlationId();
        requireFree(frame);
        try {
            requireServing();
            switch (op) {
                case GET -> get(in, frame);
                case PUT -> put(in, frame);
                case DELETE -> delete(in, frame);
                case UPLOAD -> upload(in, frame);
                case WATCH -> watch(in, frame);
                default -> Call.begin(this, in, frame);
            }
        } catch (ProtocolException e) {
            throw e;
        } catch (RuntimeException e) {
            Operation begun = inFlight.get(id);
            if (begun != null) {
                fail(begun, e);
            } else {
                error(id, op, knownFailure(e));
            }
        }
    }

    private void requireFree(FrameReader frame) {
        int id = frame.correlationId();
        if (id == 0) {
            throw new ProtocolException(FrameType.name(frame.type()) + " with correlation id 0");
        }
        if (!inFlight.isEmpty() && inFlight.containsKey(id)) {
            throw new ProtocolException("correlation id " + Integer.toUnsignedString(id) + " is in flight already");
        }
    }

    /** The two guards, and the end of the server: throws 401 or 503. */
    void requireServing() {
        KvException refusal = guard.refusal();
        if (refusal != null) {
            throw refusal;
        }
        if (connection.isDraining()) {
            throw ServerConnection.shuttingDown();
        }
    }

    private void data(ByteBuf in, FrameReader frame) {
        Operation operation = inFlight.get(frame.correlationId());
        if (operation == null) {
            return; // it was answered while this was on its way
        }
        try {
            operation.data(in, frame);
        } catch (ProtocolException e) {
            throw e;
        } catch (RuntimeException e) {
            fail(operation, e);
        }
    }

    private void credit(ByteBuf in, FrameReader frame) {
        if (frame.bodyLength() != Integer.BYTES || in.getInt(frame.bodyOffset()) <= 0) {
            throw new ProtocolException("CREDIT is malformed");
        }
        Operation operation = inFlight.get(frame.correlationId());
        if (operation == null) {
            return;
        }
        if (operation instanceof Deferred deferred) {
            deferred.keep(in, frame);
            return;
        }
        try {
            operation.credit(in.getInt(frame.bodyOffset()));
        } catch (ProtocolException e) {
            throw e;
        } catch (RuntimeException e) {
            fail(operation, e);
        }
    }

    private void cancel(ByteBuf in, FrameReader frame) {
        Operation operation = inFlight.get(frame.correlationId());
        if (operation instanceof Deferred deferred) {
            deferred.keep(in, frame);
        } else if (operation != null) {
            operation.cancel();
        }
    }

    // ---- single keys ----

    private void get(ByteBuf in, FrameReader frame) {
        int id = frame.correlationId();
        GetFrame.check(in, frame);
        SessionGuard.Namespace namespace =
                namespace(GetFrame.namespaceHigh(in, frame), GetFrame.namespaceLow(in, frame), Op.GET, in, frame);
        if (namespace == null) {
            clock.next();
            return;
        }
        guard.requireRead(namespace);
        DirectReader direct = directReader;
        if (direct != null && GetFrame.isEventual(in, frame)) {
            int length = GetFrame.keyLength(frame);
            if (length <= Limits.MAX_KEY_BYTES) {
                in.getBytes(GetFrame.keyOffset(frame), loopState().keyBytes(), 0, length);
                ByteBuffer key = loopState().key(length);
                Key.check(key);
                directId = id;
                switch (direct.read(namespace.id(), key, this)) {
                    case FOUND -> {
                        clock.found();
                        return;
                    }
                    case MISSING -> {
                        Frames.writeMissing(connection.out(), id, GetResult.Missing.INSTANCE);
                        clock.missing();
                        return;
                    }
                    case ELSEWHERE -> {}
                }
            }
        }
        ReadOptions options = GetFrame.options(in, frame, Limits.DEFAULT_TIMEOUT);
        Key key = GetFrame.key(in, frame);
        Download download = new Download(this, id);
        admit(download, Limits.CHUNK_BYTES, options.timeout());
        download.start(store.open(namespace.id(), key, options));
        clock.next();
    }

    /** Takes what a direct read found: straight from the view into the answer. */
    @Override
    public void entry(ByteBuffer value, @Nullable ByteBuffer metadata, long version, long expiresAt) {
        FoundFrame.write(connection.out(), directId, value, metadata, version, expiresAt);
    }

    @Override
    public void entry(GetResult.Found found) {
        FoundFrame.write(connection.out(), directId, found);
    }

    private void put(ByteBuf in, FrameReader frame) {
        PutFrame.check(in, frame);
        SessionGuard.Namespace namespace =
                namespace(PutFrame.namespaceHigh(in, frame), PutFrame.namespaceLow(in, frame), Op.PUT, in, frame);
        if (namespace == null) {
            return;
        }
        guard.requireWrite(namespace);
        WriteOptions options = PutFrame.writeOptions(in, frame, Limits.DEFAULT_TIMEOUT);
        Key key = PutFrame.key(in, frame);
        PutOptions put = PutFrame.putOptions(in, frame);
        PendingWrite write = new PendingWrite(this, frame.correlationId(), Op.PUT);
        admit(write, frame.frameBytes(), options.timeout());
        write.start(store.write(namespace.id(), new Mutation.Put(key, PutFrame.value(in, frame), put), options));
    }

    private void delete(ByteBuf in, FrameReader frame) {
        DeleteFrame.check(in, frame);
        SessionGuard.Namespace namespace = namespace(
                DeleteFrame.namespaceHigh(in, frame), DeleteFrame.namespaceLow(in, frame), Op.DELETE, in, frame);
        if (namespace == null) {
            return;
        }
        guard.requireWrite(namespace);
        WriteOptions options = DeleteFrame.writeOptions(in, frame, Limits.DEFAULT_TIMEOUT);
        Mutation.Delete mutation = DeleteFrame.mutation(in, frame);
        PendingWrite write = new PendingWrite(this, frame.correlationId(), Op.DELETE);
        admit(write, frame.frameBytes(), options.timeout());
        write.start(store.write(namespace.id(), mutation, options));
    }

    private void upload(ByteBuf in, FrameReader frame) {
        PutFrame.check(in, frame);
        SessionGuard.Namespace namespace =
                namespace(PutFrame.namespaceHigh(in, frame), PutFrame.namespaceLow(in, frame), Op.UPLOAD, in, frame);
        if (namespace == null) {
            return;
        }
        guard.requireWrite(namespace);
        WriteOptions options = PutFrame.writeOptions(in, frame, Limits.DEFAULT_TIMEOUT);
        Key key = PutFrame.key(in, frame);
        PutOptions put = PutFrame.putOptions(in, frame);
        Upload upload = new Upload(this, frame.correlationId(), PutFrame.totalBytes(in, frame), options.timeout());
        admit(upload, context.limits().streamWindowBytes(), options.timeout());
        upload.start(store.upload(namespace.id(), key, put, options));
    }

    private void watch(ByteBuf in, FrameReader frame) {
        Wire.WatchRequest request = Frames.parse(Wire.WatchRequest.parser(), in, frame);
        var feed = FeedCodec.fromWire(request);
        NamespaceId id = feed.namespace();
        if (id == null) {
            guard.requireEverywhere(Permission.READ);
        } else {
            SessionGuard.Namespace namespace = namespace(id.high(), id.low(), Op.WATCH, in, frame);
            if (namespace == null) {
                return;
            }
            guard.requireRead(namespace);
        }
        int max = context.limits().maxWatchesPerConnection();
        if (watches >= max) {
            throw context.shed("watches on this connection", max);
        }
        Watch watch = new Watch(this, frame.correlationId(), id == null, request.getCredits());
        admit(watch, 0, null);
        watches++;
        counters.watches.increment();
        store.watch(feed).subscribe(watch);
    }

    /**
     * Returns the namespace if it is of this account; null if that takes time: then the frame is kept, and handled again when it is known. Throws 404 alike whether there is none
     * or it is another account's.
     */
    SessionGuard.@Nullable Namespace namespace(long high, long low, Op op, ByteBuf in, FrameReader frame) {
        SessionGuard.Namespace known = guard.known(high, low);
        if (known != null) {
            return known;
        }
        NamespaceId id = new NamespaceId(high, low);
        CompletableFuture<NamespaceInfo> lookup = store.admin().namespace(id);
        if (!lookup.isDone()) {
            Deferred deferred = new Deferred(this, frame.correlationId(), op, id);
            admit(deferred, frame.frameBytes(), Limits.DEFAULT_TIMEOUT);
            deferred.start(in, frame, lookup);
            return null;
        }
        Operation.Step<NamespaceInfo> step = new Operation.Step<>();
        step.accept(lookup);
        return accept(id, step);
    }

    /** Returns the namespace that a lookup found. Throws as {@link #namespace}. */
    SessionGuard.Namespace accept(NamespaceId id, Operation.Step<NamespaceInfo> lookup) {
        try {
            return guard.accept(id, lookup.take());
        } catch (KvException e) {
            throw e.code() == ErrorCode.NOT_FOUND ? SessionGuard.notFound(id) : e;
        }
    }

    // ---- requests in flight ----

    /** Takes the operation into those in flight; throws 503 if there is no room. */
    void admit(Operation operation, long bytes, @Nullable Duration timeout) {
        ServerLimits limits = context.limits();
        if (bytes > limits.maxBytesInFlightPerConnection()) {
            throw new KvException(
                    ErrorCode.TOO_LARGE,
                    "request of " + bytes + " bytes (expected: at most " + limits.maxBytesInFlightPerConnection()
                            + ")");
        }
        if (inFlight.size() >= limits.maxRequestsInFlightPerConnection()) {
            throw context.shed("requests in flight on this connection", limits.maxRequestsInFlightPerConnection());
        }
        if (inFlightBytes + bytes > limits.maxBytesInFlightPerConnection()) {
            throw context.shed("bytes in flight on this connection", limits.maxBytesInFlightPerConnection());
        }
        context.admit(bytes);
        inFlightBytes += bytes;
        operation.reservedBytes = bytes;
        if (timeout != null) {
            operation.deadlineNanos = System.nanoTime() + timeout.toNanos() + GRACE_NANOS;
        }
        if (operation.isStream()) {
            streams++;
        }
        inFlight.put(operation.correlationId, operation);
    }

    /** Changes what an operation holds, without asking: what is there already cannot be refused. */
    void reserve(Operation operation, long bytes) {
        long more = bytes - operation.reservedBytes;
        operation.reservedBytes = bytes;
        inFlightBytes += more;
        context.held(more);
    }

    /** Ends an operation: after this, its correlation id is free. */
    void end(Operation operation) {
        if (operation.ended) {
            return;
        }
        operation.ended = true;
        inFlight.remove(operation.correlationId);
        context.ended();
        if (operation.isStream()) {
            streams--;
        }
        if (operation instanceof Watch) {
            watches--;
            counters.watches.decrement();
        }
        heldBytes += operation.reservedBytes;
        if (connection.isWritable()) {
            giveBackHeldBytes();
        }
        try {
            operation.release();
        } catch (RuntimeException e) {
            log.atError().setCause(e).log("resources of an operation were not given back");
        }
    }

    // The answer of an operation that has ended is still held while the peer does not read.
    private void giveBackHeldBytes() {
        inFlightBytes -= heldBytes;
        context.held(-heldBytes);
        heldBytes = 0;
    }

    /** Ends an operation with an error. */
    void fail(Operation operation, RuntimeException failure) {
        if (!operation.ended) {
            error(
                    operation.correlationId,
                    operation.op,
                    knownFailure(failure),
                    System.nanoTime() - operation.startNanos);
            end(operation);
        }
    }

    /** Answers the request that is being handled with an error. */
    private void error(int correlationId, Op op, KvException error) {
        error(correlationId, op, error, clock.lap());
    }

    private void error(int correlationId, Op op, KvException error, long nanos) {
        if (error.code() == ErrorCode.INTERNAL) {
            log.atError().addKeyValue("op", op.label()).setCause(error).log("operation failed");
        }
        counters.count(op, error.code(), nanos);
        ErrorCodec.write(connection.out(), correlationId, error);
    }

    private static KvException knownFailure(RuntimeException failure) {
        if (failure instanceof IllegalStateException) {
            log.atWarn().setCause(failure).log("the store does not take requests");
            return new KvException(ErrorCode.UNAVAILABLE, "the store does not take requests", failure);
        }
        return KvException.from(failure);
    }

    /** Answers a write. */
    void written(Operation write, @Nullable WriteResult result) {
        if (result instanceof WriteResult.Applied applied) {
            Frames.writeLong(connection.out(), FrameType.WRITTEN, write.correlationId, applied.version());
            count(write, Counters.OK);
        } else if (result instanceof WriteResult.ConditionFailed failed) {
            Frames.writeLong(
                    connection.out(), FrameType.CONDITION_FAILED, write.correlationId, failed.currentVersion());
            count(write, Counters.CONDITION_FAILED);
        } else {
            fail(write, new KvException(ErrorCode.INTERNAL, "the store gave no result"));
        }
    }

    /** Counts an operation whose answer is written. */
    void count(Operation operation, int outcome) {
        counters.count(operation.op, outcome, System.nanoTime() - operation.startNanos);
    }

    // ---- events of the connection ----

    void writable() {
        giveBackHeldBytes();
        for (Operation operation : operations()) {
            if (operation.ended) {
                continue;
            }
            try {
                operation.writable();
            } catch (RuntimeException e) {
                fail(operation, e);
            }
        }
    }

    void tick(long nowNanos) {
        if (inFlight.isEmpty()) {
            return;
        }
        KvException refusal = streams > 0 ? guard.refusal() : null;
        for (Operation operation : operations()) {
            KvException overdue = operation.isStream() && refusal != null ? refusal : operation.overdue(nowNanos);
            if (overdue != null) {
                fail(operation, overdue);
            }
        }
    }

    /** Watches go on elsewhere; everything else finishes. */
    void drain() {
        for (Operation operation : operations()) {
            if (operation instanceof Watch) {
                fail(operation, ServerConnection.shuttingDown());
            }
        }
    }

    boolean isIdle() {
        return inFlight.isEmpty();
    }

    /** Ends everything without an answer. */
    void closed() {
        for (Operation operation : operations()) {
            end(operation);
        }
        giveBackHeldBytes();
    }

    private List<Operation> operations() {
        return new ArrayList<>(inFlight.values());
    }
}
