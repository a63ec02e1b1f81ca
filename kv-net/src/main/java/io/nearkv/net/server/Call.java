package io.nearkv.net.server;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.Limits;
import io.nearkv.core.NamespaceId;
import io.nearkv.net.protocol.BodyReader;
import io.nearkv.net.protocol.BodyWriter;
import io.nearkv.net.protocol.EntryCodec;
import io.nearkv.net.protocol.FrameReader;
import io.nearkv.net.protocol.FrameType;
import io.nearkv.net.protocol.OptionsCodec;
import io.nearkv.net.protocol.Protocol;
import io.nearkv.net.protocol.ProtocolException;
import io.nearkv.net.wire.Wire;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A call: receives its body, which may come in pieces, has the store answer it, and sends the reply, which may go in pieces. What it will hold is reserved before it is
 * received.
 */
final class Call extends Operation {
    private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

    /** How one kind of call is carried out. */
    interface Plan {
        /** Says where the items of the request go; calls without items refuse them. */
        void receive(BodyReader<Wire.CallHeader> body);

        /** Starts the work once all items are there. */
        Work<?> begin(Duration timeout);
    }

    /**
     * What the store was asked, and what becomes of its answer.
     *
     * @param future the answer
     * @param reply makes the reply; runs on the event loop, and may throw {@link KvException}
     * @param outcome what is counted
     * @param absent what is said where the store finds nothing; null for what the store says
     */
    record Work<T>(
            CompletableFuture<T> future,
            Function<? super T, BodyWriter> reply,
            Function<? super T, Integer> outcome,
            @Nullable KvException absent) {
        static <T> Work<T> of(CompletableFuture<T> future, Function<? super T, BodyWriter> reply) {
            return new Work<>(future, reply, value -> Counters.OK, null);
        }

        /** Returns the same work, whose 404 is the one that a caller gets who may not know of what there is. */
        Work<T> orAbsent(KvException newAbsent) {
            return new Work<>(future, reply, outcome, newAbsent);
        }
    }

    private final BodyReader<Wire.CallHeader> body;
    private final Plan plan;
    private final Duration timeout;
    private final Inflow inflow;
    private final Outflow outflow;
    private final StallClock clock;

    private @Nullable Running<?> running;
    private @Nullable BodyWriter reply;
    private int outcome = Counters.OK;

    /** The step that waits for the store. */
    private static final class Running<T> {
        private final Work<T> work;
        private final Step<T> step = new Step<>();

        Running(Work<T> work) {
            this.work = work;
        }

        boolean start(Operation operation) {
            return step.await(work.future(), operation);
        }

        BodyWriter finish(Call call) {
            T value;
            try {
                value = step.take();
            } catch (KvException e) {
                KvException absent = work.absent();
                throw absent != null && e.code() == ErrorCode.NOT_FOUND ? absent : e;
            }
            if (value == null) {
                return BodyWriter.of(Wire.ReplyHeader.getDefaultInstance());
            }
            call.outcome = work.outcome().apply(value);
            return work.reply().apply(value);
        }
    }

    private Call(
            Session session, int correlationId, Op op, BodyReader<Wire.CallHeader> body, Plan plan, Duration timeout) {
        super(session, correlationId, op);
        this.body = body;
        this.plan = plan;
        this.timeout = timeout;
        this.inflow = new Inflow(session.connection(), correlationId);
        this.outflow = new Outflow(session.peerWindowBytes());
        this.clock = new StallClock(session.context().limits().stallTimeout().toNanos());
    }

    /** Takes the frame of a call. Throws {@link KvException} if it is refused. */
    static void begin(Session session, ByteBuf in, FrameReader frame) {
        BodyReader<Wire.CallHeader> body =
                new BodyReader<>(FrameType.CALL, Wire.CallHeader.parser(), Protocol.MAX_CALL_BYTES);
        body.begin(in, frame);
        Wire.CallHeader header = body.header();
        Duration timeout = timeout(header);
        Op op = opOf(header);
        NamespaceId id = namespaceOf(header);
        SessionGuard.Namespace namespace = null;
        if (id != null) {
            namespace = session.namespace(id.high(), id.low(), op, in, frame);
            if (namespace == null) {
                return;
            }
        }
        Plan plan = namespace == null
                ? CatalogueCalls.plan(session, header)
                : EntryCalls.plan(session, namespace, header, timeout);
        Call call = new Call(session, frame.correlationId(), op, body, plan, timeout);
        session.admit(call, body.totalBytes(), null);
        plan.receive(body);
        if (body.isDone()) {
            call.work();
        }
    }

    private static Duration timeout(Wire.CallHeader header) {
        OptionsCodec.checkTimeoutMillis(header.getTimeoutMillis());
        return OptionsCodec.timeout(header.getTimeoutMillis(), Limits.DEFAULT_TIMEOUT);
    }

    private static Op opOf(Wire.CallHeader header) {
        return switch (header.getCallCase()) {
            case GET_ALL -> Op.GET_ALL;
            case WRITE_ALL -> Op.WRITE_ALL;
            case BATCH -> Op.BATCH;
            case LIST -> Op.LIST;
            case ACCOUNTS,
                    CREATE_ACCOUNT,
                    NAMESPACES,
                    NAMESPACE,
                    CREATE_NAMESPACE,
                    RENAME_NAMESPACE,
                    DELETE_NAMESPACE,
                    BACKUP,
                    ASK,
                    LEADERS -> Op.ADMIN;
            case CALL_NOT_SET ->
                throw new KvException(ErrorCode.INVALID_REQUEST, "this call is not known to this server");
        };
    }

    /** Returns the namespace that must be the account's for the call to go on, or null if it names none. */
    private static @Nullable NamespaceId namespaceOf(Wire.CallHeader header) {
        return switch (header.getCallCase()) {
            case GET_ALL -> EntryCodec.namespace(header.getGetAll().getNamespace());
            case WRITE_ALL -> EntryCodec.namespace(header.getWriteAll().getNamespace());
            case BATCH -> EntryCodec.namespace(header.getBatch().getNamespace());
            case LIST -> EntryCodec.namespace(header.getList().getNamespace());
            case RENAME_NAMESPACE ->
                EntryCodec.namespace(header.getRenameNamespace().getId());
            case DELETE_NAMESPACE ->
                EntryCodec.namespace(header.getDeleteNamespace().getId());
            default -> null;
        };
    }

    // ---- receiving ----

    @Override
    void data(ByteBuf in, FrameReader frame) {
        if (body.isDone()) {
            throw new ProtocolException("DATA after the END of a call");
        }
        int length = frame.bodyLength();
        inflow.received(length);
        clock.moved(length);
        boolean complete = body.data(in, frame);
        if (complete) {
            work();
        } else {
            // What is held was reserved when the call began, so the peer may go on.
            inflow.consumed(length);
        }
    }

    // ---- working ----

    private void work() {
        deadlineNanos = System.nanoTime() + timeout.toNanos() + SECOND_NANOS;
        Running<?> started = new Running<>(plan.begin(timeout));
        running = started;
        if (started.start(this)) {
            proceed();
        }
    }

    @Override
    void proceed() {
        Running<?> work = running;
        if (reply == null && work != null && work.step.isDone()) {
            BodyWriter writer = work.finish(this);
            running = null;
            reply = writer;
            deadlineNanos = Long.MAX_VALUE;
            session.reserve(this, writer.totalBytes());
            writer.writeFirst(session.connection().out(), FrameType.REPLY, correlationId);
            session.connection().flushIfLarge();
            pump();
        }
    }

    // ---- replying ----

    private void pump() {
        BodyWriter writer = reply;
        if (writer == null || ended) {
            return;
        }
        ServerConnection connection = session.connection();
        while (!writer.isDone()) {
            if (outflow.credit() == 0 || !connection.isWritable()) {
                return;
            }
            int count = writer.writeData(connection.out(), correlationId, outflow.credit());
            outflow.take(count);
            clock.moved(count);
            connection.flushIfLarge();
        }
        session.count(this, outcome);
        session.end(this);
    }

    @Override
    void credit(int more) {
        outflow.add(more);
        pump();
    }

    @Override
    void writable() {
        pump();
    }

    @Override
    void cancel() {
        if (running == null) {
            session.fail(this, Upload.cancelled());
        }
    }

    @Override
    boolean isStream() {
        return true;
    }

    @Override
    @Nullable
    KvException overdue(long nowNanos) {
        return clock.isOver(running == null, nowNanos) ? Upload.stalled(session) : super.overdue(nowNanos);
    }
}
