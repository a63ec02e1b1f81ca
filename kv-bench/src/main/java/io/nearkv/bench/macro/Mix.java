package io.nearkv.bench.macro;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * In which proportion the operations of a load are drawn. Immutable.
 *
 * @param weights the weight of each kind, none negative, at least one positive
 */
public record Mix(Map<OperationKind, Integer> weights) {
    /** Reads alone. */
    public static final Mix GETS = only(OperationKind.GET);

    /** Makes the map read-only and checks it. */
    public Mix {
        EnumMap<OperationKind, Integer> positive = new EnumMap<>(OperationKind.class);
        weights.forEach((kind, weight) -> {
            if (weight < 0 || weight > 1_000_000) {
                throw new IllegalArgumentException(
                        "weight of " + kind.label() + ": " + weight + " (expected: 0 to 1000000)");
            }
            if (weight > 0) {
                positive.put(kind, weight);
            }
        });
        if (positive.isEmpty()) {
            throw new IllegalArgumentException("mix: empty (expected: such as get=90,put=10)");
        }
        weights = Map.copyOf(positive);
    }

    /** Returns a mix of one kind. */
    public static Mix only(OperationKind kind) {
        return new Mix(Map.of(kind, 100));
    }

    /** Returns the mix with this text form, such as {@code get=90,put=10}. */
    public static Mix parse(String text) {
        Map<OperationKind, Integer> weights = new EnumMap<>(OperationKind.class);
        for (String part : text.split(",", -1)) {
            int equals = part.indexOf('=');
            try {
                OperationKind kind = OperationKind.valueOf(
                        (equals < 0 ? part : part.substring(0, equals)).strip().toUpperCase(Locale.ROOT));
                int weight = equals < 0
                        ? 100
                        : Integer.parseInt(part.substring(equals + 1).strip());
                if (weights.put(kind, weight) != null) {
                    throw new IllegalArgumentException("mix: " + kind.label() + " twice in '" + text + "'");
                }
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("mix: '" + part + "' (expected: a kind and its weight, get=90)", e);
            }
        }
        return new Mix(weights);
    }

    /** Returns whether some keys may be gone, so that a read that finds nothing is no fault. */
    public boolean deletes() {
        return weights.containsKey(OperationKind.DELETE);
    }

    /** Returns whether the mix is of this one kind. */
    public boolean isOnly(OperationKind kind) {
        return weights.size() == 1 && weights.containsKey(kind);
    }

    /** Returns a table of kinds in which each is found as often as its weight says, in random order, for a walk through it. */
    OperationKind[] table(RandomGenerator random, int size) {
        int total = weights.values().stream().mapToInt(Integer::intValue).sum();
        OperationKind[] table = new OperationKind[size];
        for (int i = 0; i < size; i++) {
            int left = random.nextInt(total);
            for (OperationKind kind : OperationKind.values()) {
                left -= weights.getOrDefault(kind, 0);
                if (left < 0) {
                    table[i] = kind;
                    break;
                }
            }
        }
        return table;
    }

    /** Returns the text form. */
    @Override
    public String toString() {
        return weights.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(each -> each.getKey().label() + "=" + each.getValue())
                .collect(Collectors.joining(","));
    }
}
