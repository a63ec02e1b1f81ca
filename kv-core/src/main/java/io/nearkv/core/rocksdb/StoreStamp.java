package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What a data folder is, readable without opening it: the file {@code STAMP}, five lines of text and their checksum. Written and synced before the database exists, so
 * that no data is ever without it. Immutable.
 *
 * @param formatVersion the version of the formats inside, at least 1
 * @param environment the environment that the data belongs to
 * @param lineage the history that positions of this store belong to
 * @param created when the folder was made
 */
public record StoreStamp(int formatVersion, String environment, long lineage, Instant created) {
    /** The newest format that this program reads and writes. */
    public static final int CURRENT_FORMAT = 1;

    static final String FILE = "STAMP";
    private static final String TITLE = "nearkv store";
    private static final long MAX_FILE_BYTES = 4096;

    /** Checks that nothing is missing. */
    public StoreStamp {
        requireNonNull(environment, "environment");
        requireNonNull(created, "created");
        if (formatVersion < 1) {
            throw new IllegalArgumentException("formatVersion: " + formatVersion + " (expected: at least 1)");
        }
    }

    /**
     * Reads the stamp of a folder, or returns null if it has none. Changes nothing on disk.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if the stamp is damaged, {@link ErrorCode#UNAVAILABLE} if it cannot be read
     */
    static @Nullable StoreStamp read(Path folder) {
        Path file = folder.resolve(FILE);
        String text;
        try {
            if (Files.size(file) > MAX_FILE_BYTES) {
                throw damaged(file, "it is longer than " + MAX_FILE_BYTES + " bytes", null);
            }
            text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            throw new KvException(ErrorCode.UNAVAILABLE, "cannot read " + file + ": " + e.getMessage(), e);
        }
        int crcAt = text.lastIndexOf("crc=");
        if (!text.startsWith(TITLE + "\n") || crcAt < 0 || !text.endsWith("\n")) {
            throw damaged(file, "it does not begin with '" + TITLE + "' or does not end with a checksum", null);
        }
        String crc = text.substring(crcAt + 4, text.length() - 1);
        if (!crc.equals(checksum(text.substring(0, crcAt)))) {
            throw damaged(file, "its checksum does not match", null);
        }
        Map<String, String> fields = new HashMap<>();
        text.substring(0, crcAt).lines().skip(1).forEach(line -> {
            int equals = line.indexOf('=');
            fields.put(line.substring(0, Math.max(0, equals)), line.substring(equals + 1));
        });
        try {
            return new StoreStamp(
                    Integer.parseInt(field(fields, "format")),
                    field(fields, "environment"),
                    HexFormat.fromHexDigitsToLong(field(fields, "lineage")),
                    Instant.parse(field(fields, "created")));
        } catch (IllegalArgumentException | DateTimeException e) {
            throw damaged(file, "a line is malformed", e);
        }
    }

    private static String field(Map<String, String> fields, String name) {
        String value = fields.get(name);
        if (value == null) {
            throw new IllegalArgumentException("no line '" + name + "'");
        }
        return value;
    }

    private static KvException damaged(Path file, String how, @Nullable Throwable cause) {
        return new KvException(
                ErrorCode.INTERNAL,
                file + " is damaged: " + how + " (expected: restore the folder from a backup)",
                cause);
    }

    /** Writes the stamp and makes it durable. */
    void write(Path folder) throws IOException {
        String body = toText();
        Path temporary = folder.resolve(FILE + ".new");
        try (FileChannel channel = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap(body.getBytes(StandardCharsets.ISO_8859_1));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(true);
        }
        Files.move(temporary, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
        syncFolder(folder);
    }

    /** Makes the names in a folder durable. */
    static void syncFolder(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /** Returns the text of the file. */
    String toText() {
        String body = TITLE + "\nformat=" + formatVersion + "\nenvironment=" + environment + "\nlineage="
                + HexFormat.of().toHexDigits(lineage) + "\ncreated=" + created + "\n";
        return body + "crc=" + checksum(body) + "\n";
    }

    private static String checksum(String text) {
        CRC32C crc = new CRC32C();
        crc.update(text.getBytes(StandardCharsets.ISO_8859_1));
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    /**
     * Checks that this program may open the folder for this environment.
     *
     * @throws KvException {@link ErrorCode#UNAUTHORIZED} with a denial for another environment, {@link ErrorCode#INTERNAL} for a newer format
     */
    void check(Path folder, String expectedEnvironment) {
        // First the format: a newer one may mean something else by its environment.
        if (formatVersion > CURRENT_FORMAT) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    folder + " has format version " + formatVersion + ", and this program reads up to " + CURRENT_FORMAT
                            + " (expected: a newer program)");
        }
        if (!environment.equals(expectedEnvironment)) {
            throw KvException.denied(
                    new KvException.Denial(
                            io.nearkv.core.DenialReason.ENVIRONMENT_MISMATCH, expectedEnvironment, environment, null),
                    "the data in " + folder + " is of environment '" + Key.display(environment)
                            + "', and this node serves '" + expectedEnvironment + "'");
        }
    }
}
