package io.nearkv.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Reads without objects, where a tier has them: they may pass, but never answer otherwise than a get. */
public interface DirectReadContract extends ContractSupport {
    private DirectReader direct() {
        DirectReader reader = store().directReader();
        assumeTrue(reader != null, "this tier has no direct reads");
        return Objects.requireNonNull(reader);
    }

    /** Reads directly and compares with a get; returns what the direct read came to. */
    private DirectReader.Outcome compare(ByteBuffer key) {
        AtomicReference<GetResult> seen = new AtomicReference<>(GetResult.Missing.INSTANCE);
        int position = key.position();
        Thread caller = Thread.currentThread();
        DirectReader.Outcome outcome = direct().read(ns(), key, new DirectReader.Visitor() {
            @Override
            public void entry(ByteBuffer value, @Nullable ByteBuffer metadata, long version, long expiresAt) {
                assertThat(Thread.currentThread()).isSameAs(caller);
                assertThat(value.remaining()).isLessThanOrEqualTo(Limits.CHUNK_BYTES);
                Metadata copy = metadata == null ? null : Metadata.ofStored(metadata.duplicate());
                seen.set(GetResult.Found.copyOf(value, copy, version, expiresAt));
            }
        });
        assertThat(key.position()).as("position of the key").isEqualTo(position);
        GetResult expected = await(store().get(ns(), Key.ofUtf8(key), reads()));
        switch (outcome) {
            case FOUND -> assertThat(seen.get()).isEqualTo(expected);
            case MISSING -> assertThat(expected).isEqualTo(GetResult.Missing.INSTANCE);
            case ELSEWHERE -> assertThat(seen.get()).isEqualTo(GetResult.Missing.INSTANCE);
        }
        return outcome;
    }

    private DirectReader.Outcome compare(String key) {
        ByteBuffer heap = key(key).asByteBuffer();
        ByteBuffer direct = ByteBuffer.allocateDirect(heap.remaining() + 7);
        direct.position(3).put(heap.duplicate()).flip().position(3);
        DirectReader.Outcome outcome = compare(heap);
        DirectReader.Outcome again = compare(direct);
        // The get in between may have brought it into the memory of a cache.
        if (outcome != DirectReader.Outcome.ELSEWHERE || !fixture().isCache()) {
            assertThat(again).isEqualTo(outcome);
        }
        return again;
    }

    @Test
    default void direct_reads_agree_with_gets_for_every_size() {
        for (int size : new int[] {0, 1, 100, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300_000}) {
            put("k" + size, bytes(size, size), PutOptions.metadata(Metadata.ofJson("\"" + size + "\"")));
            put("plain" + size, bytes(size, size), PutOptions.DEFAULT);
            compare("k" + size);
            compare("plain" + size);
        }
        assertThat(compare("k300000")).isEqualTo(DirectReader.Outcome.ELSEWHERE);
        assertThat(compare("nothing")).isNotEqualTo(DirectReader.Outcome.FOUND);
    }

    @Test
    default void direct_reads_see_a_write_as_soon_as_it_is_acknowledged() {
        for (int i = 0; i < 50; i++) {
            put("k", "v" + i);
            compare("k");
            if (i % 5 == 0) {
                delete("k");
                assertThat(compare("k")).isNotEqualTo(DirectReader.Outcome.FOUND);
            }
        }
    }

    @Test
    default void direct_reads_never_find_what_has_expired() {
        TestClock clock = clock();
        put("k", "v", PutOptions.expiresAfter(Duration.ofSeconds(5)));
        compare("k");
        clock.advance(Duration.ofSeconds(6));
        assertThat(compare("k")).isNotEqualTo(DirectReader.Outcome.FOUND);
    }

    @Test
    default void direct_reads_of_a_namespace_that_does_not_exist_find_nothing() {
        DirectReader reader = direct();
        DirectReader.Outcome outcome = DirectReader.Outcome.ELSEWHERE;
        try {
            outcome = reader.read(
                    new NamespaceId(1, 2), key("k").asByteBuffer(), (value, metadata, version, expiresAt) -> {});
        } catch (KvException e) {
            assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND);
        }
        assertThat(outcome).isEqualTo(DirectReader.Outcome.ELSEWHERE);
    }
}
