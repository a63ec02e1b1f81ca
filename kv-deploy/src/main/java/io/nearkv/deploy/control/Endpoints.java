package io.nearkv.deploy.control;

import io.nearkv.core.Key;
import java.util.List;
import java.util.regex.Pattern;

/** Where nodes listen, as operators write it. */
final class Endpoints {
    private static final Pattern FORM =
            Pattern.compile("kvs?://(\\[[0-9a-fA-F:.]{2,45}]|[A-Za-z0-9._-]{1,253}):\\d{1,5}");

    private Endpoints() {}

    static List<String> checked(String name, List<String> endpoints, int max) {
        if (endpoints.size() > max) {
            throw new IllegalArgumentException(name + ": " + endpoints.size() + " (expected: at most " + max + ")");
        }
        for (String endpoint : endpoints) {
            if (!FORM.matcher(endpoint).matches()) {
                throw new IllegalArgumentException(name + ": '" + Key.display(endpoint)
                        + "' (expected: kv://HOST:PORT, or kvs://HOST:PORT for TLS)");
            }
        }
        List<String> distinct = endpoints.stream().distinct().toList();
        if (distinct.size() != endpoints.size()) {
            throw new IllegalArgumentException(name + ": one is given twice");
        }
        return distinct;
    }

    /** Returns a text for people, checked. */
    static String text(String name, String text) {
        if (text.length() > ControlLimits.MAX_TEXT_CHARS || text.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException(name + ": '" + Key.display(text) + "' (expected: one line of at most "
                    + ControlLimits.MAX_TEXT_CHARS + " characters)");
        }
        return text;
    }
}
