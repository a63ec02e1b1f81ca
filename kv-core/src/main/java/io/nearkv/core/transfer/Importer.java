package io.nearkv.core.transfer;

import io.nearkv.core.Condition;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Limits;
import io.nearkv.core.Metadata;
import io.nearkv.core.Mutation;
import io.nearkv.core.PutOptions;
import io.nearkv.core.Value;
import io.nearkv.core.ValueOutputStream;
import io.nearkv.core.WriteResult;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** One import. Values up to {@link Limits#CHUNK_BYTES} are written many at a time, larger ones piece by piece as they are read. */
final class Importer implements InFlight.Outcome {
    /** Escaped, a character of a key takes at most six bytes. */
    private static final int MAX_KEY_TEXT = 6 * Limits.MAX_KEY_BYTES;

    private static final int PROGRESS_EVERY = 1000;
    /** An entry that expires this soon may be refused because its time is over when it arrives. */
    private static final long EXPIRES_SOON_SECONDS = 5;

    private final KvNamespace namespace;
    private final JsonScanner scanner;
    private final ImportOptions options;
    private final InFlight inFlight;
    private final ExportChecksum checksum = new ExportChecksum();
    private long lines;
    private long entries;
    private long bytes;
    private long present;
    private long expired;

    Importer(KvNamespace namespace, InputStream in, ImportOptions options) {
        this.namespace = namespace;
        this.scanner = new JsonScanner(in);
        this.options = options;
        this.inFlight = new InFlight(namespace, this);
    }

    ImportSummary run() throws IOException {
        readHeader();
        boolean ended = false;
        while (scanner.skipSpace() >= 0) {
            if (ended) {
                throw scanner.malformed("there is more after the last line of the export");
            }
            ended = readLine();
        }
        inFlight.drain();
        if (!ended && options.requireEnd()) {
            throw scanner.malformed("the last line is missing: the file was cut short after " + lines
                    + " entries, which were imported");
        }
        options.progress().accept(new TransferCounts(entries, bytes));
        return new ImportSummary(entries, bytes, present, expired);
    }

    private void readHeader() throws IOException {
        String problem = "expected {\"format\":\"" + JsonLines.FORMAT + "\",\"version\":" + JsonLines.VERSION + "}";
        if (scanner.skipSpace() != '{') {
            throw scanner.malformed("not an export: " + problem);
        }
        String format = "";
        long version = 0;
        scanner.expect('{');
        if (!scanner.takeIf('}')) {
            do {
                switch (memberName()) {
                    case "format" -> format = scanner.string(100);
                    case "version" -> version = scanner.number();
                    default -> {
                        byte[] unused =
                                scanner.raw(64 * 1024); // What a later writer adds without changing the entries.
                    }
                }
            } while (scanner.takeIf(','));
            scanner.expect('}');
        }
        if (!format.equals(JsonLines.FORMAT)) {
            throw scanner.malformed("not an export: " + problem);
        }
        if (version != JsonLines.VERSION) {
            throw scanner.malformed("version " + version + " of the format is not known here: " + problem);
        }
    }

    private String memberName() throws IOException {
        String name = scanner.string(100);
        scanner.expect(':');
        return name;
    }

    /** Reads an entry and begins to write it; returns true for the last line. */
    private boolean readLine() throws IOException {
        long line = scanner.line();
        scanner.expect('{');
        String first = memberName();
        if (first.equals("end")) {
            readEnd();
            return true;
        }
        try (Entry entry = new Entry()) {
            entry.readMember(first);
            while (scanner.takeIf(',')) {
                entry.readMember(memberName());
            }
            scanner.expect('}');
            entry.write(line);
        } catch (KvException e) {
            throw e.getMessage() != null && e.getMessage().startsWith("line ")
                    ? e
                    : new KvException(e.code(), "line " + line + ": " + e.getMessage(), e);
        }
        lines++;
        if (lines % PROGRESS_EVERY == 0) {
            options.progress().accept(new TransferCounts(entries, bytes));
        }
        return false;
    }

    private void readEnd() throws IOException {
        byte[] unused = scanner.raw(10);
        long expectedLines = -1;
        String expectedChecksum = "";
        while (scanner.takeIf(',')) {
            switch (memberName()) {
                case "entries" -> expectedLines = scanner.number();
                case "crc32c" -> expectedChecksum = scanner.string(20);
                default -> throw scanner.malformed("unknown member in the last line");
            }
        }
        scanner.expect('}');
        if (options.requireEnd() && expectedLines != lines) {
            throw scanner.malformed("the file has " + lines + " entries (expected: " + expectedLines + ")");
        }
        if (options.requireEnd() && !expectedChecksum.equals(checksum.toString())) {
            throw scanner.malformed("the checksum of the entries is " + checksum + " (expected: " + expectedChecksum
                    + "): the file is damaged or was edited");
        }
    }

    private Condition condition() {
        return options.onlyAbsent() ? Condition.IF_ABSENT : Condition.NONE;
    }

    @Override
    public void answered(Mutation mutation, long line, WriteResult result) {
        if (mutation instanceof Mutation.Put put) {
            count(result, put.value().length());
        }
    }

    private void count(WriteResult result, long valueBytes) {
        if (result.applied()) {
            entries++;
            bytes += valueBytes;
        } else {
            present++;
        }
    }

    @Override
    public void refused(Mutation mutation, long line, KvException reason) {
        if (mutation instanceof Mutation.Put put && expiresSoon(put.options().expiresAt())) {
            expired++;
            return;
        }
        throw new KvException(reason.code(), "line " + line + ": " + reason.getMessage(), reason);
    }

    private boolean expiresSoon(long expiresAt) {
        return expiresAt != 0 && expiresAt <= options.clock().instant().getEpochSecond() + EXPIRES_SOON_SECONDS;
    }

    /** An entry in the making, member by member in any order. A large value is sent as it comes, if the key came before it. */
    private final class Entry implements JsonScanner.Sink, AutoCloseable {
        private @Nullable Key key;
        private @Nullable Metadata metadata;
        private long expiresAt;
        private final ByteArrayOutputStream held = new ByteArrayOutputStream();
        private @Nullable ValueOutputStream upload;
        private long valueBytes;
        private boolean hasValue;

        void readMember(String name) throws IOException {
            switch (name) {
                case "key" -> key = Key.of(scanner.string(MAX_KEY_TEXT));
                case "metadata" -> metadata = Metadata.ofUtf8(scanner.raw(Limits.MAX_METADATA_BYTES));
                case "expiration" -> expiresAt = scanner.number();
                case "value" -> {
                    if (hasValue) {
                        throw scanner.malformed("a second value");
                    }
                    hasValue = true;
                    scanner.base64(this);
                }
                default ->
                    throw scanner.malformed(
                            "unknown member '" + Key.display(name) + "' (expected: key, metadata, expiration, value)");
            }
        }

        @Override
        public void accept(byte[] piece, int length) {
            valueBytes += length;
            Value.checkLength(valueBytes);
            checksum.addValue(piece, 0, length);
            if (upload == null && valueBytes > Limits.CHUNK_BYTES && key != null) {
                inFlight.settle(key);
                upload = namespace.upload(key.toString(), PutOptions.DEFAULT);
                upload.write(held.toByteArray(), 0, held.size());
                held.reset();
            }
            if (upload == null) {
                held.write(piece, 0, length);
            } else {
                upload.write(piece, 0, length);
            }
        }

        void write(long line) {
            if (key == null || !hasValue) {
                throw scanner.malformed("an entry without " + (key == null ? "key" : "value"));
            }
            checksum.endEntry(key, metadata, expiresAt);
            if (expiresAt != 0 && expiresAt <= options.clock().instant().getEpochSecond()) {
                expired++;
                return;
            }
            PutOptions put = new PutOptions(metadata, expiresAt, 0, condition());
            if (upload == null) {
                inFlight.add(new Mutation.Put(key, Value.wrap(held.toByteArray()), put), line);
                return;
            }
            try {
                count(upload.commit(put), valueBytes);
            } catch (KvException e) {
                if (e.code() != ErrorCode.INVALID_REQUEST || !expiresSoon(expiresAt)) {
                    throw e;
                }
                expired++;
            }
        }

        @Override
        public void close() {
            if (upload != null) {
                upload.close();
            }
        }
    }
}
