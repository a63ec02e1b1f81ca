package io.nearkv.core.rocksdb;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.Key;
import io.nearkv.core.KvException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * One holder of a folder: an operating-system lock on the file {@code LOCK}, whose text says who holds it. Thread-safe.
 *
 * <p>POSIX drops the locks of a process on a file as soon as the process closes <em>any</em> descriptor of it. So a second attempt in the same process must not even
 * open the file: a table of the folders held by this process comes first.
 */
final class FolderLock implements AutoCloseable {
    static final String FILE = "LOCK";
    private static final Map<Path, String> HELD_HERE = new ConcurrentHashMap<>();

    private final Path folder;
    private final FileChannel channel;
    private final FileLock lock;

    private FolderLock(Path folder, FileChannel channel, FileLock lock) {
        this.folder = folder;
        this.channel = channel;
        this.lock = lock;
    }

    /**
     * Takes the lock of a folder, which must exist.
     *
     * @throws KvException {@link ErrorCode#UNAVAILABLE} if somebody else holds it; the message says who
     */
    static FolderLock acquire(Path folder, String program, Instant now) throws IOException {
        Path real = folder.toRealPath();
        String text = "pid=" + ProcessHandle.current().pid() + "\nhost=" + host() + "\nstarted=" + now + "\nprogram="
                + program + "\n";
        String holder = HELD_HERE.putIfAbsent(real, text);
        if (holder != null) {
            throw held(folder, holder);
        }
        FileChannel channel = null;
        FolderLock held = null;
        try {
            channel = FileChannel.open(
                    real.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            FileLock lock = tryLock(channel);
            if (lock == null) {
                throw held(folder, read(channel));
            }
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)), 0);
            held = new FolderLock(real, channel, lock);
            return held;
        } finally {
            if (held == null) {
                HELD_HERE.remove(real, text);
                if (channel != null) {
                    channel.close();
                }
            }
        }
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // Another class loader of this process holds it.
        }
    }

    private static String read(FileChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(1024);
        channel.read(bytes, 0);
        return StandardCharsets.UTF_8.decode(bytes.flip()).toString();
    }

    private static KvException held(Path folder, String holder) {
        Map<String, String> fields = new HashMap<>();
        holder.lines().forEach(line -> {
            int equals = line.indexOf('=');
            if (equals > 0) {
                fields.put(line.substring(0, equals), Key.display(line.substring(equals + 1)));
            }
        });
        String who = fields.containsKey("pid")
                ? "process " + fields.get("pid") + " (" + fields.getOrDefault("program", "?") + ") on "
                        + fields.getOrDefault("host", "?") + " since " + fields.getOrDefault("started", "?")
                : "another process";
        return new KvException(
                ErrorCode.UNAVAILABLE, folder + " is held by " + who + " (expected: stop it, or use another folder)");
    }

    private static String host() {
        try {
            // Not InetAddress.getLocalHost() at once: it asks the name service, which may take seconds.
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            try {
                return InetAddress.getLocalHost().getHostName();
            } catch (UnknownHostException unnamed) {
                return "localhost";
            }
        }
    }

    /** Returns the folder, without symbolic links. */
    Path folder() {
        return folder;
    }

    /** Gives the folder free. Idempotent. */
    @Override
    public void close() throws IOException {
        if (channel.isOpen()) {
            try (channel) {
                lock.release();
            } finally {
                HELD_HERE.remove(folder);
            }
        }
    }
}
