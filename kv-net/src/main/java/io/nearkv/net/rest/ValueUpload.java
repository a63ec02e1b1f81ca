package io.nearkv.net.rest;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvStore;
import io.nearkv.core.Limits;
import io.nearkv.core.Mutation;
import io.nearkv.core.NamespaceId;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueWriter;
import io.nearkv.core.WriteOptions;
import io.nearkv.core.WriteResult;
import io.nearkv.net.server.Op;
import io.nearkv.net.server.SessionGuard;
import io.nearkv.net.server.StallClock;
import io.netty.buffer.ByteBuf;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * A value that is written: the body as it is, or the part {@code value} of a form. What fits in one piece becomes one write; a larger one is handed to the store piece by piece, and the client
 * is read from only as fast as the store takes them, so that no more than a few pieces are here at any time.
 */
final class ValueUpload extends Exchange implements MultipartReader.Sink {
    private static final int PIECE_BYTES = Limits.CHUNK_BYTES;

    /** A commit may wait for many others' bytes to reach the disk. */
    private static final WriteOptions COMMIT = WriteOptions.DEFAULT.withTimeout(Duration.ofSeconds(60));

    private static final int MAX_METADATA_TEXT_BYTES = 64 * 1024;

    private enum Part {
        VALUE,
        METADATA,
        OTHER
    }

    private final KvStore store;
    private final SessionGuard guard;
    private final NamespaceId namespace;
    private final Key key;
    private final @Nullable MultipartReader form;
    private final StallClock clock;
    private PutOptions options;

    private Part part;
    private boolean hasValue;
    private @Nullable ByteBuf metadataText;

    /** Full pieces that the store has not been given yet; owned. */
    private final Deque<ByteBuf> pieces = new ArrayDeque<>();
    /** The piece that is being filled; owned. */
    private @Nullable ByteBuf filling;
    /** The piece that the store is taking; owned, and borrowed by the store until it says so. */
    private @Nullable ByteBuf current;

    private @Nullable ValueWriter writer;
    private boolean opening;
    private boolean storeBusy;
    private boolean complete;
    private long valueBytes;

    /**
     * @param store takes the value
     * @param form reads the body where it is a form, null where the body is the value
     */
    ValueUpload(
            RestHandler handler,
            KvStore store,
            SessionGuard guard,
            NamespaceId namespace,
            Key key,
            PutOptions options,
            @Nullable MultipartReader form) {
        super(handler, Op.PUT);
        this.store = store;
        this.guard = guard;
        this.namespace = namespace;
        this.key = key;
        this.options = options;
        this.form = form;
        this.part = form == null ? Part.VALUE : Part.OTHER;
        this.hasValue = form == null;
        this.clock = new StallClock(handler.server().limits().stallTimeout().toNanos());
    }

    // ---- the body ----

    @Override
    void body(ByteBuf piece) {
        clock.moved(piece.readableBytes());
        MultipartReader reader = form;
        if (reader == null) {
            data(piece);
        } else {
            reader.read(piece, this);
        }
    }

    @Override
    public void beginPart(String name, @Nullable String fileName, @Nullable String contentType) {
        switch (name) {
            case "value" -> {
                if (hasValue) {
                    throw RestException.invalid(WorkersCodes.VALIDATION, "the form has 'value' twice");
                }
                hasValue = true;
                part = Part.VALUE;
            }
            case "metadata" -> {
                if (metadataText != null) {
                    throw RestException.invalid(WorkersCodes.VALIDATION, "the form has 'metadata' twice");
                }
                metadataText = handler.buffer(Limits.MAX_METADATA_BYTES);
                part = Part.METADATA;
            }
            default -> part = Part.OTHER;
        }
    }

    @Override
    public void endPart() {
        part = Part.OTHER;
    }

    @Override
    public void data(ByteBuf slice) {
        if (part == Part.VALUE) {
            value(slice);
        } else if (part == Part.METADATA) {
            ByteBuf text = metadataText;
            if (text == null || text.readableBytes() + slice.readableBytes() > MAX_METADATA_TEXT_BYTES) {
                throw BodyRefusal.tooLarge("metadata (expected: at most " + Limits.MAX_METADATA_BYTES + " bytes)");
            }
            text.writeBytes(slice);
        }
    }

    private void value(ByteBuf slice) {
        valueBytes += slice.readableBytes();
        if (valueBytes > Limits.MAX_VALUE_BYTES) {
            throw BodyRefusal.tooLarge(
                    "value of more than " + Limits.MAX_VALUE_BYTES + " bytes (expected: at most that)");
        }
        while (slice.isReadable()) {
            ByteBuf piece = filling;
            if (piece == null) {
                piece = handler.buffer((int) Math.min(PIECE_BYTES, Math.max(valueBytes, 256)));
                filling = piece;
            } else if (piece.readableBytes() == PIECE_BYTES) {
                // Only when there is more than one piece: a value of just one becomes one write.
                pieces.add(piece);
                filling = null;
                open();
                continue;
            }
            piece.writeBytes(slice, Math.min(slice.readableBytes(), PIECE_BYTES - piece.readableBytes()));
        }
        if (!pieces.isEmpty()) {
            pump();
            if (!pieces.isEmpty()) {
                handler.pauseBody();
            }
        }
    }

    private void open() {
        if (opening) {
            return;
        }
        hold(handler.server().limits().streamWindowBytes());
        opening = true;
        op = Op.UPLOAD;
        handler.server().counters().streams.increment();
        expectWithin(Limits.DEFAULT_TIMEOUT);
        await(
                store.upload(namespace, key, options, COMMIT),
                opened -> {
                    writer = opened;
                    expectNothing();
                    pump();
                },
                late -> {
                    if (late != null) {
                        late.close();
                    }
                });
    }

    /** Hands the store the next piece, once it has taken the one before. */
    private void pump() {
        ValueWriter open = writer;
        if (open == null || storeBusy) {
            return;
        }
        ByteBuf next = pieces.poll();
        if (next != null) {
            current = next;
            storeBusy = true;
            await(open.write(next.nioBuffer()), nothing -> pump(), late -> giveBack());
        } else if (complete) {
            storeBusy = true;
            expectWithin(COMMIT.timeout());
            await(open.commit(options), this::written, late -> giveBack());
        } else {
            handler.resumeBody();
        }
    }

    @Override
    void settled() {
        storeBusy = false;
        ByteBuf taken = current;
        current = null;
        if (taken != null) {
            taken.release();
        }
    }

    @Override
    void bodyEnd() {
        MultipartReader reader = form;
        if (reader != null) {
            reader.end();
            if (!hasValue) {
                throw RestException.invalid(
                        WorkersCodes.VALIDATION, "the form has no field 'value' (expected: value, and maybe metadata)");
            }
            ByteBuf text = metadataText;
            if (text != null) {
                options = options.withMetadata(MetadataText.of(text));
            }
        }
        complete = true;
        ByteBuf last = filling;
        filling = null;
        if (opening) {
            if (last != null) {
                pieces.add(last);
            }
            pump();
            return;
        }
        byte[] bytes = new byte[last == null ? 0 : last.readableBytes()];
        if (last != null) {
            last.readBytes(bytes);
            last.release();
        }
        expectWithin(Limits.DEFAULT_TIMEOUT);
        await(
                store.write(namespace, new Mutation.Put(key, Value.wrap(bytes), options), WriteOptions.DEFAULT),
                this::written);
    }

    private void written(WriteResult result) {
        Writes.answer(this, result);
    }

    // ---- the end ----

    @Override
    @Nullable
    KvException overdue(long nowNanos) {
        boolean waitsForPeer = !complete && !storeBusy && pieces.isEmpty();
        if (clock.isOver(waitsForPeer, nowNanos)) {
            handler.server().counters().stalledStreams.increment();
            return new KvException(
                    ErrorCode.DEADLINE_EXCEEDED, "the peer took longer than the stall timeout for 64 KiB of a value");
        }
        KvException refusal = complete ? null : guard.refusal();
        return refusal != null ? refusal : super.overdue(nowNanos);
    }

    @Override
    void release() {
        if (opening) {
            handler.server().counters().streams.decrement();
        }
        pieces.forEach(ByteBuf::release);
        pieces.clear();
        if (filling != null) {
            filling.release();
            filling = null;
        }
        if (metadataText != null) {
            metadataText.release();
            metadataText = null;
        }
        if (!storeBusy) {
            giveBack();
        } // else the store still reads the piece: see settled()
    }

    private void giveBack() {
        ValueWriter open = writer;
        writer = null;
        if (open != null) {
            open.close();
        }
    }
}
