package io.nearkv.core.identity;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The highest serial of a revocation list that a node has taken, beside the list: without it a list from before a revocation, put in place while the node is
 * down, would bring the revoked token back. It is no secret and not signed: whoever can write it can take the list away as well; what it stops is an old copy,
 * which anybody may have. Immutable.
 *
 * @param serial the serial, at least 1; 0 where no list was ever taken
 */
record RevocationMark(long serial) {
    static final RevocationMark NONE = new RevocationMark(0);

    private static final int FORMAT = 1;
    private static final int MAX_FILE_BYTES = 1024;

    /** Returns the file of the mark that belongs to this revocation list. */
    static Path fileOf(Path revocations) {
        return revocations.resolveSibling("revocations.seen");
    }

    /** Reads a mark; a missing file is {@link #NONE}. */
    static RevocationMark read(Path file, Environment environment) throws IOException, MalformedException {
        try {
            Members members =
                    new Members(StrictJson.TOKENS.readObject(OwnerOnlyFiles.read(file, MAX_FILE_BYTES), "it"), "it");
            long format = members.positive("format");
            if (format != FORMAT) {
                throw new MalformedException("it has format " + format + ", and this version reads " + FORMAT);
            }
            if (!members.text("environment").equals(environment.name())) {
                throw new MalformedException("it is of another environment than '" + environment + "'");
            }
            return new RevocationMark(members.positive("serial"));
        } catch (NoSuchFileException e) {
            return NONE;
        }
    }

    /** Writes the mark and makes it last. */
    void write(Path file, Environment environment) throws IOException {
        Map<String, Object> content = new LinkedHashMap<>();
        content.put("format", FORMAT);
        content.put("environment", environment.name());
        content.put("serial", serial);
        OwnerOnlyFiles.write(file, StrictJson.DOCUMENTS.writeIndented(content));
    }

    /** Refuses a list that is older than the one that was taken last; {@code found} is its serial, or 0 if it is not there. */
    void check(long found, Path file) throws MalformedException {
        if (found < serial) {
            throw new MalformedException((found == 0 ? "it is missing" : "it has serial " + found)
                    + ", and the list with serial " + serial + " was in force here ('" + file.getFileName()
                    + "' remembers that); what was revoked since would be good again");
        }
    }
}
