package io.nearkv.core;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** What every part of the contract suite stands on: the tier under test, an empty namespace for each test, and short forms of the calls. */
public interface ContractSupport {
    /** Enlarges the suite: {@code -Dnearkv.test.long=true}. */
    boolean LONG = Boolean.getBoolean("nearkv.test.long");

    /** Returns the tier under test, shared by the tests of a class. */
    StoreFixture fixture();

    /** Opens another tier under test over empty data, for tests that close it or fill its catalogue; the test closes it. */
    StoreFixture openAnother() throws Exception;

    /** Returns the namespace of this test, which began empty. */
    NamespaceId ns();

    /** Returns the options of reads that see all that was written before. */
    default ReadOptions reads() {
        return ReadOptions.STRONG;
    }

    /** Returns the tier under test. */
    default KvStore store() {
        return fixture().store();
    }

    /** Returns the clock of the tier, or skips the test if there is none that it could move. */
    default TestClock clock() {
        TestClock clock = fixture().clock();
        assumeTrue(clock != null, "the clock of this tier cannot be moved");
        return requireNonNull(clock);
    }

    /** Returns how far the versions of two changes are apart that follow each other in a partition. */
    default long versionStep() {
        return 1;
    }

    /** Returns the partition that a key of this test's namespace is in: changes of one partition have one order, and a batch may hold keys of one only. */
    default int partitionOf(Key key) {
        return 0;
    }

    /** Returns the result of a call, or throws the {@link KvException} that it failed with. */
    default <T extends @Nullable Object> T await(CompletableFuture<T> future) {
        try {
            return future.get(60, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            assertThat(e.getCause()).as("what a call fails with").isInstanceOf(KvException.class);
            throw KvException.from(e);
        } catch (InterruptedException | TimeoutException e) {
            return fail("no answer", e);
        }
    }

    /** Asserts that a call fails with this row of the table, whether it throws at once or fails its future. */
    default void assertFails(ErrorCode code, Supplier<? extends CompletableFuture<?>> call) {
        KvException failure = null;
        try {
            Object unused = await(call.get());
        } catch (KvException e) {
            failure = e;
        }
        assertThat(failure).as("failure").isNotNull();
        assertThat(requireNonNull(failure).code()).as(failure.getMessage()).isEqualTo(code);
    }

    /** Returns a value of this size that differs from seed to seed and has no period. */
    default Value bytes(int size, long seed) {
        byte[] bytes = new byte[size];
        new Random(seed).nextBytes(bytes);
        return Value.wrap(bytes);
    }

    /** Returns the key with this text. */
    default Key key(String text) {
        return Key.of(text);
    }

    /** Reads a key. */
    default GetResult get(String key) {
        return await(store().get(ns(), key(key), reads()));
    }

    /** Reads a key that must be there. */
    default GetResult.Found found(String key) {
        GetResult result = get(key);
        assertThat(result).as(key).isInstanceOf(GetResult.Found.class);
        return (GetResult.Found) result;
    }

    /** Writes a key without options and returns its version. */
    default long put(String key, String value) {
        return put(key, value, PutOptions.DEFAULT).orThrow();
    }

    /** Writes a key. */
    default WriteResult put(String key, String value, PutOptions options) {
        return put(key, Value.of(value), options);
    }

    /** Writes a key. */
    default WriteResult put(String key, Value value, PutOptions options) {
        return write(new Mutation.Put(key(key), value, options));
    }

    /** Deletes a key and returns the version of the commit. */
    default long delete(String key) {
        return write(Mutation.delete(key(key))).orThrow();
    }

    /** Writes a key. */
    default WriteResult write(Mutation mutation) {
        return await(store().write(ns(), mutation, WriteOptions.DEFAULT));
    }

    /** Writes a key without waiting for the disk, for tests of many writes. */
    default WriteResult writeBuffered(Mutation mutation) {
        return await(store().write(ns(), mutation, WriteOptions.BUFFERED));
    }

    /** Commits an atomic batch. */
    default BatchResult batch(Mutation... mutations) {
        return await(store().batch(ns(), List.of(mutations), WriteOptions.DEFAULT));
    }

    /** Returns a put for a batch. */
    default Mutation putOf(String key, String value) {
        return Mutation.put(key(key), Value.of(value));
    }

    /** Returns one page. */
    default ListPage page(ListOptions options) {
        return await(store().list(ns(), options, reads()));
    }

    /** Returns the entries of all pages from a first page on. */
    default List<KeyInfo> listAll(ListOptions first) {
        List<KeyInfo> keys = new ArrayList<>();
        ListOptions options = first;
        for (int pages = 0; pages < 100_000; pages++) {
            ListPage page = page(options);
            assertThat(page.keys()).hasSizeLessThanOrEqualTo(options.limit());
            keys.addAll(page.keys());
            if (page.next() == null) {
                return keys;
            }
            options = options.withCursor(page.next());
        }
        return fail("the listing has no end");
    }

    /** Returns the names below a prefix. */
    default List<String> names(String prefix) {
        return listAll(ListOptions.prefix(prefix)).stream().map(KeyInfo::name).toList();
    }

    /** Opens a key that must be there. */
    default ValueReader reader(String key) {
        OpenResult result = await(store().open(ns(), key(key), reads()));
        assertThat(result).as(key).isInstanceOf(OpenResult.Opened.class);
        return ((OpenResult.Opened) result).reader();
    }

    /** Returns the rest of a value that is read piece by piece. */
    default Value readRest(ValueReader reader) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            ByteBuffer piece = await(reader.read());
            if (!piece.hasRemaining()) {
                return Value.wrap(all.toByteArray());
            }
            assertThat(piece.remaining()).isLessThanOrEqualTo(Limits.CHUNK_BYTES);
            byte[] copy = new byte[piece.remaining()];
            piece.get(copy);
            all.writeBytes(copy);
        }
    }

    /** Begins an upload. */
    default ValueWriter upload(String key, PutOptions options) {
        return await(store().upload(ns(), key(key), options, WriteOptions.DEFAULT));
    }

    /** Writes a value in pieces of this size; the writer is left open. */
    default void writePieces(ValueWriter writer, Value value, int pieceBytes) {
        ByteBuffer bytes = value.asByteBuffer();
        while (bytes.hasRemaining()) {
            int count = Math.min(bytes.remaining(), pieceBytes);
            Object unused = await(writer.write(bytes.slice(bytes.position(), count)));
            bytes.position(bytes.position() + count);
        }
    }

    /** Follows a feed. */
    default FeedProbe watch(FeedRequest request) {
        return new FeedProbe(store().watch(request));
    }

    /** Follows the changes of this test's namespace that are to come; returns when the feed has begun. */
    default FeedProbe watchFromNow() {
        FeedProbe probe = watch(FeedRequest.of(ns(), new FeedRequest.Start.Now()));
        probe.request(Long.MAX_VALUE);
        probe.awaitHeartbeat();
        return probe;
    }
}
