package io.nearkv.deploy.model;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/**
 * A build that has proved good, in the ledger. Immutable.
 *
 * @param number 1 for the first
 * @param build the build and where its instances are, with weight 0 and this number
 * @param addedAt seconds since 1970
 * @param previous the {@link #hash()} of the entry before this one, empty for the first
 * @param why for people
 */
public record LedgerEntry(long number, RouteEntry build, long addedAt, String previous, String why) {
    /** Checks the ranges, with {@link IllegalArgumentException}. */
    public LedgerEntry {
        requireNonNull(build, "build");
        ModelLimits.number("number", number, 1);
        ModelLimits.time("added", addedAt);
        ModelLimits.text("why", why);
        if (number == 1 ? !previous.isEmpty() : previous.isEmpty()) {
            throw new IllegalArgumentException("previous: of entry " + number + " (expected: none for the first only)");
        }
        if (!previous.isEmpty()) {
            ModelLimits.hexHash("previous", previous);
        }
        if (build.weight() != 0 || build.ledgerNumber() != number) {
            throw new IllegalArgumentException("build: expected with weight 0 and ledger number " + number);
        }
    }

    /** Returns the SHA-256 of the entry in hex: over each part with its length before it, in the order of {@code docs/formats/deploy.md}. */
    public String hash() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        put(out, ByteBuffer.allocate(Long.BYTES).putLong(number).array());
        put(out, build.build().service().toString().getBytes(UTF_8));
        put(out, build.build().digest().toArray());
        put(out, build.build().nonce().toArray());
        put(out, build.version().getBytes(UTF_8));
        put(out, String.join("\n", build.endpoints()).getBytes(UTF_8));
        put(out, ByteBuffer.allocate(Long.BYTES).putLong(addedAt).array());
        put(out, previous.getBytes(UTF_8));
        put(out, why.getBytes(UTF_8));
        return Bytes.sha256(out.toByteArray()).hex();
    }

    private static void put(ByteArrayOutputStream out, byte[] part) {
        out.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(part.length).array());
        out.writeBytes(part);
    }
}
