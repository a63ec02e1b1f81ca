package io.nearkv.deploy.store;

import io.nearkv.deploy.document.Documents;
import io.nearkv.deploy.document.Rejected;
import io.nearkv.deploy.document.SignedDocument;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder into which an operator drops documents. A file is taken as soon as it is there, and renamed to {@code NAME.taken} or {@code NAME.rejected}, so that one sees what became
 * of it. A file that is not whole yet is looked at again when it has changed. Confined to the thread that calls {@link #look}.
 */
final class DropInFolder {
    private static final Logger log = LoggerFactory.getLogger(DropInFolder.class);
    private static final int MAX_FILES = 64;

    private final Path folder;
    private final BiPredicate<byte[], String> taker;
    private final Map<Path, Seen> seen = new HashMap<>();

    /** What a file was like when it was looked at. */
    private record Seen(long size, FileTime modified) {}

    /**
     * Creates the watcher.
     *
     * @param taker takes a file's content and where it came from; returns whether all of it is in force
     */
    DropInFolder(Path folder, BiPredicate<byte[], String> taker) {
        this.folder = folder;
        this.taker = taker;
    }

    /** Looks once. Never throws. */
    void look() {
        try {
            if (!Files.isDirectory(folder)) {
                seen.clear();
                return;
            }
            List<Path> files;
            try (Stream<Path> listed = Files.list(folder)) {
                files = listed.filter(DropInFolder::isDropIn)
                        .sorted()
                        .limit(MAX_FILES)
                        .toList();
            }
            seen.keySet().retainAll(files);
            for (Path file : files) {
                try {
                    lookAt(file);
                } catch (IOException e) { // the next one may be the way back
                    log.atWarn().addKeyValue("file", file).setCause(e).log("a drop-in cannot be read");
                }
            }
        } catch (IOException | RuntimeException e) {
            log.atWarn().addKeyValue("folder", folder).setCause(e).log("the drop-ins cannot be looked at");
        }
    }

    private static boolean isDropIn(Path file) {
        String name = String.valueOf(file.getFileName());
        return !name.startsWith(".")
                && !name.endsWith(".taken")
                && !name.endsWith(".rejected")
                && !name.endsWith(".tmp")
                && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
    }

    private void lookAt(Path file) throws IOException {
        Seen now = new Seen(Files.size(file), Files.getLastModifiedTime(file));
        Seen before = seen.put(file, now);
        byte[] content;
        try (InputStream in = Files.newInputStream(file)) {
            content = in.readNBytes(Documents.MAX_BUNDLE_BYTES + 1); // one more than is taken
        }
        boolean whole = isDocument(content) || isBundle(content);
        if (!whole && !now.equals(before)) {
            return; // perhaps it is still being written; the next look decides
        }
        if (whole && now.equals(before)) {
            return; // it was taken, and could not be renamed
        }
        boolean taken = taker.test(content, "file " + file); // of one that is no document too: for the alarm
        Path renamed = file.resolveSibling(file.getFileName() + (taken ? ".taken" : ".rejected"));
        try {
            Files.move(file, renamed, StandardCopyOption.REPLACE_EXISTING);
            seen.remove(file);
        } catch (IOException e) {
            log.atWarn().addKeyValue("file", file).setCause(e).log("a drop-in cannot be renamed");
        }
    }

    static boolean isDocument(byte[] content) {
        try {
            SignedDocument.parse(content);
            return true;
        } catch (Rejected e) {
            return false;
        }
    }

    static boolean isBundle(byte[] content) {
        try {
            return Documents.readBundle(content).stream().allMatch(DropInFolder::isDocument);
        } catch (Rejected e) {
            return false;
        }
    }
}
