package io.nearkv.bench.macro;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

/**
 * The keys and values of a load: {@code bench/NNNNNNN/nn}, 100 keys below each prefix, so that a list of one prefix has 100 names. Ranks of the Zipf distribution are
 * spread over the keys, so that hot keys are not neighbours. Immutable, except that arrays are handed out as they are and must be left alone.
 *
 * @param keys how many keys, 1 to 100 million
 * @param valueBytes the bytes of each value, 0 to 25 MiB
 * @param zipfExponent how skewed the choice of keys is; 0 for all alike
 * @param seed where the random numbers begin
 */
public record KeySpace(int keys, int valueBytes, double zipfExponent, long seed) {
    /** Names below each prefix. */
    public static final int NAMES_PER_PREFIX = 100;

    private static final int VALUE_VARIANTS = 64;

    /** Checks the ranges. */
    public KeySpace {
        if (keys < 1 || keys > 100_000_000) {
            throw new IllegalArgumentException("keys: " + keys + " (expected: 1 to 100000000)");
        }
        if (valueBytes < 0 || valueBytes > 25 * 1024 * 1024) {
            throw new IllegalArgumentException("valueBytes: " + valueBytes + " (expected: 0 to 26214400)");
        }
        if (zipfExponent < 0 || zipfExponent > 5) {
            throw new IllegalArgumentException("zipfExponent: " + zipfExponent + " (expected: 0 to 5)");
        }
    }

    /** Returns the key space that the published figures are of. */
    public static KeySpace standard() {
        return new KeySpace(1_000_000, 100, 0.99, 42);
    }

    /** Returns the name of a key. */
    public String name(int index) {
        return prefix(index) + twoDigits(index % NAMES_PER_PREFIX);
    }

    /** Returns the prefix that a key shares with 99 others, the slash included. */
    public String prefix(int index) {
        String digits = Integer.toString(index / NAMES_PER_PREFIX);
        return "bench/" + "0".repeat(Math.max(0, 7 - digits.length())) + digits + "/";
    }

    /** Returns how many keys there are below the prefix of this key. */
    public int namesBelow(int index) {
        int first = index - index % NAMES_PER_PREFIX;
        return Math.min(NAMES_PER_PREFIX, keys - first);
    }

    private static String twoDigits(int number) {
        return number < 10 ? "0" + number : Integer.toString(number);
    }

    /** Returns the bytes of the names of all keys. */
    public byte[][] keyBytes() {
        byte[][] bytes = new byte[keys][];
        for (int i = 0; i < keys; i++) {
            bytes[i] = name(i).getBytes(StandardCharsets.US_ASCII);
        }
        return bytes;
    }

    /** Returns some values to choose from; a value does not depend on its key. */
    public byte[][] values() {
        SplittableRandom random = new SplittableRandom(seed);
        byte[][] values = new byte[valueBytes > 64 * 1024 ? 1 : VALUE_VARIANTS][];
        for (int i = 0; i < values.length; i++) {
            values[i] = new byte[valueBytes];
            random.nextBytes(values[i]);
        }
        return values;
    }

    /** Returns a sequence of key indexes, drawn as the exponent says. The salt tells sequences of one load apart. */
    public int[] sequence(int length, int salt) {
        SplittableRandom random = new SplittableRandom(seed * 31 + salt);
        int[] sequence = new int[length];
        if (zipfExponent == 0) {
            for (int i = 0; i < length; i++) {
                sequence[i] = random.nextInt(keys);
            }
        } else {
            ZipfRanks ranks = new ZipfRanks(keys, zipfExponent);
            for (int i = 0; i < length; i++) {
                sequence[i] = spread(ranks.next(random) - 1);
            }
        }
        return sequence;
    }

    /** Returns every key index once, in an order that leaves neighbours far apart. */
    public int[] everyKeyOnce() {
        int[] order = new int[keys];
        for (int i = 0; i < keys; i++) {
            order[i] = spread(i);
        }
        return order;
    }

    /** A one-to-one map of the indexes: multiplication by a number that has no factor in common with their count. */
    private int spread(int rank) {
        long factor = (long) (keys * 0.618_033_988_75);
        while (greatestCommonDivisor(factor, keys) != 1) {
            factor++;
        }
        return (int) ((rank * factor + seed % keys + keys) % keys);
    }

    private static long greatestCommonDivisor(long a, long b) {
        return b == 0 ? a : greatestCommonDivisor(b, a % b);
    }
}
