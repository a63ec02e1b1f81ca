package io.nearkv.deploy.store;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.identity.OwnerOnlyFiles;
import io.nearkv.deploy.model.Bytes;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What has happened, one line of JSON each, every line with the SHA-256 of the one before it: who changes a line breaks the chain behind it. Each record is on the disk when
 * {@link #append} returns. A line that was cut short by a crash is taken off at the next start. One process has the file at a time. Thread-safe.
 *
 * <p>At 64 MiB the file is renamed to {@code NAME.1}, {@code NAME.2} and so on; the chain goes on in the new one. The 16 newest are kept.
 */
public final class AuditLog implements AutoCloseable {
    /** What the first record names as the one before it. */
    static final String NO_PREVIOUS = "0".repeat(64);

    /** Longest record in bytes. */
    static final int MAX_RECORD_BYTES = 64 * 1024;

    private static final long MAX_FILE_BYTES = 64L * 1024 * 1024;
    private static final int MAX_OLD_FILES = 16;
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Path file;
    private final InstantSource clock;
    private final long maxFileBytes;
    private FileChannel channel;
    private FileLock lock;
    private long end;
    private long number;
    private String head;

    private AuditLog(Path file, InstantSource clock, long maxFileBytes) throws IOException {
        this.file = file;
        this.clock = clock;
        this.maxFileBytes = maxFileBytes;
        this.channel = openChannel(file);
        this.lock = lock(channel, file);
        this.head = NO_PREVIOUS;
        try {
            recover();
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /**
     * Opens the log, and makes it if it is missing.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if another has it open, {@link ErrorCode#INTERNAL} if it cannot be read or written
     */
    public static AuditLog open(Path file, InstantSource clock) {
        return open(file, clock, MAX_FILE_BYTES);
    }

    static AuditLog open(Path file, InstantSource clock, long maxFileBytes) {
        requireNonNull(clock, "clock");
        try {
            return new AuditLog(file, clock, maxFileBytes);
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INTERNAL, "audit log '" + file + "' cannot be opened: " + e.getMessage(), e);
        }
    }

    /**
     * Writes a record.
     *
     * @param event what has happened, such as {@code route_accepted}
     * @param facts texts, numbers, booleans, and lists and maps of these; no secrets
     * @throws KvException {@link ErrorCode#INTERNAL} if it cannot be written; the log is as it was
     */
    public synchronized void append(String event, Map<String, ?> facts) {
        Map<String, Object> record = new LinkedHashMap<>();
        record.put("n", number + 1);
        record.put("prev", head);
        record.put("at", clock.instant().truncatedTo(ChronoUnit.MILLIS).toString());
        record.put("event", event);
        record.put("facts", facts);
        byte[] line = JSON.writeValueAsBytes(record);
        if (line.length > MAX_RECORD_BYTES) {
            throw new IllegalArgumentException(
                    "facts: " + line.length + " bytes (expected: at most " + MAX_RECORD_BYTES + ")");
        }
        if (!channel.isOpen()) {
            throw new IllegalStateException("the audit log is closed");
        }
        try {
            if (end > 0 && end + line.length >= maxFileBytes) {
                rotate();
            }
            ByteBuffer buffer = ByteBuffer.allocate(line.length + 1);
            buffer.put(line).put((byte) '\n').flip();
            if (channel.size() > end) { // what an attempt that failed has left there
                channel.truncate(end);
            }
            long position = end;
            while (buffer.hasRemaining()) {
                position += channel.write(buffer, position);
            }
            channel.force(false);
            end = position;
            number++;
            head = Bytes.sha256(line).hex();
        } catch (IOException e) {
            throw new KvException(
                    ErrorCode.INTERNAL,
                    "audit log '" + file + "' cannot be written: " + e.getMessage()
                            + "; check that the disk is not full",
                    e);
        }
    }

    /** Returns the SHA-256 of the last record in hex. */
    public synchronized String head() {
        return head;
    }

    /** Returns the number of the last record, 0 for none. */
    public synchronized long records() {
        return number;
    }

    @Override
    public synchronized void close() {
        try {
            if (channel.isOpen()) {
                lock.release();
                channel.close();
            }
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "audit log '" + file + "' cannot be closed", e);
        }
    }

    private static FileChannel openChannel(Path file) throws IOException {
        if (Files.notExists(file)) {
            OwnerOnlyFiles.openForLock(file).close(); // makes it, for its owner alone
        }
        return FileChannel.open(file, CREATE, READ, WRITE);
    }

    private static FileLock lock(FileChannel channel, Path file) throws IOException {
        FileLock lock;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            channel.close();
            throw new KvException(ErrorCode.UNAVAILABLE, "audit log '" + file + "' is open in another process");
        }
        return lock;
    }

    /** Finds the end of the last whole record, and goes on from there. */
    private void recover() throws IOException {
        long size = channel.size();
        int tail = (int) Math.min(size, 2L * MAX_RECORD_BYTES + 2);
        ByteBuffer buffer = ByteBuffer.allocate(tail);
        while (buffer.hasRemaining() && channel.read(buffer, size - tail + buffer.position()) > 0) {
            // until it is full
        }
        byte[] bytes = buffer.array();
        int lineEnd = lastNewline(bytes, tail);
        end = lineEnd < 0 ? 0 : size - tail + lineEnd + 1;
        if (end < size) {
            channel.truncate(end);
            channel.force(true);
        }
        if (lineEnd >= 0) {
            int lineStart = lastNewline(bytes, lineEnd) + 1;
            follow(Arrays.copyOfRange(bytes, lineStart, lineEnd));
            return;
        }
        List<Path> older = olderFiles(file);
        if (!older.isEmpty()) { // the crash was between the renaming and the first record of the new file
            byte[] last = lastLine(older.get(older.size() - 1));
            if (last != null) {
                follow(last);
            }
        }
    }

    private void follow(byte[] line) throws IOException {
        JsonNode record = parse(line);
        if (record == null) {
            throw new IOException("its last line is no record; move the file away, and look into it");
        }
        number = record.get("n").longValue();
        head = Bytes.sha256(line).hex();
    }

    private static int lastNewline(byte[] bytes, int before) {
        for (int i = before - 1; i >= 0; i--) {
            if (bytes[i] == '\n') {
                return i;
            }
        }
        return -1;
    }

    private void rotate() throws IOException {
        List<Path> older = olderFiles(file);
        int next = older.isEmpty() ? 1 : numberOf(older.get(older.size() - 1)) + 1;
        FileChannel old = channel;
        Files.move(file, file.resolveSibling(file.getFileName() + "." + next));
        channel = openChannel(file);
        lock = lock(channel, file);
        end = 0;
        old.close();
        for (int i = 0; i <= older.size() - MAX_OLD_FILES; i++) {
            Files.deleteIfExists(older.get(i));
        }
    }

    private static @Nullable JsonNode parse(byte[] line) {
        try {
            JsonNode record = JSON.readTree(line);
            JsonNode n = record.get("n");
            JsonNode prev = record.get("prev");
            return n != null && n.canConvertToLong() && prev != null && prev.isString() ? record : null;
        } catch (JacksonException e) {
            return null;
        }
    }

    /** Returns the files before this one, the oldest first. */
    private static List<Path> olderFiles(Path file) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        String prefix = file.getFileName() + ".";
        Map<Integer, Path> byNumber = new TreeMap<>();
        if (folder != null && Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                files.filter(path -> {
                            String name = String.valueOf(path.getFileName());
                            return name.startsWith(prefix)
                                    && name.substring(prefix.length()).matches("[1-9][0-9]{0,8}");
                        })
                        .sorted(Comparator.naturalOrder())
                        .forEach(path -> byNumber.put(numberOf(path), path));
            }
        }
        return new ArrayList<>(byNumber.values());
    }

    private static int numberOf(Path older) {
        String name = String.valueOf(older.getFileName());
        return Integer.parseInt(name.substring(name.lastIndexOf('.') + 1));
    }

    private static byte @Nullable [] lastLine(Path path) throws IOException {
        byte[] last = null;
        try (InputStream in = new BufferedInputStream(Files.newInputStream(path))) {
            for (Line line = nextLine(in); line != null; line = nextLine(in)) {
                last = line.content;
            }
        }
        return last;
    }

    /**
     * Checks a log together with the files before it. Reads alone; the log may be in use.
     *
     * @throws KvException {@link ErrorCode#NOT_FOUND} if there is none, {@link ErrorCode#INTERNAL} if it cannot be read
     */
    public static AuditReport verify(Path file) {
        if (Files.notExists(file)) {
            throw new KvException(ErrorCode.NOT_FOUND, "audit log '" + file + "' does not exist");
        }
        try {
            List<Path> files = olderFiles(file);
            files.add(file);
            Verification verification = new Verification();
            for (Path each : files) {
                String problem = verification.read(each, each.equals(file));
                if (!problem.isEmpty()) {
                    return verification.report(problem);
                }
            }
            return verification.report("");
        } catch (IOException e) {
            throw new KvException(ErrorCode.INTERNAL, "audit log '" + file + "' cannot be read", e);
        }
    }

    /** How far a check has come. */
    private static final class Verification {
        private long records;
        private long first;
        private long last;
        private String head = "";

        /** Returns what is wrong, or an empty text. */
        String read(Path file, boolean newest) throws IOException {
            long lineNumber = 0;
            try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
                for (Line line = nextLine(in); line != null; line = nextLine(in)) {
                    lineNumber++;
                    String where = file.getFileName() + ", line " + lineNumber + ": ";
                    if (!line.whole) {
                        // The record that is being written now, or was when the process ended, is no damage; anything
                        // else is.
                        return newest && line.content.length <= MAX_RECORD_BYTES ? "" : where + "it is cut short";
                    }
                    JsonNode record = parse(line.content);
                    if (record == null) {
                        return where + "it is no record";
                    }
                    long n = record.get("n").longValue();
                    String previous = record.get("prev").stringValue();
                    boolean follows = records == 0
                            ? n > 1 || (n == 1 && previous.equals(NO_PREVIOUS))
                            : n == last + 1 && previous.equals(head);
                    if (!follows) {
                        return where + "record " + n + " does not follow upon the one before it";
                    }
                    first = records == 0 ? n : first;
                    last = n;
                    records++;
                    head = Bytes.sha256(line.content).hex();
                }
            }
            return "";
        }

        AuditReport report(String problem) {
            return new AuditReport(records, first, head, problem);
        }
    }

    /** What stands before the next line feed, or before the end of the file. */
    private static final class Line {
        private final byte[] content;
        private final boolean whole;

        Line(byte[] content, boolean whole) {
            this.content = content;
            this.whole = whole;
        }
    }

    private static @Nullable Line nextLine(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        int next = in.read();
        if (next < 0) {
            return null;
        }
        while (next >= 0 && next != '\n') {
            if (line.size() > MAX_RECORD_BYTES) {
                return new Line(line.toByteArray(), false);
            }
            line.write(next);
            next = in.read();
        }
        return new Line(line.toByteArray(), next >= 0);
    }

    /** Returns the file. */
    @Override
    public String toString() {
        return "AuditLog[" + file + "]";
    }
}
