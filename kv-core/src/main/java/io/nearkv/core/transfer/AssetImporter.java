package io.nearkv.core.transfer;

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
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One import of a folder. Small files go out many at a time, large ones piece by piece. */
final class AssetImporter implements FileVisitor<Path>, InFlight.Outcome {
    /** Larger files are not held in memory. */
    private static final long MAX_HELD_BYTES = 512 * 1024;

    private static final int PROGRESS_EVERY = 1000;

    private final KvNamespace namespace;
    private final Path folder;
    private final Path realFolder;
    private final AssetOptions options;
    private final InFlight inFlight;
    private final List<AssetReport.Problem> problems = new ArrayList<>();
    private long problemCount;
    private long files;
    private long bytes;

    AssetImporter(KvNamespace namespace, Path folder, AssetOptions options) throws IOException {
        this.namespace = namespace;
        this.folder = folder;
        this.realFolder = folder.toRealPath();
        this.options = options;
        this.inFlight = new InFlight(namespace, this);
    }

    AssetReport run() throws IOException {
        // The walk itself notices links that lead round in circles.
        Files.walkFileTree(folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, this);
        inFlight.drain();
        TransferCounts counts = new TransferCounts(files, bytes);
        options.progress().accept(counts);
        return new AssetReport(counts, problemCount, problems);
    }

    private String relative(Path path) {
        StringBuilder key = new StringBuilder();
        for (Path name : folder.relativize(path)) {
            key.append(key.length() == 0 ? "" : "/").append(name);
        }
        return key.toString();
    }

    private void problem(Path path, String reason) {
        problem(relative(path), reason);
    }

    private void problem(String path, String reason) {
        problemCount++;
        if (problems.size() < AssetReport.MAX_PROBLEMS) {
            problems.add(new AssetReport.Problem(Key.display(path), reason));
        }
    }

    @Override
    public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
        try {
            return isInside(directory) ? FileVisitResult.CONTINUE : FileVisitResult.SKIP_SUBTREE;
        } catch (IOException e) {
            problem(directory, "cannot be read: " + e.getClass().getSimpleName());
            return FileVisitResult.SKIP_SUBTREE;
        }
    }

    /** Returns whether a path, followed through all links, is inside of the folder; reports it otherwise. */
    private boolean isInside(Path path) throws IOException {
        // The walk comes to a path outside only through a link, and it asks here about each folder on the way.
        if (path.equals(folder)
                || !Files.isSymbolicLink(path)
                || path.toRealPath().startsWith(realFolder)) {
            return true;
        }
        problem(path, "symbolic link out of the folder (expected: one to something inside of it)");
        return false;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
        try {
            if (attributes.isSymbolicLink()) {
                problem(file, "symbolic link that leads nowhere");
            } else if (!attributes.isRegularFile()) {
                problem(file, "not a regular file");
            } else if (isInside(file)) {
                importFile(file, attributes.size());
            }
        } catch (IOException e) {
            problem(file, "cannot be read: " + e.getClass().getSimpleName());
        }
        return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
        if (file.equals(folder)) {
            throw failure;
        }
        problem(
                file,
                failure instanceof FileSystemLoopException
                        ? "symbolic link to a folder that it is in"
                        : "cannot be read: " + failure.getClass().getSimpleName());
        return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException failure) {
        if (failure != null) {
            problem(
                    directory,
                    "cannot be listed to its end: " + failure.getClass().getSimpleName());
        }
        return FileVisitResult.CONTINUE;
    }

    private void importFile(Path file, long size) throws IOException {
        Key key;
        try {
            key = Key.of(options.keyPrefix() + relative(file));
        } catch (KvException e) {
            problem(file, "name cannot be a key: " + e.getMessage());
            return;
        }
        if (size > Limits.MAX_VALUE_BYTES) {
            problem(file, tooLarge(size));
            return;
        }
        try (InputStream in = Files.newInputStream(file)) {
            if (size > MAX_HELD_BYTES) {
                importLarge(file, key, in);
                return;
            }
            // One byte more, to notice a file that grows meanwhile.
            byte[] content = in.readNBytes((int) size + 1);
            if (content.length > size) {
                importLarge(file, key, new SequenceInputStream(new ByteArrayInputStream(content), in));
                return;
            }
            inFlight.add(new Mutation.Put(key, Value.wrap(content), metadata(file, content.length)), 0);
        }
    }

    private static String tooLarge(long size) {
        return "file of " + size + " bytes (expected: at most " + Limits.MAX_VALUE_BYTES + ")";
    }

    private void importLarge(Path file, Key key, InputStream in) throws IOException {
        long size = 0;
        inFlight.settle(key);
        try (ValueOutputStream out = namespace.upload(key.toString(), PutOptions.DEFAULT)) {
            byte[] piece = new byte[Limits.CHUNK_BYTES];
            for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                size += n;
                if (size > Limits.MAX_VALUE_BYTES) {
                    problem(file, tooLarge(size));
                    return;
                }
                out.write(piece, 0, n);
            }
            count(out.commit(metadata(file, size)), size);
        }
    }

    private static PutOptions metadata(Path file, long size) {
        Path name = file.getFileName();
        String contentType = ContentTypes.of(name == null ? "" : name.toString());
        return PutOptions.metadata(Metadata.ofJson("{\"contentType\":\"" + contentType + "\",\"size\":" + size + "}"));
    }

    private void count(WriteResult result, long size) {
        long unused = result.orThrow();
        files++;
        bytes += size;
        if (files % PROGRESS_EVERY == 0) {
            options.progress().accept(new TransferCounts(files, bytes));
        }
    }

    @Override
    public void answered(Mutation mutation, long tag, WriteResult result) {
        if (mutation instanceof Mutation.Put put) {
            count(result, put.value().length());
        }
    }

    @Override
    public void refused(Mutation mutation, long tag, KvException reason) {
        if (reason.code() != ErrorCode.INVALID_REQUEST && reason.code() != ErrorCode.TOO_LARGE) {
            throw reason;
        }
        problem(mutation.key().toString(), reason.code().label() + ": " + reason.getMessage());
    }
}
