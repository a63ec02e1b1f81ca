package io.nearkv.core.rocksdb;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.BackupInfo;
import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import io.nearkv.core.Position;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What one backup consists of: the text file {@code backup-000001.manifest} in a backup folder. Written last, so that a backup is there as a whole or not at all. Immutable.
 *
 * <p>Format: the line {@code nearkv backup}, lines {@code name=value}, a line {@code file=SHA256 BYTES NAME} for each file of the database, and a last line
 * {@code crc=} with the CRC-32C of everything before it.
 *
 * @param id the number of the backup within its folder, at least 1
 * @param created when it was made
 * @param storeFormat the format version of the store
 * @param environment the environment that the data belongs to
 * @param lineage the history of the store when the backup was made
 * @param version every change up to here is in the backup
 * @param files the files of the database
 */
record BackupManifest(
        int id,
        Instant created,
        int storeFormat,
        String environment,
        long lineage,
        long version,
        List<StoredFile> files) {
    private static final String TITLE = "nearkv backup";
    private static final int FORMAT = 1;
    private static final Pattern FILE_NAME = Pattern.compile("backup-(\\d{6,9})\\.manifest");
    private static final Pattern SHA_256 = Pattern.compile("[0-9a-f]{64}");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
    /** A manifest has about 100 bytes for each file; a database of a terabyte has some 20,000 files. */
    private static final long MAX_BYTES = 64L << 20;

    /**
     * A file of a backup, kept under its checksum, so that equal files of two backups are kept once.
     *
     * @param sha256 64 hex digits
     * @param bytes the length
     * @param name what it is called in the database
     */
    record StoredFile(String sha256, long bytes, String name) {
        StoredFile {
            // The name becomes a path when the backup is restored: it must not leave the folder.
            if (!SHA_256.matcher(sha256).matches()
                    || bytes < 0
                    || !NAME.matcher(name).matches()) {
                throw new IllegalArgumentException("file '" + Key.display(name) + "' with checksum '"
                        + Key.display(sha256) + "' of " + bytes + " bytes");
            }
        }
    }

    BackupManifest {
        requireNonNull(created, "created");
        requireNonNull(environment, "environment");
        files = List.copyOf(files);
        if (id < 1) {
            throw new IllegalArgumentException("id: " + id + " (expected: at least 1)");
        }
    }

    static String fileName(int id) {
        return String.format("backup-%06d.manifest", id);
    }

    /** Returns the id of the backup whose manifest has this file name, or 0 if it is none. */
    static int idOf(String fileName) {
        var matcher = FILE_NAME.matcher(fileName);
        return matcher.matches() ? Integer.parseInt(matcher.group(1)) : 0;
    }

    long sizeBytes() {
        return files.stream().mapToLong(StoredFile::bytes).sum();
    }

    BackupInfo info(Path folder) {
        return new BackupInfo(id, Position.of(lineage, version), sizeBytes(), folder.toString());
    }

    String toText() {
        StringBuilder text = new StringBuilder(TITLE)
                .append("\nformat=")
                .append(FORMAT)
                .append("\nid=")
                .append(id)
                .append("\ncreated=")
                .append(created)
                .append("\nstore-format=")
                .append(storeFormat)
                .append("\nenvironment=")
                .append(environment)
                .append("\nlineage=")
                .append(HexFormat.of().toHexDigits(lineage))
                .append("\nversion=")
                .append(version)
                .append('\n');
        for (StoredFile file : files) {
            text.append("file=")
                    .append(file.sha256())
                    .append(' ')
                    .append(file.bytes())
                    .append(' ')
                    .append(file.name())
                    .append('\n');
        }
        String crc = checksum(text);
        return text.append("crc=").append(crc).append('\n').toString();
    }

    private static String checksum(CharSequence text) {
        CRC32C crc = new CRC32C();
        crc.update(text.toString().getBytes(StandardCharsets.ISO_8859_1));
        return HexFormat.of().toHexDigits((int) crc.getValue());
    }

    /**
     * Reads the manifest of a backup.
     *
     * @throws KvException {@link ErrorCode#INTERNAL} if it is damaged or of a later format
     */
    static BackupManifest read(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw damaged(file, "it is longer than " + MAX_BYTES + " bytes", null);
        }
        String text = new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
        int crcAt = text.lastIndexOf("\ncrc=") + 1;
        if (!text.startsWith(TITLE + "\n")
                || crcAt < 1
                || !text.substring(crcAt).equals("crc=" + checksum(text.substring(0, crcAt)) + "\n")) {
            throw damaged(file, "its checksum does not match", null);
        }
        Map<String, String> fields = new HashMap<>();
        List<StoredFile> files = new ArrayList<>();
        try {
            for (String line : text.substring(TITLE.length() + 1, crcAt).lines().toList()) {
                int equals = line.indexOf('=');
                String value = line.substring(equals + 1);
                if (line.startsWith("file=")) {
                    String[] parts = value.split(" ", 3);
                    files.add(new StoredFile(parts[0], Long.parseLong(parts[1]), parts[2]));
                } else {
                    fields.put(line.substring(0, Math.max(0, equals)), value);
                }
            }
            int format = Integer.parseInt(field(fields, "format"));
            if (format > FORMAT) {
                throw new KvException(
                        ErrorCode.INTERNAL,
                        file + " has format version " + format + ", and this program reads up to " + FORMAT
                                + " (expected: a newer program)");
            }
            return new BackupManifest(
                    Integer.parseInt(field(fields, "id")),
                    Instant.parse(field(fields, "created")),
                    Integer.parseInt(field(fields, "store-format")),
                    field(fields, "environment"),
                    HexFormat.fromHexDigitsToLong(field(fields, "lineage")),
                    Long.parseLong(field(fields, "version")),
                    files);
        } catch (IllegalArgumentException | IndexOutOfBoundsException | DateTimeException e) {
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
        return new KvException(ErrorCode.INTERNAL, file + " is damaged: " + how + " (expected: another backup)", cause);
    }
}
