package io.nearkv.core.transfer;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * Export and import of a namespace as JSON lines: a line that names the format, a line for each entry, and a last line with their number and a checksum.
 * {@code docs/formats/export.md} specifies the format. Both directions need a few megabytes of memory, however large the namespace and its values are.
 *
 * <p>An export is no snapshot: each entry is as it was when it was read, and what is written meanwhile may or may not be in it. Versions are not exported; entries get new
 * ones where they are imported.
 */
public final class JsonLines {
    static final String FORMAT = "nearkv-export";
    static final int VERSION = 1;

    private JsonLines() {}

    /**
     * Writes a namespace to a stream, in the order of the keys. Borrows the stream: flushes it, and does not close it.
     *
     * @throws IOException if the stream fails
     * @throws KvException if the store fails; what was written then lacks its last line, so that no import takes it for complete
     */
    public static TransferCounts export(KvNamespace namespace, OutputStream out, ExportOptions options)
            throws IOException {
        return new Exporter(namespace, out, requireNonNull(options, "options")).run();
    }

    /**
     * Writes the entries of an export into a namespace. Borrows the stream: reads it to its end, and does not close it. What was written before a failure stays; importing again
     * does no harm. If a key comes twice, the later entry wins.
     *
     * @throws IOException if the stream fails
     * @throws KvException {@link ErrorCode#INVALID_REQUEST} or {@link ErrorCode#TOO_LARGE} with the number of the line if the file is malformed, damaged or cut short;
     *     what the store fails with otherwise
     */
    public static ImportSummary importInto(KvNamespace namespace, InputStream in, ImportOptions options)
            throws IOException {
        return new Importer(namespace, in, requireNonNull(options, "options")).run();
    }
}
