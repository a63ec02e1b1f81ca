package io.nearkv.server.control;

import static java.util.Objects.requireNonNull;

import io.nearkv.deploy.control.ControlPlane;
import io.nearkv.server.config.DataFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/**
 * What of a data folder belongs to the control plane of its environment. Immutable.
 *
 * @param data the folder, with the environment's identity in it
 */
public record ControlFolder(DataFolder data) {
    /** Checks that a folder is given. */
    public ControlFolder {
        requireNonNull(data, "data");
    }

    /** Returns where {@code nearkv env create} puts the keys of routes, unless it is told otherwise. */
    public Path keys() {
        return data.path().resolve("deploy");
    }

    /** Returns the folder of the control plane's own store, audit log and bundle. */
    public Path state() {
        return data.path().resolve("control");
    }

    /** Returns the file with trust, ledger and route that the control plane keeps up to date. */
    public Path bundle() {
        return ControlPlane.bundleFile(state());
    }

    private Path address() {
        return state().resolve("control.address");
    }

    /** Returns where the control plane of this folder listens, or null if none runs (or one that was killed never did). */
    public @Nullable String readAddress() throws IOException {
        return DataFolder.readOneLine(address());
    }

    /** Records where the control plane listens. */
    public void writeAddress(String url) throws IOException {
        Path fresh = address().resolveSibling("control.address.new");
        Files.writeString(fresh, url + "\n");
        Files.move(fresh, address(), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    /** Forgets the address if it is still this one. */
    public void removeAddress(String url) throws IOException {
        if (url.equals(readAddress())) {
            Files.deleteIfExists(address());
        }
    }
}
