package io.nearkv.net.rest;

import io.nearkv.core.Key;
import io.netty.handler.codec.http.QueryStringDecoder;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The parameters behind the question mark. What is not asked for is ignored; what is, must be there once at most. Immutable. */
final class Query {
    private static final Query NOTHING = new Query(Map.of());
    private static final int MAX_PARAMETERS = 64;

    /** No number that is ever parsed. */
    static final long ABSENT = Long.MIN_VALUE;

    private final Map<String, List<String>> parameters;

    private Query(Map<String, List<String>> parameters) {
        this.parameters = parameters;
    }

    /** Returns the parameters of an encoded query; throws 400 if it cannot be decoded. */
    static Query of(String encoded) {
        if (encoded.isEmpty()) {
            return NOTHING;
        }
        try {
            return new Query(QueryStringDecoder.builder()
                    .hasPath(false)
                    .semicolonIsNormalChar(true)
                    .maxParams(MAX_PARAMETERS)
                    .build(encoded)
                    .parameters());
        } catch (IllegalArgumentException e) {
            throw RestException.invalid(
                    WorkersCodes.VALIDATION, "the query is not well-formed (expected: name=value&…)");
        }
    }

    /** Returns the value of a parameter, or null if it is not there. Throws 400 if it is there twice. */
    @Nullable
    String text(String name) {
        List<String> values = parameters.get(name);
        if (values == null || values.isEmpty()) {
            return null;
        }
        if (values.size() > 1) {
            throw RestException.invalid(WorkersCodes.VALIDATION, name + " is given " + values.size() + " times");
        }
        return values.get(0);
    }

    /** Returns the whole number that a parameter is, or the default if it is not there. Throws 400 if it is none or out of range. */
    int number(String name, int min, int max, int otherwise) {
        String text = text(name);
        if (text == null) {
            return otherwise;
        }
        long number = wholeNumber(name, text);
        if (number < min || number > max) {
            throw RestException.invalid(
                    WorkersCodes.VALIDATION, name + ": " + number + " (expected: " + min + " to " + max + ")");
        }
        return (int) number;
    }

    /** Returns the whole number that a parameter is, or {@link #ABSENT} if it is not there or empty. Throws 400 if it is none. */
    long seconds(String name) {
        String text = text(name);
        return text == null || text.isEmpty() ? ABSENT : wholeNumber(name, text);
    }

    private static long wholeNumber(String name, String text) {
        // Long.parseLong also takes plus signs and the digits of other scripts.
        boolean digits = !text.isEmpty() && text.length() <= 18;
        for (int i = 0; i < text.length() && digits; i++) {
            char c = text.charAt(i);
            digits = (c >= '0' && c <= '9') || (c == '-' && i == 0 && text.length() > 1);
        }
        if (!digits) {
            throw RestException.invalid(
                    WorkersCodes.VALIDATION, name + ": '" + Key.display(text) + "' (expected: a whole number)");
        }
        return Long.parseLong(text);
    }
}
