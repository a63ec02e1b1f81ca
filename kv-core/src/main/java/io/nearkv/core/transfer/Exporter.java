package io.nearkv.core.transfer;

import io.nearkv.core.GetResult;
import io.nearkv.core.Key;
import io.nearkv.core.KeyInfo;
import io.nearkv.core.KvNamespace;
import io.nearkv.core.Limits;
import io.nearkv.core.ListOptions;
import io.nearkv.core.ListPage;
import io.nearkv.core.Metadata;
import io.nearkv.core.ValueInputStream;
import java.io.BufferedOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** One export. Values up to {@link Limits#CHUNK_BYTES} are read many at a time, larger ones piece by piece. */
final class Exporter {
    /** Bytes of small values that are read with one call. */
    private static final long BYTES_PER_READ = 4L * 1024 * 1024;

    private final KvNamespace namespace;
    private final OutputStream out;
    private final ExportOptions options;
    private final ExportChecksum checksum = new ExportChecksum();
    private long entries;
    private long bytes;

    Exporter(KvNamespace namespace, OutputStream out, ExportOptions options) {
        this.namespace = namespace;
        this.out = new BufferedOutputStream(out, Limits.CHUNK_BYTES);
        this.options = options;
    }

    TransferCounts run() throws IOException {
        text("{\"format\":\"" + JsonLines.FORMAT + "\",\"version\":" + JsonLines.VERSION + ",\"namespace\":"
                + JsonText.quoted(namespace.name()) + "}\n");
        ListOptions page = ListOptions.prefix(options.prefix());
        while (true) {
            ListPage keys = namespace.listPage(page);
            export(keys.keys());
            options.progress().accept(new TransferCounts(entries, bytes));
            if (keys.next() == null) {
                break;
            }
            page = page.withCursor(keys.next());
        }
        text("{\"end\":true,\"entries\":" + entries + ",\"crc32c\":\"" + checksum + "\"}\n");
        out.flush();
        return new TransferCounts(entries, bytes);
    }

    /** Writes the entries of a page, in its order. */
    private void export(List<KeyInfo> page) throws IOException {
        List<String> small = new ArrayList<>();
        long smallBytes = 0;
        for (KeyInfo info : page) {
            boolean large = info.valueBytes() > Limits.CHUNK_BYTES;
            if (large || smallBytes + info.valueBytes() > BYTES_PER_READ) {
                exportSmall(small);
                small.clear();
                smallBytes = 0;
            }
            if (large) {
                exportLarge(info.name());
            } else {
                small.add(info.name());
                smallBytes += info.valueBytes();
            }
        }
        exportSmall(small);
    }

    private void exportSmall(List<String> names) throws IOException {
        if (names.isEmpty()) {
            return;
        }
        // Whatever has been deleted, has expired or has grown since it was listed: what is read now counts.
        for (Map.Entry<String, GetResult.Found> entry : namespace.getAll(names).entrySet()) {
            GetResult.Found found = entry.getValue();
            Key key = Key.of(entry.getKey());
            begin(key, found.metadata(), found.expiresAt());
            byte[] value = found.value().toByteArray();
            out.write(Base64.getEncoder().encode(value));
            checksum.addValue(value, 0, value.length);
            end(key, found.metadata(), found.expiresAt());
            bytes += value.length;
        }
    }

    private void exportLarge(String name) throws IOException {
        Optional<ValueInputStream> opened = namespace.openStream(name);
        if (opened.isEmpty()) {
            return; // Deleted since it was listed.
        }
        try (ValueInputStream value = opened.get()) {
            Key key = Key.of(name);
            begin(key, value.metadata(), value.expiresAt());
            // Closing the encoder writes its last characters, and must not close the file.
            try (OutputStream encoder = Base64.getEncoder().wrap(new Unclosed(out))) {
                byte[] piece = new byte[Limits.CHUNK_BYTES];
                for (int n = value.read(piece, 0, piece.length); n >= 0; n = value.read(piece, 0, piece.length)) {
                    encoder.write(piece, 0, n);
                    checksum.addValue(piece, 0, n);
                }
            }
            end(key, value.metadata(), value.expiresAt());
            bytes += value.length();
            options.progress().accept(new TransferCounts(entries, bytes));
        }
    }

    private void begin(Key key, @Nullable Metadata metadata, long expiresAt) throws IOException {
        StringBuilder line = new StringBuilder("{\"key\":").append(JsonText.quoted(key.toString()));
        if (metadata != null) {
            line.append(",\"metadata\":").append(JsonText.oneLine(metadata));
        }
        if (expiresAt != 0) {
            line.append(",\"expiration\":").append(expiresAt);
        }
        text(line.append(",\"value\":\"").toString());
    }

    private void end(Key key, @Nullable Metadata metadata, long expiresAt) throws IOException {
        text("\"}\n");
        checksum.endEntry(key, metadata, expiresAt);
        entries++;
    }

    private void text(String text) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
    }

    private static final class Unclosed extends FilterOutputStream {
        Unclosed(OutputStream out) {
            super(out);
        }

        @Override
        public void write(byte[] source, int offset, int length) throws IOException {
            out.write(source, offset, length);
        }

        @Override
        public void close() {}
    }
}
