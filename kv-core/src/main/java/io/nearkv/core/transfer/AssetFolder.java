package io.nearkv.core.transfer;

import static java.util.Objects.requireNonNull;

import io.nearkv.core.ErrorCode;
import io.nearkv.core.KvException;
import io.nearkv.core.KvNamespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;

/**
 * Import of a folder of files as a bundle of static assets. Each regular file becomes an entry: its path relative to the folder, with {@code /} between the names, is the key,
 * and its content type, by the extension of its name, and size are the metadata: {@code {"contentType":"text/css","size":1234}}.
 *
 * <p>Symbolic links are followed where they lead to something inside of the folder. Links that lead out of it, nowhere, or round in circles, files that are no regular files
 * (pipes, sockets, devices; they are never opened), cannot be read, are larger than a value may be, or have a name that cannot be a key are left out and reported; the
 * others are imported all the same.
 */
public final class AssetFolder {
    private AssetFolder() {}

    /**
     * Writes the files below a folder into a namespace, in no particular order and overwriting what is there. Entries of files that are no more are left alone.
     *
     * @throws IOException if the folder itself cannot be read
     * @throws KvException if the store fails; {@link ErrorCode#NOT_FOUND} if there is no such namespace. What was written stays
     */
    public static AssetReport importInto(KvNamespace namespace, Path folder, AssetOptions options) throws IOException {
        requireNonNull(options, "options");
        if (!Files.isDirectory(folder)) {
            throw new NotDirectoryException(folder.toString());
        }
        return new AssetImporter(namespace, folder, options).run();
    }
}
