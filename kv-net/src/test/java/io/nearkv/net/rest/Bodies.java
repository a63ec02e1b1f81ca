package io.nearkv.net.rest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayOutputStream;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;

/** Feeds bodies to their parsers, in pieces of the test's choice. */
final class Bodies {
    static final long NOW = 1_800_000_000L;
    static final InstantSource CLOCK = InstantSource.fixed(Instant.ofEpochSecond(NOW));

    /** Where the pieces of an input end. */
    interface Pieces {
        /** Returns the length of the next piece, at least 1. */
        int next();

        static Pieces whole() {
            return () -> Integer.MAX_VALUE;
        }

        static Pieces of(int length) {
            return () -> length;
        }

        static Pieces random(Random random) {
            return () -> 1 + random.nextInt(random.nextInt(8) == 0 ? 40 : 4);
        }
    }

    /** A part as a sink has seen it. */
    record Part(
            String name,
            @Nullable String fileName,
            @Nullable String contentType,
            String data) {}

    private Bodies() {}

    static <B extends JsonBody> B parse(B body, byte[] bytes, Pieces pieces, boolean direct) {
        feed(bytes, pieces, direct, body::read);
        body.finish();
        assertThat(body.heldBytes()).isNotNegative();
        return body;
    }

    static <B extends JsonBody> B parse(B body, String json) {
        return parse(body, json.getBytes(UTF_8), Pieces.whole(), false);
    }

    static RestException refused(JsonBody body, String json) {
        return refusal(() -> parse(body, json));
    }

    static RestException refusal(ThrowingCallable call) {
        RestException refusal = catchThrowableOfType(RestException.class, call);
        assertThat(refusal).as("refusal").isNotNull();
        return refusal;
    }

    static List<Part> form(String contentType, byte[] bytes, Pieces pieces, boolean direct) {
        MultipartReader reader = MultipartReader.of(contentType);
        Collector collector = new Collector();
        feed(bytes, pieces, direct, in -> reader.read(in, collector));
        reader.end();
        assertThat(collector.open).isFalse();
        return collector.parts;
    }

    private static void feed(byte[] bytes, Pieces pieces, boolean direct, java.util.function.Consumer<ByteBuf> to) {
        // With an offset, and something behind: a parser that looks at the array beyond the indexes is found out.
        ByteBuf in = direct ? Unpooled.directBuffer(bytes.length + 8) : Unpooled.buffer(bytes.length + 8);
        try {
            in.writeLong(0x5b5b5b5b5b5b5b5bL).skipBytes(8).writeBytes(bytes);
            ByteBuf all = in.slice(8, bytes.length);
            while (all.isReadable()) {
                ByteBuf piece = all.readSlice(Math.min(all.readableBytes(), pieces.next()));
                to.accept(piece);
                assertThat(piece.isReadable()).isFalse();
            }
        } finally {
            in.release();
        }
    }

    private static final class Collector implements MultipartReader.Sink {
        private final List<Part> parts = new ArrayList<>();
        private final ByteArrayOutputStream data = new ByteArrayOutputStream();
        private String name = "";
        private @Nullable String fileName;
        private @Nullable String contentType;
        private boolean open;

        @Override
        public void beginPart(String newName, @Nullable String newFileName, @Nullable String newContentType) {
            assertThat(open).isFalse();
            open = true;
            name = newName;
            fileName = newFileName;
            contentType = newContentType;
            data.reset();
        }

        @Override
        public void data(ByteBuf slice) {
            assertThat(open).isTrue();
            assertThat(slice.readableBytes()).isPositive();
            byte[] bytes = new byte[slice.readableBytes()];
            slice.readBytes(bytes);
            data.writeBytes(bytes);
        }

        @Override
        public void endPart() {
            assertThat(open).isTrue();
            open = false;
            parts.add(
                    new Part(name, fileName, contentType, data.toString(java.nio.charset.StandardCharsets.ISO_8859_1)));
        }
    }
}
